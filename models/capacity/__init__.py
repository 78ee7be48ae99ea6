"""How many leads come to be called: over which line, how many a week, and how many of them convert."""
