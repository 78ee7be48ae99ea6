"""A trained model as files: nothing in them can run, and damage is found before they answer.

    manifest.json   sha256 of every file of content
    content/        plan.json task.json encoder.json calibrator.json evidence.json golden.json,
                    touches.json where touches were measured, and trees.txt (LightGBM's own text)
                    or logistic.json
    record.json     where it came from: data, counts, figures, versions

A damaged LightGBM text can crash the process that reads it, or load with other predictions.
So files are first compared with their checksums, then loaded and asked for their golden answers in
a process of its own, with a deadline.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features.build import Matrix, build
from features.changes import Changes
from features.colleagues import Colleagues
from features.errors import ArtefactError, TegakariError
from features.form import Form
from features.log import EventLog, Leads
from features.plan import Plan
from features.program import Program, compile_plan
from features.spine import Spine
from features.task import Task
from models.calibration import Calibrator
from models.conversion import ConversionModel, Trees
from models.encode import Encoder
from models.evidence import Evidence
from models.explain import Groups, groups
from models.limits import Limits
from models.logistic import Logistic
from models.request import ScoreRequest, colleagues_in, cutoffs, leads_and_log
from models.touches import Touches

DEADLINE = 300.0
"""Seconds that the check of an artefact may take; compiling the kernel for the first time is most of it."""

_FORMAT = 1


@dataclass(frozen=True)
class Golden:
    """Synthetic leads with the answers this artefact gave when it was made."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Artefact:
    """A trained model with everything that decides its answers.

    Attributes
    ----------
    plan, task, encoder, model
        What a feature vector is, what is predicted, and how.
    evidence : Evidence or None
        Conversions observed among held-out leads, by predicted probability.
    touches : Touches or None
        Conversions of held-out leads with and without each touch; None where there are no times,
        and of an artefact from before they were measured.
    golden : Golden
    record : dict
        Where it came from; it decides no answer.
    """

    plan: Plan
    task: Task
    encoder: Encoder
    model: ConversionModel
    evidence: Evidence | None = None
    touches: Touches | None = None
    golden: Golden = Golden()
    record: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def program(self) -> Program:
        """The plan, laid out for the kernel."""
        return compile_plan(self.plan)

    @cached_property
    def groups(self) -> Groups:
        """Which features make one reason."""
        return groups(self.plan, self.encoder.statistics)

    @cached_property
    def limits(self) -> Limits:
        """How far its training reached."""
        return Limits.of_record(self.record, self.task.horizon)

    @cached_property
    def version(self) -> str:
        """A short hash of the content."""
        return _version(_checksums(self._content()))

    def matrix(
        self,
        leads: Leads,
        log: EventLog,
        spine: Spine,
        changes: Changes | None = None,
        colleagues: Colleagues | None = None,
    ) -> Matrix:
        """The features of each row of a spine, by this artefact's plan."""
        return build(self.plan, self.program, leads, log, spine, changes, colleagues)

    def answers(self, requests: Sequence[dict[str, Any]]) -> npt.NDArray[np.float64]:
        """Probabilities of requests as HTTP takes them, each with its ``as_of``."""
        parsed = [ScoreRequest.model_validate(request) for request in requests]
        form = Form({}, {}, None, frozenset(), 2**62)
        leads, log = leads_and_log(parsed, form)
        at = cutoffs(parsed, form, 0)
        rows = np.arange(len(parsed))
        spine = Spine(rows, at, None, np.zeros_like(rows))
        matrix = self.matrix(leads, log, spine, colleagues=colleagues_in(parsed, leads, form))
        return self.model.probability(self.encoder.encode(matrix))

    def save(self, folder: Path) -> None:
        """Write the artefact into an empty or absent folder."""
        content = self._content()
        (folder / "content").mkdir(parents=True)
        for name, data in content.items():
            (folder / "content" / name).write_bytes(data)
        manifest = {"format": _FORMAT, "sha256": _checksums(content)}
        (folder / "record.json").write_bytes(_json(self.record))
        (folder / "manifest.json").write_bytes(_json(manifest))

    def _content(self) -> dict[str, bytes]:
        content = {
            "plan.json": _json(self.plan.to_json()),
            "task.json": _json(self.task.to_json()),
            "encoder.json": _json(self.encoder.to_json()),
            "calibrator.json": _json(self.model.calibrator.to_json()),
            "evidence.json": _json(self.evidence.to_json() if self.evidence else None),
            "golden.json": _json(
                {
                    "requests": self.golden.requests,
                    "probabilities": [p.hex() for p in self.golden.probabilities],
                }
            ),
        }
        if self.touches is not None:
            content["touches.json"] = _json(self.touches.to_json())
        estimator = self.model.estimator
        if isinstance(estimator, Trees):
            content["trees.txt"] = estimator.text.encode()
        else:
            content["logistic.json"] = _json(estimator.to_json())
        return content


