"""The models that were registered, and which of them answers."""
