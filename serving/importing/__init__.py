"""Contract tables into the store: every row accounted for, however often it is broken off."""
