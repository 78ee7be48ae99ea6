"""What the service does in a second, beside named references in the same run: ``make bench-http``."""
