"""What one trial is about, and how it went."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from serving.process import Unwell, surroundings

_LEADS = "4000"
"""Leads of the small world that a model is trained on, where none was given."""


@dataclass(frozen=True)
class Row:
    """A trial that was made.

    Attributes
    ----------
    name : str
    done : str
        What was done to the service.
    asked : str
        What had to hold.
    measured : str
        What was seen.
    ok : bool
    """

    name: str
    done: str
    asked: str
    measured: str
    ok: bool


@dataclass(frozen=True)
class Ground:
    """Where a trial is made, and how much of it.

    Attributes
    ----------
    folder : Path
        Empty, and gone afterwards.
    home : Path or None
        A home with a trained model; None: a small one is trained where it is needed.
    part : float
        Of what is asked, such as of 100 kills: 1 for all of it.
    """

    folder: Path
    home: Path | None
    part: float

    def times(self, whole: int) -> int:
        """How often something is done that is asked so often."""
        return max(2, round(whole * self.part))

    def trained(self) -> Path:
        """A home of its own with a trained model."""
        home = self.folder / "trained"
        if self.home is not None:
            # What a service has stored in it stays behind.
            shutil.copytree(self.home, home, ignore=shutil.ignore_patterns("store.db*"))
            return home
        command = [sys.executable, "-m", "tegakari", "demo", "--no-serve", "--leads", _LEADS]
        done = subprocess.run(
            command, env=surroundings(home), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Unwell(f"tegakari demo: {done.stderr[-500:]}")
        return home
