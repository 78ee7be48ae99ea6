"""Rewriting a playbook: what is set is set, and every other byte stays."""

from __future__ import annotations

import datetime
import random
import tomllib
from collections.abc import Iterator
from difflib import ndiff
from pathlib import Path
from typing import Any

import pytest

from features.errors import InputError, PlaybookError, UsageError
from models.playbook import Playbook
from models.playbook.writing import rewritten, save

TEXT = Playbook.load().text
SOLVED = {
    "hot": 0.3,
    "warm": 0.1,
    "date": datetime.date(2026, 10, 1),
    "population": "open leads",
    "n": 400,
    "weeks": 4,
    "calls": {"mean": 40.0, "low": 30, "high": 50},
    "conversions": {"mean": 4.0, "low": 1, "high": 7},
}
CAPACITY: dict[tuple[str | int, ...], Any] = {
    ("temperature", "by"): "capacity",
    ("temperature", "hot"): None,
    ("temperature", "warm"): None,
    ("temperature", "hysteresis"): 0.1,
    ("temperature", "capacity"): {"calls": 40, "people": 6},
    ("temperature", "capacity", "solved"): SOLVED,
}


def leaves(here: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of texts and numbers that may be others, entries of lists by their names."""
    if isinstance(here, dict):
        for key, value in here.items():
            yield from leaves(value, (*path, key))
    elif isinstance(here, list):
        for entry in here:
            if isinstance(entry, dict) and "name" in entry:
                yield from leaves(entry, (*path, entry["name"]))
    elif path[-1] in ("en", "ja", "points", "cap", "at_most", "half_life", "threshold", "channel"):
        yield path


def at(here: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        if isinstance(here, list):
            here = next(entry for entry in here if entry["name"] == step)
        else:
            here = here[step]
    return here


def changed(old: str, new: str) -> tuple[list[str], list[str]]:
    """Lines that are gone, and lines that are new."""
    lines = list(ndiff(old.splitlines(keepends=True), new.splitlines(keepends=True)))
    return [x[2:] for x in lines if x[0] == "-"], [x[2:] for x in lines if x[0] == "+"]


def test_setting_a_value_touches_its_line_alone_and_setting_it_back_restores_the_text() -> None:
    raw = tomllib.loads(TEXT)
    said = "{count} 回"
    for path in random.Random(3).sample(list(leaves(raw)), 25):
        old = at(raw, path)
        if isinstance(old, str):
            new: Any = "45d" if path[-1] == "half_life" else said
        else:
            new = old + 1
        text = rewritten(TEXT, {path: new})
        gone, came = changed(TEXT, text)
        assert (len(gone), len(came)) == (1, 1), path
        assert at(tomllib.loads(text), path) == new
        assert rewritten(text, {path: old}) == TEXT, path


def test_what_is_set_to_what_it_is_stays_as_it_is_written() -> None:
    text = "schema = 1\ntrend  =  { threshold=0.50 } # half\n"
    assert rewritten(text, {("trend", "threshold"): 0.5}) == text


def test_comments_survive_on_the_line_and_around_it() -> None:
    text = rewritten(TEXT, {("points", "groups", "reading", "cap"): 10})
    assert "reading = { cap = 10 }    # reading alone makes nobody hot\n" in text


def test_a_table_is_added_at_the_end_of_its_own_before_the_comment_of_the_next() -> None:
    text = rewritten(TEXT, CAPACITY)
    gone, came = changed(TEXT, text)
    assert gone == ['by = "points"\n', "hot = 50\n", "warm = 25\n", "hysteresis = 5\n"]
    assert came[:2] == ['by = "capacity"\n', "hysteresis = 0.1\n"]
    assert "\n[temperature.capacity]\ncalls = 40\npeople = 6\n\n[temperature.capacity.sol" in text
    assert "high = 7}\n\n# A lead is rising or cooling" in text
    solved = Playbook.parse(text).said.temperature.capacity
    assert solved is not None
    assert solved.solved is not None
    assert solved.solved.hot == 0.3
    again = rewritten(text, {("temperature", "capacity", "solved"): {**SOLVED, "hot": 0.4}})
    assert changed(text, again) == (["hot = 0.3\n"], ["hot = 0.4\n"])


def test_entries_of_arrays_of_tables_and_of_inline_tables_are_added_by_name() -> None:
    rule = {"event": "referral", "points": 3, "score": "engagement"}
    rival = {"attribute": "company", "pattern": "*cad*"}
    text = rewritten(
        TEXT, {("points", "rules", "referral"): rule, ("exclude", "rules", "rival"): rival}
    )
    playbook = Playbook.parse(text)
    assert playbook.points.rules[-1].name == "referral"
    assert [entry.name for entry in playbook.said.exclude.rules] == ["test entry", "rival"]
    assert changed(TEXT, text)[0] == []


def test_a_key_of_a_table_goes_before_the_tables_inside_it() -> None:
    text = (
        'schema = 1\n\n# how warm\n[temperature]\nby = "points" # ours\n\n'
        "# calls\n[temperature.capacity]\ncalls = 3\n\n# end\n"
    )
    new = rewritten(text, {("temperature", "hot"): 60, ("timezone",): "Asia/Tokyo"})
    assert new == text.replace("= 1\n", '= 1\ntimezone = "Asia/Tokyo"\n').replace(
        "# ours\n", "# ours\nhot = 60\n"
    )


def test_line_ends_stay_those_of_the_text() -> None:
    text = TEXT.replace("\n", "\r\n")
    new = rewritten(text, CAPACITY)
    assert new.replace("\r\n", "\n") == rewritten(TEXT, CAPACITY)
    assert "\n" not in new.replace("\r\n", "")


def test_what_would_be_no_playbook_is_refused() -> None:
    with pytest.raises(PlaybookError, match=r"student.*\.points: expected a whole number, got 'x'"):
        rewritten(TEXT, {("points", "rules", "student", "points"): "x"})
    with pytest.raises(PlaybookError, match="expected hot above warm"):
        rewritten(TEXT, {("temperature", "hot"): 20})
    with pytest.raises(UsageError, match=r"got 'studnt'\. Did you mean 'student'\?"):
        rewritten(TEXT, {("points", "rules", "studnt", "points"): 3})
    with pytest.raises(UsageError, match=r"points: expected a table, got -15"):
        rewritten(TEXT, {("points", "rules", "student", "points", "most"): 3})


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "playbook.toml"
    assert save(TEXT, path).version == Playbook.load(path).version
    before = path.read_bytes()
    with pytest.raises(PlaybookError, match=r"playbook\.toml, line 1"):
        save("schema = 2", path)
    with pytest.raises(InputError, match="cannot be written"):
        save(TEXT, tmp_path / "nowhere" / "playbook.toml")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["playbook.toml"]


@pytest.mark.parametrize("name", [rule.name for rule in Playbook.load().points.rules])
def test_a_rule_that_is_taken_away_takes_no_comment_with_it(name: str) -> None:
    new = rewritten(TEXT, {("points", "rules", name): None})
    left = [rule.name for rule in Playbook.parse(new).points.rules]
    assert left == [rule.name for rule in Playbook.load().points.rules if rule.name != name]
    gone = [line[2:] for line in ndiff(TEXT.splitlines(), new.splitlines()) if line[0] == "-"]
    assert not any(line.startswith("#") for line in gone)
    assert not [line for line in ndiff(TEXT.splitlines(), new.splitlines()) if line[0] == "+"]
    assert "\n\n\n" not in new.replace("\n\n\n", "", TEXT.count("\n\n\n"))
