"""Models swapped under load, every fifth of them damaged: no request fails, no answer is wrong."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from pathlib import Path
from threading import Event, Thread
from typing import Any

from models.artefact import load
from models.playbook import Playbook
from models.request import ScoreRequest
from models.settings import FIRST_TASK, Settings
from serving.chaos.row import Ground, Row
from serving.examples import LEAD
from serving.kept import last_good
from serving.process import Service, Unwell
from serving.registry import load_all, model_for

SWAPS, EVERY = 100, 5
_WATCH, _WITHIN = "0.2", 60.0
_PATH = "/v1/score?reasons=0"


def under_load(ground: Ground) -> Row:
    """Two models take turns behind one name, while a client asks and asks."""
    n = ground.times(SWAPS)
    home = ground.trained()
    models = _models(ground, home)
    link = ground.folder / "model"
    link.symlink_to(models["one"])
    settings = {"TEGAKARI_MODEL": str(link), "TEGAKARI_WATCH": _WATCH}
    expected = {load(models[name]).version: _answer(models[name]) for name in ("one", "other")}
    with Service(home, ground.folder / "service.log", settings) as service:
        asking = _Asking(service)
        with asking:
            refused = sum(int(_swap(service, link, models, one)) for one in range(1, n + 1))
    wrong = sum(
        count
        for (version, probability), count in asking.answers.items()
        if version is None or expected.get(version) != probability
    )
    return Row(
        "swaps",
        f"{n} swaps of models under load, every {EVERY}th damaged",
        "0 failed requests, 0 wrong answers, damaged ones refused",
        f"{asking.failed} of {asking.asked:,} requests failed, {wrong} answers wrong, "
        f"{refused} of {n // EVERY} damaged models refused",
        asking.failed == wrong == 0 and refused == n // EVERY and len(asking.answers) == 2,
    )


def _swap(service: Service, link: Path, models: dict[str, Path], number: int) -> bool:
    """Let another model stand behind the name, and wait until it was let in, or refused: then True."""
    damaged = number % EVERY == 0
    name = "damaged" if damaged else ("one", "other")[number % 2]
    before = _counted(service)
    fresh = link.with_name(f"{link.name}-{number}")
    # A folder of its own each time, as a registry has; what is the same as before is no swap.
    fresh.symlink_to(models[name])
    fresh.replace(link)
    end = time.monotonic() + _WITHIN
    while time.monotonic() < end:
        now = _counted(service)
        if damaged and now["refused"] > before["refused"]:
            return True
        if not damaged and (
            now["swaps"] > before["swaps"] or _version(service) == load(models[name]).version
        ):
            return False
        time.sleep(0.05)
    raise Unwell(f"Swap {number} was not seen within {_WITHIN:g} s.")


def _counted(service: Service) -> dict[str, float]:
    text = service.ask("GET", "/metrics")[2].decode()
    found = {"swaps": 0.0, "refused": 0.0}
    for line in text.splitlines():
        if line.startswith('tegakari_swaps_total{what="model"}'):
            found["swaps"] = float(line.split()[-1])
        if line.startswith('tegakari_refused_total{what="model"}'):
            found["refused"] = float(line.split()[-1])
    return found


def _version(service: Service) -> str | None:
    version: str | None = json.loads(service.ask("GET", "/v1/model")[2])["versions"]["model"]
    return version


def _models(ground: Ground, home: Path) -> dict[str, Path]:
    """The champion, another sound model with the same plan, and a damaged one."""
    settings = Settings(home=home)
    playbook = Playbook.load()
    load_all(settings, playbook, playbook.tasks)
    good = last_good(settings, FIRST_TASK, model_for(settings, FIRST_TASK))
    if good is None:
        raise Unwell("There is no champion to be swapped.")
    folders = {name: ground.folder / f"model-{name}" for name in ("one", "other", "damaged")}
    artefact = good.artefact
    artefact.save(folders["one"])
    # One golden row less makes another version, with the same answers.
    golden = type(artefact.golden)(
        artefact.golden.requests[:-1], artefact.golden.probabilities[:-1]
    )
    type(artefact)(**{**_fields(artefact), "golden": golden}).save(folders["other"])
    shutil.copytree(folders["one"], folders["damaged"])
    trees = folders["damaged"] / "content" / "trees.txt"
    file = trees if trees.exists() else folders["damaged"] / "content" / "logistic.json"
    file.write_bytes(file.read_bytes()[:-100])
    # Another manifest than the one before, as every version has.
    manifest = folders["damaged"] / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b"\n")
    return folders


def _fields(artefact: Any) -> dict[str, Any]:
    return {name: getattr(artefact, name) for name in artefact.__dataclass_fields__}


def _answer(folder: Path) -> float:
    artefact = load(folder)
    request = ScoreRequest.model_validate(LEAD)
    return float(artefact.answers([request.model_dump(mode="json")])[0])


class _Asking:
    """A thread that asks for one score after the other, and remembers who answered what."""

    def __init__(self, service: Service) -> None:
        self.answers: Counter[tuple[str | None, float | None]] = Counter()
        self.asked = self.failed = 0
        self._service, self._stop = service, Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> _Asking:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.asked += 1
            try:
                status, _, body = self._service.ask("POST", _PATH, LEAD)
            except OSError:
                status, body = 0, b""
            if status != 200:
                self.failed += 1
                continue
            said = json.loads(body)
            self.answers[said["versions"]["model"], said["probability"]] += 1
