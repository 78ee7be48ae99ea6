"""The store: what leads do is only ever added to it, and what was answered is kept beside it.

schema      the tables
engine      how a database is opened: SQLite by default, PostgreSQL where the settings say so
migrations  how an older schema becomes the present one
commit      what jobs write into, and what is told where that fails
grouping    how jobs of one commit are done
writer      one thread that groups what is to be written into few commits
store       `Store`: what the rest of the service asks
"""
