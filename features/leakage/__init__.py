"""The leakage check: what a model could learn that nobody knows before the outcome.

A *leak* is anything that a row of training shows and a lead still to be predicted never has: a
column filled in when the deal was closed, a counter as of the export, an event of the outcome
under another name. Nothing here knows a data set: evidence is statistical, except for one
documented list of names (`features.leakage.names`), whose findings say so.
"""
