"""What the leakage check found: how sure, about what, on which evidence, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Severity = Literal["certain", "likely", "note"]
Kind = Literal["column", "event", "file"]

SEVERITIES: tuple[Severity, ...] = ("certain", "likely", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that tells the outcome, or may.

    Attributes
    ----------
    severity : {"certain", "likely", "note"}
        ``certain``: no honest column or event does this, and training refuses to learn it.
        ``likely``: look at it before you believe the figures. ``note``: good to know.
    kind : {"column", "event", "file"}
    what : str
        The column, the event type, or the table concerned.
    detector : str
        Who found it, in a few words.
    evidence : str
        A sentence with the numbers and their bounds.
    advice : str
        What to do.
    """

    severity: Severity
    kind: Kind
    what: str
    detector: str
    evidence: str
    advice: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.kind} {self.what!r} ({self.detector}): {self.evidence} {self.advice}"


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Certain ones first, then likely ones, then notes; in each by kind and name."""
    return sorted(
        findings, key=lambda f: (SEVERITIES.index(f.severity), f.kind, f.what, f.detector)
    )


def trusting(findings: Iterable[Finding], trusted: Collection[str]) -> list[Finding]:
    """The same findings, those on columns that somebody vouches for being likely at most."""
    return [
        replace(f, severity="likely", advice="Learnt all the same, because of --trust.")
        if f.severity == "certain" and f.kind == "column" and f.what in trusted
        else f
        for f in findings
    ]


def to_drop(column: str) -> str:
    """The option that leaves a column out: ``--drop "Lead Quality"``."""
    plain = column.replace("_", "").replace("-", "").isalnum() and column.isascii()
    return f"--drop {column}" if plain else f'--drop "{column}"'
