"""What the trials count can be found wanting: a loss, a half batch and a doubled event are seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.settings import Settings
from serving.bench.wrk import read
from serving.chaos.__main__ import ROWS, main
from serving.chaos.ingest import SIZE, Found, Promises, opened
from serving.process import Service, Unwell
from serving.store.events import EventRow, add_events
from serving.store.store import Store
from tests.serving.stores import NOW, postgres, settings, store

__all__ = ["postgres", "settings", "store"]


def batch(name: str, n: int = SIZE, *, ids: bool = True) -> list[EventRow]:
    return [
        EventRow(
            "a", "x", NOW, content=name, value=float(k), event_id=f"{name}-{k}" if ids else None
        )
        for k in range(n)
    ]


def tell(store: Store, rows: list[EventRow]) -> None:
    store.write(lambda commit: add_events(commit, rows, store.secret))


def found(settings: Settings, *, by: Found | None = None) -> Found:
    said = by or Found()
    with opened(settings) as engine, engine.connect() as connection:
        said.look(connection)
    return said


def promised(*batches: str) -> Promises:
    promises = Promises()
    for name in batches:
        assert promises.note(name, 202, None, b'{"accepted": 50, "duplicates": 0}')
    return promises


def test_what_is_there_once_is_neither_lost_nor_doubled(store: Store, settings: Settings) -> None:
    tell(store, batch("one"))
    seen = found(settings)
    tell(store, batch("two", ids=False))
    found(settings, by=seen)
    promises = promised("one", "two")
    assert (seen.lost(promises), seen.twice(), seen.half) == (0, 0, set())


def test_what_was_promised_and_is_not_there_is_lost(store: Store, settings: Settings) -> None:
    tell(store, batch("one"))
    assert found(settings).lost(promised("one", "two")) == SIZE


def test_a_batch_that_is_there_in_part_is_seen_even_if_the_rest_comes_later(
    store: Store, settings: Settings
) -> None:
    tell(store, batch("one", SIZE - 1))
    seen = found(settings)
    assert seen.half == {"one"}
    assert seen.lost(promised("one")) == 1
    tell(store, batch("one")[-1:])
    assert found(settings, by=seen).half == {"one"}


def test_a_batch_that_came_twice_is_seen_at_once_and_later(
    store: Store, settings: Settings
) -> None:
    tell(store, batch("one", ids=False))
    seen = found(settings)
    assert seen.twice() == 0
    tell(store, batch("one", ids=False))
    assert found(settings, by=seen).twice() == SIZE
    assert found(settings).twice() >= SIZE


def test_only_what_may_be_answered_while_things_fail_is_no_wrong_answer() -> None:
    promises = Promises()
    for status, wait in ((0, None), (503, "5"), (507, None)):
        assert not promises.note("one", status, wait, b"{}")
    assert (promises.wrong, promises.waits) == ([], {"5"})
    for status, body in ((500, b"{}"), (202, b'{"accepted": 49, "duplicates": 0}'), (422, b"{}")):
        assert promises.note("one", status, None, body)
    assert len(promises.wrong) == 3
    assert "500" in promises.others()
    assert not promises.kept


def test_a_503_without_the_moment_to_come_again_is_noted() -> None:
    promises = Promises()
    promises.note("one", 503, None, b"{}")
    assert promises.waits == {"none"}


def test_a_service_that_cannot_start_is_told_of_with_what_it_said(tmp_path: Path) -> None:
    broken = {"TEGAKARI_DATABASE_URL": "mysql://somewhere"}
    with pytest.raises(Unwell, match="postgresql:// or sqlite:///"):
        Service(tmp_path / "home", tmp_path / "log", broken).start()


def test_every_trial_has_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.split() == list(ROWS)


def test_what_wrk_says_of_failures_is_counted() -> None:
    said = """
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    26.10ms   10.55ms 101.37ms   71.50%
    Req/Sec   310.00     35.00   380.00     75.00%
  Latency Distribution
     50%  950.00us
     75%   29.00ms
     99%    1.20s
  2509 requests in 8.01s, 3.30MB read
  Socket errors: connect 0, read 1, write 0, timeout 2
  Non-2xx or 3xx responses: 4
Requests/sec:    310.00
"""
    load = read(said)
    assert (load.rate, load.requests, load.failed) == (310.0, 2509, 7)
    assert (load.p50, load.p99) == (0.00095, 1.2)
