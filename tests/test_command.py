"""The `tegakari` command keeps its promises to people, to programs and to any terminal."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.main import get_command

import tegakari
from features.instants import iso
from features.times import parse_one
from models.artefact import Artefact
from training.tracking import Logged

VERBS = (
    *(
        "simulate",
        "train",
        "inspect",
        "gather",
        "check",
        "evaluate",
        "features",
        "models",
        "promote",
        "rollback",
        "card",
    ),
    *("score", "explain", "build", "serve", "demo", "import", "export", "audit"),
)
GROUPS = ("list", "playbook", "outcomes", "keys", "db")
METRICS = {
    "auc",
    "average_precision",
    "log_loss",
    "brier",
    "ece",
    "calibration_slope",
    "n",
    "positives",
}
AS_OF = "2025-03-01T00:00:00Z"
# What a terminal of cp932 or ascii cannot print, in names of files and in cells.
FILE = "見込み客一覧（全角）🗾 é.csv"
ODD = "髙橋 🐝 ½ ｶﾞ"

Environment = Callable[[Path], AbstractContextManager[pytest.MonkeyPatch]]


pytestmark = pytest.mark.usefixtures("quick_fit")


@pytest.fixture(autouse=True)
def logged_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training does not log to MLflow here: it takes seconds, and the world's was logged."""
    nowhere = Logged(None, None, None, False)
    monkeypatch.setattr("training.command.log_run", lambda *_, **__: nowhere)


