"""How good the model is, beside references run in the same command; `python -m training.quality` prints it.

Nothing is chosen here: every model is trained as `tegakari train` does, and each test row is
predicted once by each.
"""
