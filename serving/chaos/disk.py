"""The disk is full: ingest says so and scores go on; with room again, ingest goes on by itself."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from models.settings import Settings
from serving.chaos.asking import Asking
from serving.chaos.ingest import Clients, Found, opened
from serving.chaos.row import Ground, Row
from serving.process import Service, Unwell

TIMES = 3
_MEBIBYTES = 48
_FULL_FOR, _WITHIN = 2.0, 60.0
"""Seconds that the disk stays full, and in which it has to be noticed, and ingest to go on."""
_ASKED = (
    "507 while it is full, scores 200; afterwards ingest goes on by itself, nothing acknowledged "
    "lost, 0 half batches"
)


def full(ground: Ground) -> Row:
    """A small disk of its own holds the home, and is filled up under load."""
    place = ground.folder / "disk"
    place.mkdir()
    with _disk(place):
        return _filled(ground, place)


def _filled(ground: Ground, place: Path) -> Row:
    times, noticed, went_on, pause = ground.times(TIMES), 0, 0, Event()
    settings, ballast = Settings(home=place / "home", database_url=None), place / "ballast"
    with Service(settings.home, ground.folder / "service.log") as service:
        with Asking(service.port) as asking, Clients(service.port) as clients:
            promises = clients.promises
            for _ in range(times):
                before = len(promises.kept)
                promises.more_than(before, _WITHIN)
                refused = promises.said[507]
                _fill(ballast)
                noticed += promises.told(507, refused, _WITHIN)
                pause.wait(_FULL_FOR)
                before = len(promises.kept)
                ballast.unlink()
                went_on += promises.more_than(before, _WITHIN)
            finished = clients.finish()
        service.stop()
    found = Found()
    with opened(settings) as engine, engine.connect() as connection:
        found.look(connection)
        sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    lost, twice = found.lost(promises), found.twice()
    ok = finished and sound and noticed == went_on == times and not asking.failed
    ok = ok and not (lost or twice or found.half or promises.wrong)
    measured = (
        f"507 in {noticed} of {times} times, {promises.said[507]:,} in all; {asking.said[200]:,} "
        f"scores, {asking.failed} failed; went on {went_on} times; {len(promises.kept) * 50:,} events "
        f"acknowledged: {lost} lost, {twice} doubled, {len(found.half)} half batches"
        f"{promises.others()}{'' if sound else '; SQLite finds its file damaged'}"
    )
    done = (
        f"{times} x a tmpfs of {_MEBIBYTES} MiB filled up while 4 clients send events and one asks"
    )
    return Row("full disk", done, _ASKED, measured, ok)


@contextlib.contextmanager
def _disk(place: Path) -> Iterator[None]:
    """A tmpfs.

    Raises
    ------
    Unwell
        When this user may not mount one.
    """
    mount = shutil.which("mount")
    if mount is None:
        raise Unwell("mount is not installed, which a small disk is made with.")
    options = f"size={_MEBIBYTES}m"
    command = [mount, "-t", "tmpfs", "-o", options, "tegakari", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise Unwell(
            "Only root may mount the small disk. Without being root: "
            "unshare --user --map-root-user --mount .venv/bin/python -m serving.chaos --only disk"
        )
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], capture_output=True, check=False)


def _fill(ballast: Path) -> None:
    """Write until nothing more can be written."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
