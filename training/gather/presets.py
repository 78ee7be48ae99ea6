"""What the exports of known products are called; see ``presets/*.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from training.gather.said import SourceSection

FOLDER = Path(__file__).with_name("presets")


@cache
def presets() -> dict[str, SourceSection]:
    """Every preset by its name, ``product.table``."""
    found = {}
    for path in sorted(FOLDER.glob("*.toml")):
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        for name, table in said.items():
            found[f"{path.stem}.{name}"] = SourceSection.model_validate(table)
    return found
