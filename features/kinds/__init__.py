"""The kinds of behavioural feature: one file each, found here by being here."""

from __future__ import annotations

import importlib
import pkgutil

from features.kinds.kind import EVENT, Choice, Groups, Happened, Kind, Layout, Seen, Setting


def _found() -> dict[str, Kind]:
    modules = [
        importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
    ]
    kinds = sorted(
        (module.KIND for module in modules if hasattr(module, "KIND")),
        key=lambda kind: (kind.shares or kind.name, kind.shares is not None, kind.name),
    )
    found = {kind.name: kind for kind in kinds}
    if len(found) < len(kinds):
        raise ValueError("two kinds of feature have one name")
    return found


KINDS: dict[str, Kind] = _found()
"""Every kind by its name; one that shares another's memory comes right after it."""

__all__ = ["EVENT", "KINDS", "Choice", "Groups", "Happened", "Kind", "Layout", "Seen", "Setting"]
