"""The playbook: what a company means by its events, leads, points and stages, in one TOML file.

`values` and `conditions` are what its sections are made of, `schema` puts the sections together,
`source` reads a text into them and says what is wrong where, and `Playbook` is what all else asks.
"""

from models.playbook.playbook import Playbook, in_language

__all__ = ["Playbook", "in_language"]