def load(folder: Path) -> Artefact:
    """Read an artefact whose files equal their checksums.

    Raises
    ------
    ArtefactError
        When it is not an artefact, is damaged, or needs kinds of features that this version lacks.
    """
    manifest = _manifest(folder)
    files = _checked(folder, manifest)

    def stored(name: str) -> Any:
        return json.loads(files[name])

    try:
        golden = stored("golden.json")
        estimator = (
            Trees(files["trees.txt"].decode())
            if "trees.txt" in files
            else Logistic.from_json(stored("logistic.json"))
        )
        evidence = stored("evidence.json")
        return Artefact(
            plan=Plan.from_json(stored("plan.json")),
            task=Task.from_json(stored("task.json")),
            encoder=Encoder.from_json(stored("encoder.json")),
            model=ConversionModel(estimator, Calibrator.from_json(stored("calibrator.json"))),
            evidence=Evidence.from_json(evidence) if evidence else None,
            touches=Touches.from_json(stored("touches.json")) if "touches.json" in files else None,
            golden=Golden(golden["requests"], [float.fromhex(p) for p in golden["probabilities"]]),
            record=json.loads((folder / "record.json").read_bytes()),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OSError, TegakariError) as error:
        raise ArtefactError(
            f"{folder}: the artefact cannot be read by this version: {error}"
        ) from error


def check(folder: Path, deadline: float = DEADLINE) -> None:
    """Find out, in a process of its own, whether an artefact still gives its golden answers.

    Raises
    ------
    ArtefactError
        When it does not, crashes, or takes longer than `deadline` seconds.
    """
    _checked(folder, _manifest(folder))
    command = [sys.executable, "-m", "models.artefact", str(folder.resolve())]
    try:
        done = subprocess.run(
            command,
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            text=True,
            errors="replace",  # LightGBM quotes what it cannot read, byte for byte
            timeout=deadline,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ArtefactError(f"{folder}: the check took longer than {deadline:g} s.") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ArtefactError(f"{folder}: the artefact failed its check: {said}")


def compare_golden(folder: Path) -> None:
    """Load an artefact and compare its answers with its golden ones (call it through `check`)."""
    artefact = load(folder)
    if not artefact.golden.requests:
        raise ArtefactError(f"{folder}: the artefact has no golden rows.")
    artefact.model.prepare()
    answers = artefact.answers(artefact.golden.requests)
    expected = np.array(artefact.golden.probabilities)
    # Equal bits are promised on one machine; another may differ in the last places of exp and log.
    if not np.allclose(answers, expected, rtol=0, atol=1e-9):
        worst = int(np.argmax(np.abs(answers - expected)))
        raise ArtefactError(
            f"golden row {worst}: expected probability {expected[worst]!r}, got {answers[worst]!r}"
        )


def _manifest(folder: Path) -> dict[str, str]:
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        if manifest["format"] != _FORMAT:
            raise ArtefactError(f"{folder}: expected format {_FORMAT}, got {manifest['format']!r}.")
        return dict(manifest["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(
            f"{folder}: expected the folder of a trained model with a manifest.json ({error})."
        ) from error


def _checked(folder: Path, expected: dict[str, str]) -> dict[str, bytes]:
    files = {}
    for name, digest in expected.items():
        try:
            files[name] = (folder / "content" / Path(name).name).read_bytes()
        except OSError as error:
            raise ArtefactError(f"{folder}: content/{name} is missing.") from error
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise ArtefactError(f"{folder}: content/{name} is damaged: its checksum differs.")
    return files


def _checksums(content: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(content.items())}


def _version(checksums: dict[str, str]) -> str:
    return hashlib.sha256(_json(checksums)).hexdigest()[:12]


def _json(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=True)
    return text.encode()


if __name__ == "__main__":
    try:
        compare_golden(Path(sys.argv[1]))
    except TegakariError as refusal:
        sys.exit(str(refusal))
