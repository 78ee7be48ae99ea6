"""Ways in which the files of a model are damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path


def edit(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text("utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, "utf-8")


def truncated(folder: Path) -> None:
    edit(folder / "content/trees.txt", lambda text: text[: len(text) // 2])


def line_missing(folder: Path) -> None:
    edit(folder / "content/trees.txt", lambda text: text.replace("num_leaves=7\n", "", 1))


def digit_changed(folder: Path) -> None:
    def change(text: str) -> str:
        at = text.index("leaf_value=") + len("leaf_value=") + 4
        return text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :]

    edit(folder / "content/trees.txt", change)


def digit_changed_and_signed(folder: Path) -> None:
    digit_changed(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    trees = (folder / "content/trees.txt").read_bytes()
    manifest["sha256"]["trees.txt"] = sha256(trees).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def manifest_missing(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def manifest_damaged(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"format": 1, "sha256": {"plan')


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


DAMAGES = [
    truncated,
    line_missing,
    digit_changed,
    digit_changed_and_signed,
    manifest_missing,
    manifest_damaged,
    emptied,
]
