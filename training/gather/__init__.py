"""From the exports that a company has to the tables of the contract, every row accounted for.

said.py       what a sources file says, as a Pydantic schema
presets.py    what the exports of known products are called, in presets/*.toml
files.py      the files of a source, and the cells of its columns
keyring.py    which lead a row is about: by id, e-mail, phone or another key
gather.py     leads, identities, events and changes, in this order
command.py    the verb, from options to an exit code
"""
