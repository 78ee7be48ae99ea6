"""The simulated world: a reseller of 3D-CAD, its leads day by day, and the best possible answer."""
