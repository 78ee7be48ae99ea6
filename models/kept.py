"""Playbooks that were in use, kept by their versions: an old one still gives the answers it gave."""

from __future__ import annotations

import hashlib
from pathlib import Path

from features.errors import PlaybookError
from features.writing import write_whole
from models.playbook import Playbook


def keep(raw: bytes, folder: Path) -> Path:
    """Keep a playbook as ``<folder>/<version>.toml``, as it is written.

    One that means the same is left as it was kept first; what is no playbook is kept all the same,
    as ``wrong-<its hash>.toml``.
    """
    try:
        name = Playbook.parse(raw.decode("utf-8-sig")).version
    except (PlaybookError, UnicodeDecodeError):
        name = f"wrong-{hashlib.sha256(raw).hexdigest()[:12]}"
    path = folder / f"{name}.toml"
    if not _is(path, name, raw):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda file: file.write(raw))
    return path


def _is(path: Path, version: str, raw: bytes) -> bool:
    """Whether a file holds the playbook of a version already."""
    try:
        return path.read_bytes() == raw or Playbook.load(path).version == version
    except (OSError, PlaybookError):
        return False
