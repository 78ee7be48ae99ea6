"""Everything Tegakari refuses to do, as one small tree.

    TegakariError           a refusal with a message fit for the person who asked
    ├── UsageError          options that are wrong or contradict each other (exit code 2)
    ├── InputError          a table, a cell or a request that cannot be used
    ├── PlaybookError       a playbook that does not say what it should
    ├── TrainingRefused     data from which no honest model can be trained
    └── ArtefactError       a trained artefact that is damaged, or not one

A message says what was expected, what came, where, and what to do.
"""

from __future__ import annotations


class TegakariError(Exception):
    """Anything Tegakari refuses to do; ``str(error)`` is the whole message."""


class UsageError(TegakariError):
    """Options that are wrong or contradict each other."""


class InputError(TegakariError):
    """A table, a cell or a request that cannot be used."""


class PlaybookError(TegakariError):
    """A playbook that does not say what it should."""


class TrainingRefused(TegakariError):
    """Data from which no honest model can be trained."""


class ArtefactError(TegakariError):
    """A trained artefact that is damaged, or not one."""