def in_a_process(
    home: Path, *words: object, code: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """``tegakari`` in a process of its own; `code` runs before it does."""
    start = f"import sys, tegakari\n{code}\nsys.argv[0] = 'tegakari'\ntegakari.main()"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TEGAKARI_", "MLFLOW_"))}
    root = str(Path(tegakari.__file__).parent)
    return subprocess.run(
        [sys.executable, "-c", start, *map(str, words)],
        env={**inherited, "PYTHONPATH": root, "TEGAKARI_HOME": str(home), **environment},
        capture_output=True,
        check=False,
        timeout=120,
    )


def left_in(folder: Path) -> list[str]:
    """The files below a folder."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


# Help, and the one object on stdout


def test_the_help_names_every_verb_and_the_exit_codes(run: Any) -> None:
    ran = run("--help")
    assert ran.code == 0
    for verb in VERBS:
        assert verb in ran.out
    assert "0 done, 1 failed, 2 wrong usage, 3 done but rows were refused" in " ".join(
        ran.out.split()
    )


@pytest.mark.parametrize("group", GROUPS)
def test_the_help_of_a_group_and_of_its_verbs_names_every_option(run: Any, group: str) -> None:
    command: Any = get_command(tegakari.app)
    verbs = command.commands[group].commands
    assert verbs
    assert all(verb in run(group, "--help").out for verb in verbs)
    for verb, its_own in verbs.items():
        ran = run(group, verb, "--help")
        assert ran.code == 0
        assert its_own.help
        for parameter in its_own.params:
            assert (parameter.metavar or parameter.opts[0]).lower() in ran.out.lower()


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_names_every_option(run: Any, verb: str) -> None:
    ran = run(verb, "--help")
    assert ran.code == 0
    command: Any = get_command(tegakari.app)
    assert set(command.commands) == {*VERBS, *GROUPS}
    for parameter in command.commands[verb].params:
        assert parameter.opts[0] in ran.out


def test_training_prints_one_object(world: Any) -> None:
    said = world.said
    assert said["model_version"] == "1"
    assert (Path(said["artefact"]) / "manifest.json").is_file()
    assert set(said["metrics"]) == METRICS
    assert 0.5 < said["metrics"]["auc"] <= 1
    assert said["metrics"]["log_loss"] < said["compared"]["base rate"]["log_loss"]
    assert all(set(figures) == METRICS for figures in said["by_age"].values())
    for counted in ("n", "positives"):
        assert sum(f[counted] for f in said["by_age"].values()) == said["metrics"][counted]
    spine = said["spine"]
    parts = ("training rows", "test rows", "between training and test")
    assert spine["rows"] == sum(spine[part] for part in parts)
    assert spine["test rows"] == said["metrics"]["n"]
    assert spine["immature"] > 0


def test_scoring_prints_one_object_and_nothing_else_on_stdout(
    run: Any, write_csv: Any, tmp_path: Path
) -> None:
    rows = [{"lead_id": "a", "name": ODD}, {"lead_id": "", "name": ODD}]
    ran = run(*("score", "--leads", write_csv(FILE, rows), "--out", tmp_path / "out.csv", "--json"))
    assert ran.code == 3
    assert ran.said["rows_in"] == 2
    assert ran.said["out"] == str(tmp_path / "out.csv")
    assert FILE in ran.err


def test_simulating_prints_one_object(run: Any, tmp_path: Path) -> None:
    words = ("--leads", 5, "--days", 20, "--seed", 1, "--end", "2025-06-01")
    ran = run("simulate", *words, "--out", tmp_path / "w", "--json")
    assert ran.code == 0
    assert ran.said["leads"] == 5
    assert left_in(tmp_path / "w") == [
        *("changes.parquet", "events.parquet", "leads.csv", "truth.parquet")
    ]


def test_the_demo_prints_the_ten_most_likely_leads(run: Any) -> None:
    ran = run("demo", "--no-serve", "--leads", 400, "--days", 330, "--seed", 3)
    assert ran.code == 0, ran.err
    told = ran.out[ran.out.index("the 10 most likely leads") :].splitlines()
    ranked = [line for line in told if line[:4].strip(" .").isdigit()]
    assert [int(line[:3]) for line in ranked] == list(range(1, 11))
    assert all("points" in line for line in ranked)


# Any terminal


@pytest.fixture
def odd(write_csv: Any, tmp_path: Path) -> tuple[object, ...]:
    """Words that score a list in which every message has something no old terminal can print."""
    rows = [
        {"lead_id": ODD, "created_at": "2025-01-01T00:00Z", "会社名": ODD},
        {"lead_id": "b", "created_at": ODD, "会社名": ODD},
    ]
    out = tmp_path / f"出力 {FILE}"
    return ("score", "--leads", write_csv(FILE, rows), "--out", out, "--lang", "ja")


class Terminal(io.TextIOWrapper):
    """A terminal of some encoding that refuses what it cannot print."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="strict", newline="\n")

    def text(self) -> str:
        """What was printed."""
        self.flush()
        buffer: Any = self.buffer
        return str(buffer.getvalue().decode(self.encoding, errors="replace"))


ENCODINGS = ("cp932", "ascii", "cp1252", "utf-8")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("more", [(), ("--json",), ("--nonsense 🗾",), ("--task", "漢字 🗾")])
def test_no_terminal_fails_a_command(
    odd: tuple[object, ...],
    environment: Environment,
    tmp_path: Path,
    encoding: str,
    more: tuple[str, ...],
) -> None:
    out, err = Terminal(encoding), Terminal(encoding)
    with environment(tmp_path / "home") as patch:
        patch.setattr(sys, "argv", ["tegakari", *map(str, odd), *more])
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as end:
            tegakari.main()
    wrong = more and more[0] != "--json"
    assert end.value.code == (2 if wrong else 3), err.text()
    assert "Unicode" not in err.text()
    if wrong:
        assert "Error" in err.text()
    elif more:
        said = json.loads(out.text())
        assert said["out"] == str(tmp_path / f"出力 {FILE}")
        assert said["rows_in"] == 2
    else:
        assert "2 rows = 1 answered + 1 refused + 0 duplicates" in out.text()


@pytest.mark.parametrize("encoding", ["cp932", "ascii"])
def test_no_terminal_fails_a_process(
    odd: tuple[object, ...], tmp_path: Path, read_csv: Any, encoding: str
) -> None:
    done = in_a_process(tmp_path / "home", *odd, "--json", PYTHONIOENCODING=encoding, LC_ALL="C")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout.decode(encoding))["answered"] == 1
    assert b"Traceback" not in done.stderr
    (row,) = read_csv(tmp_path / f"出力 {FILE}")
    assert (row["lead_id"], row["会社名"]) == (ODD, ODD)


