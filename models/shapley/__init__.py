"""Exact Shapley values of a sum of trees: what each feature added to a raw score.

Explained is the path-dependent game of Lundberg et al. (2020): a feature that is left out follows
both branches of its splits, in proportion to the training rows that did.

    nodes       LightGBM's text as arrays
    product     the Shapley values of one leaf, which is a product of its features
    parts       trees cut into parts whose values, for whatever a lead may do, stand in tables
    values      the values of leads, looked up
    difference  what each feature did to the difference of two scores of a lead

References
----------
Lundberg, S. et al. (2020). From local explanations to global understanding with explainable AI for
trees. Nature Machine Intelligence 2.
Yang, J. (2021). Fast TreeSHAP: accelerating SHAP value computation for trees. arXiv:2109.09847.
"""
