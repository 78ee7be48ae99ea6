"""The points map: from points to the conversion observed for them, without any model.

It is a small file of its own, so that losing the model does not lose it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features.writing import write_whole
from models.evidence import Basis, Evidence

__all__ = ["Evidence", "PointsMap", "drawn_rows"]

_FORMAT = "tegakari points map 1"


def drawn_rows(
    lead: npt.NDArray[np.int64], order_by: Sequence[npt.NDArray[Any]], seed: int = 0
) -> npt.NDArray[np.int64]:
    """At most one row of each lead, every row as likely as any other.

    A lead is drawn with probability (its rows / most rows of a lead), then one of its rows. Taking a
    row of every lead instead would count leads that soon convert, and so have few rows, for too
    much: a list scored at one moment consists of those that stay.

    Parameters
    ----------
    lead : ndarray of shape (n_rows,), int64
    order_by : sequence of ndarray of shape (n_rows,)
        What tells the rows of a lead apart, so that their order does not matter.

    Returns
    -------
    ndarray of shape (n_drawn,), positions of rows, by lead
    """
    if not len(lead):
        return np.empty(0, dtype=np.int64)
    order = np.lexsort((*order_by, lead))
    _, first, rows = np.unique(lead[order], return_index=True, return_counts=True)
    chance = np.random.default_rng(seed).random((2, len(first)))
    drawn = chance[0] < rows / rows.max()
    picked: npt.NDArray[np.int64] = order[
        first[drawn] + (chance[1, drawn] * rows[drawn]).astype(np.int64)
    ]
    return picked


@dataclass(frozen=True)
class PointsMap:
    """The conversion observed for points, by one playbook and task.

    Attributes
    ----------
    task, playbook_version : str
    observed_until : int
        The instant up to which conversions were observed.
    evidence : Evidence
    """

    task: str
    playbook_version: str
    observed_until: int
    evidence: Evidence

    @classmethod
    def fit(
        cls,
        points: npt.NDArray[np.int64],
        label: npt.NDArray[Any],
        lead: npt.NDArray[np.int64],
        *,
        task: str,
        playbook_version: str,
        observed_until: int,
        seed: int = 0,
    ) -> PointsMap:
        """Observe what became of leads with so many points.

        Parameters
        ----------
        points, label, lead : ndarray of shape (n_rows,)
            Rows of a mature spine: points as of the cutoff, whether the task's event came within
            the horizon, and whose row it is. `drawn_rows` picks rows, so that n counts leads.
        """
        rows = drawn_rows(lead, (label, points), seed)
        return cls(task, playbook_version, observed_until, Evidence.of(points[rows], label[rows]))

    def lookup(
        self, points: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """The probability for points, and the bin it comes from (NaN and -1 without evidence)."""
        place = self.evidence.find(points)
        return np.append(self.evidence.probability, np.nan)[place], place

    def probability(self, points: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """The probability for points, shape (n,); NaN without evidence."""
        return self.lookup(points)[0]

    def basis(self, place: int) -> Basis:
        """What was observed in a bin that `lookup` named."""
        return self.evidence.bins[place].basis

    def save(self, folder: Path) -> Path:
        """Write ``<task>-<playbook version>.json`` into `folder`, whole or not at all."""
        content = {**asdict(self), "format": _FORMAT, "evidence": self.evidence.to_json()}
        stored = {"content": content, "sha256": _checksum(content)}
        folder.mkdir(parents=True, exist_ok=True)
        path = _path(folder, self.task, self.playbook_version)
        write_whole(path, lambda file: file.write(json.dumps(stored, indent=1).encode()))
        return path

    @classmethod
    def load(cls, folder: Path, task: str, playbook_version: str) -> tuple[PointsMap | None, str]:
        """The points map of a task and playbook, or None and why there is none; never an error."""
        path = _path(folder, task, playbook_version)
        try:
            stored = json.loads(path.read_bytes())
            content = stored["content"]
            if stored["sha256"] != _checksum(content):
                return None, f"{path}: the points map is damaged: its checksum differs"
            if content["format"] != _FORMAT:
                return None, f"{path}: expected {_FORMAT!r}, got {content['format']!r}"
            if (content["task"], content["playbook_version"]) != (task, playbook_version):
                return None, f"{path}: the points map is of another task or playbook"
            evidence = Evidence.from_json(content["evidence"])
            return cls(task, playbook_version, int(content["observed_until"]), evidence), ""
        except FileNotFoundError:
            return None, f"{path}: no conversions have been observed for these points yet"
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            return None, f"{path}: the points map cannot be read ({type(error).__name__}: {error})"


def _path(folder: Path, task: str, playbook_version: str) -> Path:
    return folder / f"{task}-{playbook_version}.json"


def _checksum(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