def test_a_traceback_is_shown_only_when_asked_for(run: Any, tmp_path: Path) -> None:
    words = ("score", "--leads", tmp_path / FILE, "--out", tmp_path / "out.csv")
    quiet = run(*words)
    assert (quiet.code, quiet.out) == (1, "")
    assert quiet.err == f"Error: {tmp_path / FILE}: there is no such file.\n"
    verbose = in_a_process(tmp_path, *words, "--verbose", PYTHONIOENCODING="cp932")
    assert verbose.returncode == 1
    assert b"Traceback" in verbose.stderr
    assert b"InputError" in verbose.stderr


# Ctrl-C


def test_ctrl_c_in_a_process_leaves_nothing_behind(write_csv: Any, tmp_path: Path) -> None:
    leads = write_csv("leads.csv", [{"lead_id": "a"}])
    interrupt = """
import os, signal, pyarrow.csv
def write_half(data, file, *_):
    file.write(b"lead_id,tegakari_pro")
    file.flush()
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
pyarrow.csv.write_csv = write_half
"""
    words = ("score", "--leads", leads, "--out", tmp_path / "out.csv")
    done = in_a_process(tmp_path / "home", *words, code=interrupt)
    assert done.returncode == 130
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == b"Interrupted."
    assert left_in(tmp_path) == ["leads.csv"]


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flat export with a label that can be learnt, enough for logistic regression."""
    rng = random.Random(8)
    path = tmp_path_factory.mktemp("flat") / "flat.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["lead_id", "seats", "branch", "outcome"])
        for n in range(240):
            seats = rng.randrange(100)
            won = rng.random() < 0.1 + 0.008 * seats
            rows.writerow([f"{n:04}", seats, rng.choice("ABC"), "won" if won else "lost"])
    return path


@pytest.mark.parametrize("where", ["reading", "fitting", "saving", "points"])
def test_ctrl_c_while_training_leaves_nothing_behind(
    run: Any, flat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)

    def save_half(self: Artefact, folder: Path) -> None:
        (folder / "content").mkdir(parents=True)
        (folder / "content" / "plan.json").write_text("{")
        interrupt()

    words = ("train", "--leads", flat, "--label", "outcome", "--positive", "won", "--json")
    with monkeypatch.context() as patch:
        if where == "reading":
            patch.setattr("training.sources.take_in", interrupt)
        elif where == "fitting":
            patch.setattr("training.train.fit_matrix", interrupt)
        elif where == "saving":
            patch.setattr(Artefact, "save", save_half)
        else:
            patch.setattr("models.points_map.PointsMap.save", interrupt)
        ran = run(*words)
    assert (ran.code, ran.out) == (130, "")
    assert "Interrupted" in ran.err.splitlines()[-1]
    home = tmp_path / "home"
    artefacts = home / "artefacts"
    kept = [] if not artefacts.exists() else sorted(p.name for p in artefacts.iterdir())
    assert not any(name.startswith(".") for name in kept)
    assert all((artefacts / name / "manifest.json").is_file() for name in kept)
    if where != "points":
        assert left_in(home) == []
    again = run(*words)
    assert again.code == 0, again.err
    assert (Path(again.said["artefact"]) / "manifest.json").is_file()


# Training on what people have


def test_a_flat_export_is_learnt_and_every_report_says_that_its_test_is_random(
    run: Any, flat: Path
) -> None:
    ran = run("train", "--leads", flat, "--label", "outcome")
    assert (ran.code, ran.out) == (2, "")
    assert "'lost', 'won'" in ran.err
    assert "--positive VALUE" in ran.err
    assert run("train", "--leads", flat, "--label", "outcome", "--positive", "Won").code == 2
    words = ("train", "--leads", flat, "--label", "outcome", "--positive", "won")
    said = run(*words, "--json").said
    assert said["rung"] == "logistic"
    assert said["spine"]["rows"] == 240
    assert any("random" in note for note in said["notes"])
    assert "random" in run(*words).out
    record = json.loads((Path(said["artefact"]) / "record.json").read_text(encoding="utf-8"))
    assert record["split"] == "random"
    assert any("random" in note for note in record["notes"])


def test_a_file_of_test_rows_is_tested_on_and_never_learnt(
    run: Any, flat: Path, write_csv: Any, read_csv: Any
) -> None:
    rows = read_csv(flat)
    held_out = write_csv("test.csv", rows[200:])
    kept = write_csv("kept.csv", rows[:200])
    words = ("--label", "outcome", "--positive", "won", "--json")
    said = run("train", "--leads", kept, "--test", held_out, *words).said
    assert (said["spine"]["training rows"], said["spine"]["test rows"]) == (200, 40)
    assert said["metrics"]["n"] == 40
    assert any("--test" in note for note in said["notes"])
    other = [
        {**row, "outcome": "won" if row["outcome"] == "lost" else "lost"} for row in rows[200:]
    ]
    turned = write_csv("turned.csv", other)
    again = run("train", "--leads", kept, "--test", turned, *words).said
    assert again["metrics"]["auc"] == pytest.approx(1 - said["metrics"]["auc"])


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("TRUE", "false"), ("Yes", "No")])
def test_labels_that_speak_for_themselves_are_read(
    run: Any, flat: Path, write_csv: Any, read_csv: Any, yes: str, no: str
) -> None:
    rows = [{**r, "outcome": yes if r["outcome"] == "won" else no} for r in read_csv(flat)]
    ran = run("train", "--leads", write_csv("flat.csv", rows), "--label", "outcome", "--json")
    assert ran.code == 0, ran.err
    assert ran.said["spine"]["positives"] == sum(row["outcome"] == yes for row in rows)


def test_a_flat_export_is_scored_by_what_was_learnt_from_it(
    run: Any, flat: Path, tmp_path: Path, read_csv: Any
) -> None:
    words = ("train", "--leads", flat, "--label", "outcome", "--positive", "won", "--json")
    artefact = run(*words).said["artefact"]
    ran = run("score", "--leads", flat, "--out", tmp_path / "out.csv", "--model", artefact)
    assert ran.code == 0, ran.err
    rows = read_csv(tmp_path / "out.csv")
    assert [row["lead_id"] for row in rows] == [row["lead_id"] for row in read_csv(flat)]
    chance = {"won": [], "lost": []}  # type: dict[str, list[float]]
    for row in rows:
        chance[row["outcome"]].append(float(row["tegakari_probability"]))
    assert sum(chance["won"]) / len(chance["won"]) > sum(chance["lost"]) / len(chance["lost"])


def test_dates_of_a_lead_list_become_events_with_a_horizon_and_a_test_on_later_time(
    run: Any, world: Any, write_csv: Any, tmp_path: Path, read_csv: Any
) -> None:
    happened = pd.read_parquet(world.events)
    first = (
        happened.assign(day=happened["occurred_at"].dt.tz_convert("Asia/Tokyo").dt.date.astype(str))
        .sort_values("occurred_at")
        .drop_duplicates(["lead_id", "event_type"])
        .pivot(index="lead_id", columns="event_type", values="day")
        .to_dict("index")
    )
    dates = {"Became MQL, Date": "demo_request", "Opp Date": "deal_opened"}
    rows = []
    for lead in read_csv(world.leads):
        mine: Any = first.get(lead["lead_id"], {})
        told = {name: "" if pd.isna(mine.get(of)) else str(mine[of]) for name, of in dates.items()}
        rows.append(
            {
                "Prospect ID": lead["lead_id"],
                "reg_date": lead["created_at"],
                "source": lead["source"],
                **told,
            }
        )
    leads = write_csv("export.csv", rows)
    columns = 'lead_id="Prospect ID",created_at=reg_date'
    events = ("--event", 'mql="Became MQL, Date"', "--event", 'deal_opened="Opp Date"')
    words = ("train", "--leads", leads, "--columns", columns, *events, "--json")
    ran = run(*words)
    assert ran.code == 1
    assert "--timezone" in ran.err
    ran = run(*words, "--timezone", "Asia/Tokyo", "--until", world.ends)
    assert ran.code == 0, ran.err
    said = ran.said
    assert said["artefact"]
    assert said["spine"]["immature"] > 0
    assert said["spine"]["between training and test"] > 0
    record = json.loads((Path(said["artefact"]) / "record.json").read_text(encoding="utf-8"))
    assert (record["split"], record["horizon"]) == ("time", "90d")
    # The columns and dates are in the artefact: the same file is scored without naming them again.
    asked = ("--as-of", world.ends, "--timezone", "Asia/Tokyo", "--model", said["artefact"])
    ran = run("score", "--leads", leads, "--out", tmp_path / "out.csv", *asked, "--json")
    assert ran.code == 0, ran.err
    assert ran.said["by_model"] > 0
    opened = sum(bool(row["Opp Date"]) for row in rows)
    assert 0 < ran.said["by_rules"] <= opened
    out = read_csv(tmp_path / "out.csv")
    assert [row["Prospect ID"] for row in out] == [row["Prospect ID"] for row in rows]


def test_the_id_is_one_column_however_it_is_named(
    run: Any, write_csv: Any, tmp_path: Path, read_csv: Any
) -> None:
    leads = write_csv("leads.csv", [{"Prospect ID": "0012", "lead_id": "other"}])
    words = ("score", "--leads", leads, "--out", tmp_path / "out.csv")
    for more in (("--id", "Prospect ID"), ("--columns", 'lead_id="Prospect ID"')):
        assert run(*words, *more).code == 0
        assert read_csv(tmp_path / "out.csv")[0]["Prospect ID"] == "0012"
    assert run(*words, "--id", "Prospect ID", "--columns", "lead_id=lead_id").code == 2


# Scoring


def test_a_cp932_list_comes_back_cell_by_cell(
    run: Any, write_csv: Any, tmp_path: Path, read_csv: Any
) -> None:
    rows = [
        {
            "lead_id": "0012",
            "created_at": "2025-01-01T00:00Z",
            "会社名": "NA",
            "備考": "①髙﨑\n二行",
        },
        {"lead_id": "12", "created_at": "", "会社名": "株式会社 ソ", "備考": 'ｶﾅ,「"」'},
        {"lead_id": "null", "created_at": "", "会社名": "nan", "備考": ""},
    ]
    leads = write_csv("leads.csv", rows, encoding="cp932")
    words = ("--as-of", AS_OF, "--reasons", 2, "--lang", "ja")
    ran = run("score", "--leads", leads, "--out", tmp_path / "out.csv", *words)
    assert ran.code == 0
    assert "cp932" in ran.out
    out = read_csv(tmp_path / "out.csv")
    assert [{name: row[name] for name in rows[0]} for row in out] == rows
    assert [name for name in out[0] if not name.startswith("tegakari_")] == list(rows[0])
    again = run("score", "--leads", tmp_path / "out.csv", "--out", tmp_path / "2.csv", *words)
    assert again.code == 0
    assert (tmp_path / "2.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()


def test_a_newest_event_much_older_than_the_moment_asked_about_is_a_warning(
    run: Any, write_csv: Any, tmp_path: Path
) -> None:
    leads = write_csv("leads.csv", [{"lead_id": "a"}])
    event = {"lead_id": "a", "event_type": "demo_request", "occurred_at": "2025-02-01T00:00Z"}
    files = ("--leads", leads, "--events", write_csv("events.csv", [event]))
    words = ("score", *files, "--out", tmp_path / "out.csv", "--as-of")
    assert "warning" not in run(*words, "2025-02-03T00:00Z").out
    late = run(*words, AS_OF).out
    assert f"as of {AS_OF}" in late
    assert "warning: The newest event is from 2025-02-01T00:00:00Z, 28 days before" in late
    (warning,) = run(*words, AS_OF, "--json").said["warnings"]
    assert "pass --as-of" in warning


def test_events_of_colleagues_are_all_counted_and_it_is_said_when_nothing_reads_them(
    run: Any, write_csv: Any, tmp_path: Path
) -> None:
    event = {"event_type": "demo_request", "occurred_at": "2025-02-27T00:00Z", "account_id": "x"}
    events = [{"lead_id": of, **event} for of in ("a", "b", "", "c")]
    files = ("--leads", write_csv("leads.csv", [{"lead_id": "a"}]), "--out", tmp_path / "out.csv")
    others = ("--account-events", write_csv("others.csv", events))
    ran = run("score", *files, *others, "--as-of", AS_OF, "--json")
    assert ran.code == 3
    assert ran.said["counts"]["account events taken"] == 2
    assert ran.said["counts"]["account events of leads in the list"] == 1
    assert ran.said["refused_events"] == 1
    assert any("--account-events was read and not used" in said for said in ran.said["warnings"])
    ran = run("score", *files, "--account-events", tmp_path / "out.csv", "--as-of", AS_OF)
    assert "would overwrite" in ran.err


@pytest.mark.usefixtures("checked")
def test_a_sorted_list_goes_from_most_to_least_likely(
    run: Any, world: Any, write_csv: Any, tmp_path: Path, read_csv: Any
) -> None:
    leads = read_csv(world.leads)[-300:]
    random.Random(4).shuffle(leads)
    # Twins of nobody's history, whose answers are alike but for their ids.
    blank = dict.fromkeys(leads[0], "")
    leads += [{**blank, "lead_id": f"twin {letter}"} for letter in "dbca"]
    files = ("--leads", write_csv("leads.csv", leads), "--events", world.events)
    words = ("score", *files, "--model", world.artefact, "--as-of", world.ends, "--out")
    assert run(*words, tmp_path / "listed.csv", home=world.home).code == 0
    assert run(*words, tmp_path / "sorted.csv", "--sort", home=world.home).code == 0
    listed, by_chance = read_csv(tmp_path / "listed.csv"), read_csv(tmp_path / "sorted.csv")
    assert [row["lead_id"] for row in listed] == [row["lead_id"] for row in leads]
    assert sorted(map(str, listed)) == sorted(map(str, by_chance))
    chances = [float(row["tegakari_probability"] or -1) for row in by_chance]
    assert chances == sorted(chances, reverse=True)
    assert len(set(chances)) > 2
    twins = [row["lead_id"] for row in by_chance if row["lead_id"].startswith("twin")]
    assert twins == ["twin a", "twin b", "twin c", "twin d"]
    unknown = [row for row in by_chance if not row["tegakari_probability"]]
    points = [(-int(row["tegakari_points"]), row["lead_id"]) for row in unknown]
    assert points == sorted(points)


def test_without_probabilities_a_sorted_list_goes_by_points(
    run: Any, world: Any, tmp_path: Path, read_csv: Any
) -> None:
    words = ("--as-of", world.ends, "--sort", "--out", tmp_path / "out.csv")
    assert run("score", "--leads", world.leads, "--events", world.events, *words).code == 0
    rows = read_csv(tmp_path / "out.csv")
    order = [(-int(row["tegakari_points"]), row["lead_id"]) for row in rows]
    assert order == sorted(order)
    assert {row["tegakari_probability"] for row in rows} == {""}
    assert {row["tegakari_scored_by"] for row in rows} == {"rules"}


def test_a_model_is_named_by_its_folder_or_in_the_registry(
    run: Any, world: Any, tmp_path: Path
) -> None:
    files = ("--leads", world.leads, "--events", world.events, "--changes", world.changes)
    words = ("score", *files, "--as-of", world.ends, "--model")
    for model, out in (("models:/lead-conversion/1", "1.csv"), (world.artefact, "2.csv")):
        ran = run(*words, model, "--out", tmp_path / out, "--json", home=world.home)
        assert ran.code == 0, ran.err
        assert ran.said["by_model"] > 1000
        assert ran.said["versions"]["model"] == world.artefact.name
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_a_wrong_model_is_an_error_that_names_it(
    run: Any, world: Any, write_csv: Any, tmp_path: Path
) -> None:
    leads = write_csv("leads.csv", [{"lead_id": "a"}])
    (tmp_path / "home").mkdir()
    empty = tmp_path / "home" / "empty"
    empty.mkdir()
    words = ("score", "--leads", leads, "--out", tmp_path / "out.csv", "--model")
    for model, home, said in (
        (tmp_path / "nowhere", None, "expected the folder of a trained model"),
        (empty, None, "manifest.json"),
        ("models:/lead-conversion@champion", None, "nothing has been registered yet"),
        ("models:/lead-conversion@challenger", world.home, "has no such model"),
    ):
        ran = run(*words, model, home=home)
        assert (ran.code, ran.out) == (1, "")
        assert str(model) in ran.err
        assert said in ran.err
        assert not (tmp_path / "out.csv").exists()


# Building


def test_a_feature_matrix_has_the_rows_of_its_spine(
    run: Any, world: Any, write_csv: Any, tmp_path: Path, read_csv: Any
) -> None:
    rng = random.Random(6)
    leads = rng.sample(read_csv(world.leads), 400)
    files = ("--leads", write_csv("leads.csv", leads), "--events", world.events)
    ends = datetime.fromisoformat(world.ends)
    spine = [
        {
            "lead_id": lead["lead_id"],
            "cutoff": (ends - timedelta(hours=rng.uniform(0, 4000))).isoformat(),
        }
        for lead in rng.choices(leads, k=40)
    ]
    words = ("build", *files, "--timezone", "Asia/Tokyo", "--out")
    ran = run(*words, tmp_path / "X.parquet", "--spine", write_csv("spine.csv", spine))
    assert ran.code == 0, ran.err
    matrix = pq.read_table(tmp_path / "X.parquet")
    assert matrix.column_names[:2] == ["lead_id", "cutoff"]
    assert "label" not in matrix.column_names
    built = [
        (lead_id, iso(cutoff.value // 1000))
        for lead_id, cutoff in zip(
            matrix["lead_id"].to_pylist(), matrix["cutoff"].to_pandas(), strict=True
        )
    ]
    asked = [(row["lead_id"], iso(parse_one(row["cutoff"], None, "cutoff"))) for row in spine]
    assert sorted(built) == sorted(asked)
    # One row alone is built as it is among others.
    one = write_csv("one.csv", spine[:1])
    assert run(*words, tmp_path / "1.parquet", "--spine", one).code == 0
    (row,) = pq.read_table(tmp_path / "1.parquet").to_pylist()
    assert str(row) in map(str, matrix.to_pylist())
    # Without a spine the rows are those of training, with their labels.
    assert run(*words, tmp_path / "all.parquet").code == 0
    labelled = pq.read_table(tmp_path / "all.parquet")
    assert labelled.column_names == [*matrix.column_names, "label"]
    assert set(labelled["label"].to_pylist()) == {0, 1}


def test_a_spine_that_cannot_be_used_is_refused_whole(
    run: Any, world: Any, write_csv: Any, tmp_path: Path
) -> None:
    files = ("--leads", world.leads, "--events", world.events)
    good = {"lead_id": "L000001", "cutoff": AS_OF}
    for bad, said in (
        ({"lead_id": "nobody"}, "line 3, column 'lead_id': not a lead of the list"),
        ({"cutoff": "2025-03-01 10:00"}, "line 3, column 'cutoff': not a time with a zone"),
        ({"cutoff": ""}, "line 3, column 'cutoff'"),
        ({"cutoff": "soon"}, "(came: 'soon')"),
    ):
        spine = write_csv("spine.csv", [good, {**good, **bad}])
        ran = run("build", *files, "--spine", spine, "--out", tmp_path / "X.parquet")
        assert ran.code == 1
        assert str(spine) in ran.err
        assert said in ran.err
        assert not (tmp_path / "X.parquet").exists()
    spine = write_csv("spine.csv", [{"lead_id": "L000001"}])
    ran = run("build", *files, "--spine", spine, "--out", tmp_path / "X.parquet")
    assert ran.code == 1
    assert "expected column 'cutoff'" in ran.err
