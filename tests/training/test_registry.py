"""The registered models of a task, in an SQLite file and behind a tracking server on PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.errors import ArtefactError, UsageError
from features.plan import Attribute, Plan, expand
from models.artefact import Artefact, load
from models.calibration import Calibrator
from models.conversion import ConversionModel
from models.encode import Encoder
from models.logistic import Logistic
from models.playbook import Playbook
from models.settings import Settings
from training.card import run_card
from training.fingerprint import Fingerprint
from training.gate.verdict import Verdict
from training.golden import golden
from training.registry import verbs
from training.registry.store import reached, shown
from training.registry.verbs import run_models, run_promote, run_rollback
from training.registry.versions import Registered
from training.tracking import Extras, Logged, log_run
from training.tune import Trial

TASK = "qualification"
NAME = "lead-conversion"
FIGURES = {"auc": 0.75, "log_loss": 0.25, "brier": None, "positives": 40}
RECORD: dict[str, Any] = {
    "code": "0",
    "figures": {"model": FIGURES, "base rate": {"log_loss": [0.5, 0.25, 0.75]}},
    "by_segment": {"30|60 days": {"log_loss": 0.125}},
    "notes": ["said of the figures"],
    "counts": {"rows": 1200},
    "parameters": {"strength": 0.1},
}
YES, NO = Verdict(True, "as good"), Verdict(False, "(c) the data changed, a person decides")


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest artefact: recency and an attribute, in a logistic regression."""
    plan = Plan(
        event_types=("demo_request",),
        other_types=(),
        touches=(),
        features=expand(["recency"], {}),
        attributes=(Attribute("employees", "number"),),
        timezone="UTC",
        columns={},
        date_events={},
    )
    encoder = Encoder({}, {})
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, len(plan.names))).astype(np.float32)
    label = (X[:, 0] > 0).astype(np.int8)
    fitted = Logistic.fit(X, label, np.ones(200), encoder, plan.names, 0.1)
    model = ConversionModel(fitted, Calibrator("sigmoid", values=(1.0, 0.0)))
    bare = Artefact(plan, Playbook.load().task(TASK), encoder, model, record=RECORD)
    folder = tmp_path_factory.mktemp("registry") / "artefact"
    golden(bare, 0).save(folder)
    return folder


