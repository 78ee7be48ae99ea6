"""What each family of features adds, on real and on invented leads; `python -m training.worth` prints it.

A model is fitted on the counts alone, on the counts and one family, and on all families, as
`tegakari train` fits: the same plan, masking, ladder and calibration.
"""
