"""The report: every figure of a set of answers as plain data, its plots, and one page of them.

Figures are worked out once (`report.report_of`); plots and page only show what a `Report` holds.
"""
