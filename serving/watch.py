"""What answers is looked after: a new champion, playbook or points map takes over while requests go on.

Whatever is new is tried before it answers: a model by its checksums and golden rows in a process of
its own, a playbook by its schema. What fails is refused, told once and counted, and what answered
before goes on answering.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

from prometheus_client import Counter, Gauge

from features.errors import PlaybookError, TegakariError
from models.kept import keep as keep_playbook
from models.playbook import Playbook
from models.playbook.playbook import DEFAULT
from models.settings import Settings
from serving.champions import Champions
from serving.download import ModelUnavailable
from serving.live import Live, Standing, probe
from serving.registry import Found, answering, find, is_uri, model_for

_LOG = logging.getLogger(__name__)

SWAPS = Counter("tegakari_swaps_total", "What answers was replaced", ["what"])
REFUSED = Counter("tegakari_refused_total", "Models and playbooks that were not let in", ["what"])
REGISTRY = Gauge("tegakari_registry_up", "1 while MLflow answers", multiprocess_mode="livemin")


class Watch:
    """Looks every few seconds for something new.

    Parameters
    ----------
    settings : Settings
    live : callable
        What answers now.
    swap : callable
        Lets something else answer from now on.
    """

    def __init__(
        self, settings: Settings, live: Callable[[], Live], swap: Callable[[Live], None]
    ) -> None:
        self._settings, self._live, self._swap = settings, live, swap
        self._champions = Champions(settings, settings.watch_deadline)
        self._refused: dict[str, str] = {}
        self._playbook = _print_of(settings.playbook or DEFAULT)
        self._maps = _print_of(settings.points_maps)
        self._folders = {model: _print_of(Path(model) / "manifest.json") for model in self._models}
        self._stop = Event()
        self._thread = Thread(target=self._run, name="watch", daemon=True)

    @property
    def _models(self) -> list[str]:
        return list(dict.fromkeys(model_for(self._settings, t) for t in self._live().loaded))

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._champions.close()

    def _run(self) -> None:
        # What was asked for at the start need not be asked for again at once.
        kept = any(loaded.kept for loaded in self._live().loaded.values())
        if not kept and self._stop.wait(self._settings.watch):
            return
        while not self._stop.is_set():
            try:
                self.look()
            except Exception as error:
                _LOG.error("looking for something new failed (%s)", type(error).__name__)
            self._stop.wait(self._settings.watch)

    def look(self) -> None:
        """Let in what is new since the last look, if it is sound."""
        self._look_at_playbook()
        away = False
        for model in self._models:
            try:
                self._look_at_model(model)
            except ModelUnavailable as error:
                if not away and not self._live().standing.registry_away:
                    _LOG.warning("%s What answered before goes on.", error)
                away = True
        REGISTRY.set(not away)
        self._stand(registry_away=away)

    def _look_at_playbook(self) -> None:
        file, live = self._settings.playbook or DEFAULT, self._live()
        now, maps = _print_of(file), _print_of(self._settings.points_maps)
        if now == self._playbook and maps == self._maps:
            return
        playbook = live.playbook
        if now != self._playbook:
            self._playbook = now
            try:
                playbook = Playbook.load(self._settings.playbook)
                if not playbook.tasks:
                    raise PlaybookError(f"{file}: expected at least one [tasks.<name>].")
            except (PlaybookError, OSError) as error:
                self._refuse("playbook", str(file), error)
                return
            keep_playbook(file.read_bytes(), self._settings.playbooks)
        self._maps = maps
        found = {
            model_for(self._settings, task): Found(
                loaded.scorer.artefact, loaded.registered, loaded.scorer.without
            )
            for task, loaded in live.loaded.items()
        }
        for task in playbook.tasks:
            found.setdefault(model_for(self._settings, task), Found())
        loaded = answering(self._settings, playbook, found)
        self._let_in(Live(playbook, loaded, live.standing), "playbook", playbook.version)

    def _look_at_model(self, model: str) -> None:
        tasks = [t for t in self._live().loaded if model_for(self._settings, t) == model]
        loaded = self._live().loaded[tasks[0]]
        if is_uri(model):
            version = self._champions.version(model)
            here = loaded.registered.version if loaded.registered else None
            new = version is not None and (version != here or loaded.scorer.artefact is None)
            asked = f"{model} (version {version})"
        else:
            version = _print_of(Path(model) / "manifest.json")
            new = version != self._folders.get(model) and version != ""
            self._folders[model] = version
            asked = model
        if not new or self._refused.get(model) == version:
            return
        try:
            found = find(model, self._settings, tasks)
        except ModelUnavailable:
            raise
        except TegakariError as error:
            self._refused[model] = str(version)
            self._refuse("model", asked, error)
            return
        live = self._live()
        fresh = answering(
            self._settings,
            live.playbook,
            {model: found},
            only=[t for t in tasks if t in live.loaded],
        )
        self._refused.pop(model, None)
        said = str(found.artefact.version if found.artefact else None)
        standing = replace(live.standing, refused=tuple(self._refused))
        self._let_in(Live(live.playbook, {**live.loaded, **fresh}, standing), "model", said)

    def _let_in(self, live: Live, what: str, version: str) -> None:
        """Try what is new on a lead made up for it, then let it answer."""
        for loaded in live.loaded.values():
            probe(live, loaded)
        self._swap(live)
        SWAPS.labels(what).inc()
        _LOG.info("%s %s answers now", what, version)

    def _refuse(self, what: str, name: str, error: Exception) -> None:
        REFUSED.labels(what).inc()
        _LOG.error("%s %s is not let in, and what answered before goes on: %s", what, name, error)
        self._stand(refused=tuple(dict.fromkeys((*self._live().standing.refused, name))))

    def _stand(self, **changed: object) -> None:
        live = self._live()
        standing: Standing = replace(live.standing, **changed)  # type: ignore[arg-type]
        if standing != live.standing:
            self._swap(replace(live, standing=standing))


def _print_of(path: Path) -> str:
    """What tells whether a file, or what a folder holds, is another one; "" where nothing is."""
    try:
        if path.is_dir():
            found = sorted((f.name, f.stat().st_mtime_ns, f.stat().st_size) for f in path.iterdir())
            return repr(found)
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
