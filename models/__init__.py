"""Features in, answers out: the playbook, points, the conversion model, and the one `Scorer`."""
