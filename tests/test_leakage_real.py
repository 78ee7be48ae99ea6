"""What the leakage check says of data that nobody shaped for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
PLAYBOOK = ROOT / "notebooks" / "bpi2012.toml"

FLAT = {
    "x_education": (
        "lead_scoring.csv",
        ("--label", "Converted", "--id", "Prospect ID"),
        "Tags,Lead Quality,Lead Profile,Last Activity,Last Notable Activity,Asymmetrique *,Lead Number",
    ),
    "bank_marketing": ("bank-additional-full.csv", ("--label", "y"), "duration"),
    "online_shoppers": ("online_shoppers_intention.csv", ("--label", "Revenue"), "PageValues"),
}
LEAKS = {
    "x_education": {"Tags": "certain", "Lead Quality": "likely"},
    "bank_marketing": {"duration": "likely"},
    "online_shoppers": {"PageValues": "likely"},
}


def data(*parts: str) -> Path:
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is absent: the data sets are not part of the project")
    return path


def severities(said: dict[str, Any], *, but: str = "") -> dict[str, str]:
    """The worst finding on each thing; `but` leaves out a detector."""
    rank = ("note", "likely", "certain")
    found: dict[str, str] = {}
    for f in said["findings"]:
        if f["detector"] != but:
            found[f["what"]] = max(found.get(f["what"], "note"), f["severity"], key=rank.index)
    return found


@pytest.mark.parametrize("name", FLAT)
def test_what_leaks_is_found_and_what_is_kept_is_not_accused(run: Any, name: str) -> None:
    file, words, drop = FLAT[name]
    leads = ("check", "--leads", data(name, file), *words, "--json")
    ran = run(*leads)
    found = severities(ran.said)
    assert {what: found.get(what) for what in LEAKS[name]} == LEAKS[name]
    assert ran.code == ("certain" in LEAKS[name].values())
    ran = run(*leads, "--drop", drop)
    assert ran.code == 0
    assert ran.said["certain"] == 0
    assert ran.said["likely"] <= 2


def test_names_decide_nothing(run: Any, tmp_path: Path) -> None:
    file, _, _ = FLAT["x_education"]
    table = pa.csv.read_csv(
        data("x_education", file), convert_options=pa.csv.ConvertOptions(strings_can_be_null=True)
    )
    renamed = {name: f"c{place}" for place, name in enumerate(table.column_names, 1)}
    path = tmp_path / "renamed.csv"
    pa.csv.write_csv(table.rename_columns(list(renamed.values())), path)
    words = ("--label", renamed["Converted"], "--id", renamed["Prospect ID"], "--json")
    said = run("check", "--leads", path, *words).said
    found = {k: v for k, v in severities(said).items() if v != "note"}
    assert found == {renamed["Tags"]: "certain", renamed["Lead Quality"]: "likely"}
    file_said = run(
        "check", "--leads", data("x_education", file), *FLAT["x_education"][1], "--json"
    )
    named = severities(file_said.said, but="name")
    assert found == {renamed[k]: v for k, v in named.items() if v != "note"}


def bpi(run: Any, playbook: Path) -> Any:
    folder = data("bpi2012_loan_leads")
    files = ("--leads", folder / "cases.parquet", "--events", folder / "events.parquet")
    return run("check", *files, "--playbook", playbook, "--json")


def test_a_playbook_that_excludes_the_outcome_is_not_accused(run: Any) -> None:
    ran = bpi(run, PLAYBOOK)
    assert ran.code == 0
    assert (ran.said["certain"], ran.said["likely"] <= 2) == (0, True)
    (label, *_) = ran.said["labels"]
    assert (label["event_type"], label["leads"]) == ("A_APPROVED", 2246)
    assert [w["rung"] for w in label["within"]] == ["lightgbm"] * 3 + ["rules"]


def test_an_outcome_that_no_playbook_excludes_is_certain(run: Any, tmp_path: Path) -> None:
    text = PLAYBOOK.read_text(encoding="utf-8")
    lines = r'^(exclude_events|exclude_columns) = .*\n|^\w+ = \{ role = "outcome" \}\n'
    bare = tmp_path / "bare.toml"
    bare.write_text(re.sub(lines, "", text, flags=re.M), encoding="utf-8")
    ran = bpi(run, bare)
    assert ran.code == 1
    certain = {what for what, severity in severities(ran.said).items() if severity == "certain"}
    events = {"A_REGISTERED", "A_ACTIVATED", "O_ACCEPTED"}
    assert certain == {"approved", "declined", "cancelled", *events}
