"""Leads and events in, numbers out: the contract's tables, spines, and one kernel for every feature."""