@pytest.fixture(autouse=True)
def _checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check takes seconds in a process of its own; what promoting does with one is tested below."""
    monkeypatch.setattr(verbs, "check", load)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Settings(home=tmp_path)


@pytest.fixture
def log(settings: Settings, artefact: Path) -> Any:
    """Logs the artefact with a verdict."""

    def log(verdict: Verdict, extras: Extras | None = None, **more: Any) -> Logged:
        logged = log_run(settings, TASK, artefact, {**RECORD, **more}, verdict, extras)
        assert logged.note == ""
        return logged

    return log


@pytest.fixture
def enter(settings: Settings, artefact: Path) -> Any:
    """Registers the artefact with a verdict, without a run: which takes seconds."""

    def enter(verdict: Verdict, shipped: str = "true") -> str:
        tags = {"gate": json.dumps(verdict.to_json()), "measured_as_shipped": shipped}
        with reached(settings) as client:
            models = Registered(client, TASK, Settings())
            models.make()
            made = client.create_model_version(NAME, artefact.as_uri(), tags=tags)
            (models.promote if verdict.promote else models.challenge)(str(made.version))
        return str(made.version)

    return enter


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return dict(json.loads(capsys.readouterr().out))


def champion(settings: Settings) -> str | None:
    with reached(settings) as client:
        return Registered(client, TASK, Settings()).champion


@contextlib.contextmanager
def running(command: list[str], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process with a group of its own, which is ended with the block."""
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command, stdout=out, stderr=out, start_new_session=True, **options
        ) as process,
    ):
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def until(ready: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for something to be ready; a minute at most."""
    for _ in range(600):
        if ready():
            return
        assert process.poll() is None, log.read_text()[-2000:]
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-2000:])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of an MLflow server on a PostgreSQL of its own, both ended with the test."""
    pytest.importorskip("psycopg2")
    places = [*map(str, Path("/usr/lib/postgresql").glob("*/bin")), os.environ.get("PATH", "")]
    path = os.pathsep.join(places)
    initdb, postgres = (shutil.which(name, path=path) for name in ("initdb", "postgres"))
    if not (initdb and postgres):
        pytest.skip("PostgreSQL is not installed")
    as_other: list[str] = []
    # Not under tmp_path, which another user may not enter.
    with tempfile.TemporaryDirectory(prefix="tegakari-pg-") as folder:
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            try:
                other = pwd.getpwnam("postgres")
            except KeyError:
                pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
            os.chown(folder, other.pw_uid, other.pw_gid)
            setpriv = shutil.which("setpriv") or pytest.skip("setpriv is not installed")
            user, group = f"--reuid={other.pw_uid}", f"--regid={other.pw_gid}"
            as_other = [str(setpriv), user, group, "--clear-groups"]
        data = f"{folder}/data"
        make = [initdb, "-D", data, "-U", "mlflow", "-A", "trust", "--no-sync", "-E", "UTF8"]
        subprocess.run([*as_other, *make], check=True, capture_output=True, cwd="/")
        port, log = free_port(), tmp_path / "postgres.log"
        run = [postgres, "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder, "-F"]
        with running([*as_other, *run], log, cwd="/") as database:
            until(lambda: listening(port), database, log)
            with mlflow_on(
                f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/postgres", tmp_path
            ) as uri:
                yield uri


def listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def mlflow_on(database: str, folder: Path) -> Iterator[str]:
    port, log = free_port(), folder / "mlflow.log"
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--backend-store-uri", database]
    command += ["--artifacts-destination", str(folder / "files")]
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    uri = f"http://127.0.0.1:{port}"

    def healthy() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{uri}/health", timeout=1):
            return True
        return False

    with running(command, log, env=environment) as process:
        until(healthy, process, log)
        yield uri


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings of each store in turn."""
    if request.param == "postgresql":
        uri = request.getfixturevalue("server")
        request.getfixturevalue("monkeypatch").setenv("MLFLOW_TRACKING_URI", uri)
    return settings


def test_a_store_keeps_runs_data_trials_versions_and_who_answers(
    store: Settings, log: Any, artefact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = [
        asdict(Trial("codes", {"rate": 0.03}, 0.25, 1.5, "complete")),
        asdict(Trial("trial 1", {"rate": 0.3}, 0.5, 0.5, "pruned")),
    ]
    data = (Fingerprint("leads", "ab" * 32, 77, 5, 3),)
    files = {"report.html": "<p>手がかり</p>".encode(), "plots/lift.png": b"\x89PNG"}
    first, second = log(YES, Extras(files, data, trials)), log(NO)
    assert (first.version, first.champion) == ("1", True)
    assert (second.version, second.champion) == ("2", False)
    with reached(store) as client:
        run = client.get_run(first.run_id)
        assert run.data.metrics["model.log_loss"] == 0.25
        assert run.data.metrics["base rate.log_loss.high"] == 0.75
        assert run.data.metrics["30_60 days.log_loss"] == 0.125
        assert run.data.params["parameters.strength"] == "0.1"
        assert run.data.tags["mlflow.user"] == "tegakari"
        assert run.data.tags.get("mlflow.source.git.repoURL", "") == ""
        (logged,) = run.inputs.dataset_inputs
        assert (logged.dataset.name, logged.dataset.digest) == ("leads", ("ab" * 32)[:36])
        assert json.loads(logged.dataset.profile)["sha256"] == "ab" * 32
        nested = client.search_runs(
            [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{first.run_id}'"
        )
        assert {r.info.run_name for r in nested} == {"codes", "trial 1"}
        found = {r.data.params["rate"]: (r.data.metrics, r.data.tags["state"]) for r in nested}
        assert found == {
            "0.03": ({"log_loss": 0.25, "seconds": 1.5}, "complete"),
            "0.3": ({"log_loss": 0.5, "seconds": 0.5}, "pruned"),
        }
        listed = {f.path for f in client.list_artifacts(first.run_id)}
        assert {"report.html", "plots", "record.json", "gate.json"} <= listed
        kept = client.download_artifacts(first.run_id, "report.html", str(store.home))
        assert Path(kept).read_bytes() == files["report.html"]
        models = Registered(client, TASK, Settings())
        fetched = load(models.fetch("1", store.home))
        assert fetched.version == load(artefact).version
        aliases = [(v.number, v.aliases) for v in models.versions()]
    assert aliases == [("2", ("challenger",)), ("1", ("champion",))]

    assert run_models(store, TASK, as_json=True) == 0
    listing = said(capsys)
    assert listing["name"] == NAME
    assert [(v["version"], v["promote"], v["log_loss"]) for v in listing["versions"]] == [
        ("2", False, 0.25),
        ("1", True, 0.25),
    ]
    with pytest.raises(UsageError, match=r"the gate said no: \(c\) the data changed.*--reason"):
        run_promote(store, TASK, "2")
    assert run_promote(store, TASK, "challenger", "new market", as_json=True) == 0
    assert said(capsys)["champion"] == champion(store) == "2"
    assert run_rollback(store, TASK, as_json=True) == 0
    assert said(capsys)["champion"] == champion(store) == "1"
    with reached(store) as client:
        two, one = Registered(client, TASK, Settings()).versions()
    assert two.tags["was_champion"].startswith("until 20")
    assert (two.tags["promoted_by"], two.tags["promoted_because"]) == ("a person", "new market")
    assert "was_champion" not in one.tags
    assert one.aliases == ("champion",)
    assert run_card(store, TASK, "2") == 0
    assert "new market" in capsys.readouterr().out


def test_the_model_in_mlflow_says_what_it_takes_and_shows_only_golden_rows(
    settings: Settings, log: Any, artefact: Path
) -> None:
    import mlflow

    log(YES)
    with reached(settings):
        model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
        info, shown_rows = model.metadata, model.input_example
        answers = model.predict(shown_rows)
        # Whole numbers, missing ones and texts are all a number to the model; ids are text.
        plain = {"lead_id": ["a", "b"], "employees": [3, 4], "nobody asked": [1, 1]}
        from pandas import DataFrame

        assert len(model.predict(DataFrame(plain))) == 2
        emails = DataFrame({"lead_id": ["a", "b"], "email": ["a@test.example", "b@ex.example"]})
        assert model.predict(emails)["excluded"].tolist() == ["test entry", None]
        with pytest.raises(mlflow.MlflowException, match="lead_id"):
            model.predict(DataFrame({"employees": [3]}))
    requests = load(artefact).golden.requests
    assert list(shown_rows["lead_id"]) == [r["lead"]["lead_id"] for r in requests[:5]]
    assert all(lead.startswith("golden-") for lead in shown_rows["lead_id"])
    assert info.signature.inputs.required_input_names() == ["lead_id"]
    assert {"employees", "events", "as_of"} <= set(info.signature.inputs.input_names())
    assert set(info.signature.outputs.input_names()) == set(answers.columns)
    expected = load(artefact).golden.probabilities[:5]
    by_model = np.array([by == "model" for by in answers["scored_by"]])
    assert by_model.any()
    assert answers["probability"][by_model].tolist() == list(np.array(expected)[by_model])


def test_going_back_twice_goes_back_two_champions(
    settings: Settings, enter: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in "123":
        assert enter(YES) == number
    for expected in "21":
        run_rollback(settings, TASK)
        assert champion(settings) == expected
    with pytest.raises(UsageError, match="before version 1 there is none that is still there"):
        run_rollback(settings, TASK)
    # Who is promoted again is gone back from to whoever was champion before that.
    run_promote(settings, TASK, "3", "again")
    run_promote(settings, TASK, "2", "again")
    for expected in "31":
        run_rollback(settings, TASK)
        assert champion(settings) == expected
    assert "lead-conversion: version 1 is the champion again; version 3 was." in (
        capsys.readouterr().out
    )


def test_an_alias_that_was_moved_in_mlflow_and_a_version_that_was_deleted_are_no_obstacle(
    settings: Settings, enter: Any
) -> None:
    for _ in range(4):
        enter(YES)
    with reached(settings) as client:
        client.set_registered_model_alias(NAME, "champion", "1")
        client.delete_model_version(NAME, "3")
    run_rollback(settings, TASK)
    assert champion(settings) == "4"
    run_rollback(settings, TASK)
    assert champion(settings) == "2"


def test_promoting_needs_the_gate_or_a_reason(
    settings: Settings, enter: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    against = replace(YES, champion="1")
    enter(YES)
    enter(replace(against, promote=False, reason="no."))
    enter(replace(against, promote=False), shipped="false")
    for version, why in (
        ("2", "the gate said no: no. If"),
        ("3", "not measured as shipped. If"),
    ):
        for reason in (None, "  "):
            with pytest.raises(UsageError, match=why):
                run_promote(settings, TASK, version, reason)
    assert champion(settings) == "1"
    with reached(settings) as client:
        client.set_model_version_tag(NAME, "2", "gate", json.dumps(against.to_json()))
    run_promote(settings, TASK, "v2", None)
    assert champion(settings) == "2"
    # It is compared with a champion that is none any more.
    with reached(settings) as client:
        client.set_model_version_tag(NAME, "3", "gate", json.dumps(against.to_json()))
        client.set_model_version_tag(NAME, "3", "measured_as_shipped", "true")
    with pytest.raises(UsageError, match="compared it with version 1, and the champion now is ver"):
        run_promote(settings, TASK, "3")
    assert run_promote(settings, TASK, "champion") == 0
    assert "version 2 is the champion already" in capsys.readouterr().out


def test_a_damaged_model_is_not_promoted_for_any_reason(settings: Settings, log: Any) -> None:
    log(NO)
    for file in settings.home.glob("mlartifacts/**/logistic.json"):
        file.write_text("{}", "utf-8")
    with pytest.raises(ArtefactError, match=r"logistic\.json is damaged"):
        run_promote(settings, TASK, "1", "all the same")
    assert champion(settings) is None


def test_what_is_not_there_is_named_with_what_is(
    settings: Settings, enter: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in (run_models, run_rollback, run_card):
        with pytest.raises(UsageError, match="Nothing has been registered yet"):
            verb(settings, TASK)
    assert not (settings.home / "mlflow.db").exists()
    enter(NO)
    with pytest.raises(UsageError, match=r"'7': .* no such version; there are 1, challenger"):
        run_promote(settings, TASK, "7", "why not")
    with pytest.raises(UsageError, match="Did you mean 'challenger'"):
        run_card(settings, TASK, "chalenger")
    with pytest.raises(UsageError, match="there has been none"):
        run_rollback(settings, TASK)
    with pytest.raises(UsageError, match=r"models of qualification\. Did you mean 'qualification'"):
        run_models(settings, "qualificaton")
    run_models(settings, TASK)
    assert "the data changed, a person decides" in capsys.readouterr().out


def test_mlflow_that_is_away_is_named_without_its_password(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: whoever calls is refused
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://anna:secret@{address}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.raises(ArtefactError) as away:
            run_models(settings, TASK)
    assert str(away.value).startswith(f"MLflow at http://anna:***@{address} could not be used")
    assert "secret" not in str(away.value)
    assert shown("sqlite:///a.db") == "sqlite:///a.db"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ
