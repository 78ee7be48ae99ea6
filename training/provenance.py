"""Which code made a model: the versions it ran on, and the revision it was checked out at."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "lightgbm",
    "mlflow",
    "numba",
    "numpy",
    "optuna",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "tzdata",
)
"""The packages that decide what is read, learnt and stored."""

_ROOT = Path(__file__).resolve().parents[1]
_OURS = "tegakari.py"
"""A file of the checkout: a repository that does not hold it is somebody else's."""
_DEADLINE = 10.0


def versions() -> dict[str, str]:
    """The versions of Python and of `PACKAGES`; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def revision(root: Path = _ROOT) -> str | None:
    """The git revision of the code, with ``+`` where tracked files differ from it.

    None where the code is not a checkout, or git is not there to ask.
    """
    if _git(root, "ls-files", "--error-unmatch", _OURS) is None:
        return None
    head = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return head and head + ("+" if changed else "")


def _git(root: Path, *words: str) -> str | None:
    """What git says; None when it refuses or is away."""
    # A git hook that started us would point git at a repository of its own.
    environment = {name: v for name, v in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "--no-optional-locks", *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_DEADLINE,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
