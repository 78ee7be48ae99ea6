"""How fast things are, beside references timed in the same run; `python -m training.bench` prints it."""
