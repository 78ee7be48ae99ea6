"""What became of leads, by channel, content, pair of channels and target: associations, not effects."""
