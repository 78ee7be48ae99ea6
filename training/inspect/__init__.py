"""What a file is, before anything runs on it.

columns.py    each column: role, time, type, how much is missing, what stands in it
traps.py      what of it leads people astray, as far as the file shows it
command.py    the verb, from options to an exit code
"""
