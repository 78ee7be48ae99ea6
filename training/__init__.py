"""The other user of a model: makes it, measures it, and says how good it is."""
