"""The writer takes no more than it may, and tells once of what goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Event

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from serving.store import writer
from serving.store.store import Store
from serving.store.writer import Commit, StoreBusy, StoreDown, Writer
from tests.serving.stores import postgres, settings, store

__all__ = ["postgres", "settings", "store"]


def nothing(commit: Commit) -> None:
    """A job that writes nothing."""


def test_no_more_is_taken_than_may_wait_until_it_is_committed(store: Store) -> None:
    begun, go_on = Event(), Event()

    def hold(commit: Commit) -> None:
        begun.set()
        go_on.wait()

    narrow = Writer(store.engine, most=3)
    taken: list[Future[None]] = [narrow.submit(hold)]
    begun.wait()
    taken += [narrow.submit(nothing) for _ in range(2)]
    with pytest.raises(StoreBusy, match="More than 3"):
        narrow.submit(nothing)
    go_on.set()
    for one in taken:
        one.result()
    narrow.close()
    wide = Writer(store.engine, most=3)
    for _ in range(9):
        wide.write(nothing)
    wide.close()


def test_a_database_that_is_away_is_told_of_once_and_so_is_its_return(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @contextmanager
    def away(engine: Engine) -> Iterator[Commit]:
        raise OperationalError("", (), Exception("away"))
        yield

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(writer, "writing", away)
        for _ in range(5):
            with pytest.raises(StoreDown):
                store.write(nothing)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            store.write(nothing)
    said = [record.message for record in caplog.records if record.name == writer.__name__]
    assert said == ["nothing is committed (OperationalError)", "commits go on"]
