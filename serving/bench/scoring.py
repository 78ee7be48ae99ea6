"""Scores over HTTP, beside an endpoint that answers a constant and beside MLflow's own server."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from features.instants import DAY, iso, now
from models.playbook import Playbook
from models.settings import FIRST_TASK, Settings
from serving.bench.figure import Figure
from serving.bench.wrk import Load, load
from serving.kept import last_good
from serving.process import Service, Unwell, free_port
from serving.registry import model_for

CONNECTIONS, EVENTS, LEADS = 64, 30, 500
_BODIES = 200
_WITHIN = 120
_LEASED = 2.0
"""Seconds in which the background has taken its lease, and said how far behind it is."""


def scores(home: Path, folder: Path, *, seconds: float, turns: int) -> list[Figure]:
    """Requests a second of one worker, in turns with the references, medians of all turns."""
    scripts = {name: folder / f"{name}.lua" for name in ("one", "many", "mlflow", "inputs")}
    bodies = [_body(n) for n in range(_BODIES)]
    _write(scripts["one"], [json.dumps(body) for body in bodies])
    _write(scripts["many"], [json.dumps({"leads": [_body(n) for n in range(LEADS)]})])
    with Service(home, folder / "service.log") as ours, _constant(home, folder) as constant:
        service, port = f"http://127.0.0.1:{ours.port}/v1", constant
        reference = f"http://127.0.0.1:{port}/v1/score"
        _warm(service)
        features = _ready_made(home, folder)
        _write(scripts["mlflow"], [json.dumps({"dataframe_split": features})])
        _write(scripts["inputs"], [json.dumps({"inputs": features["data"]})])
        found: dict[str, list[Load]] = {}
        for _ in range(turns):
            for name, url, script, connections in (
                ("constant", reference, "one", CONNECTIONS),
                ("reasons=0", f"{service}/score?reasons=0", "one", CONNECTIONS),
                ("reasons=3", f"{service}/score?reasons=3", "one", CONNECTIONS),
                ("scores", f"{service}/scores?reasons=0", "many", 4),
                ("alone", f"{service}/score?reasons=0", "one", 1),
            ):
                done = load(url, scripts[script], connections=connections, seconds=seconds)
                found.setdefault(name, []).append(done)
    with _mlflow(home, folder) as url:
        for name in ("mlflow", "inputs"):
            found[name] = [
                load(url, scripts[name], connections=CONNECTIONS, seconds=seconds)
                for _ in range(turns)
            ]
    for name, loads in found.items():
        if any(one.failed for one in loads):
            raise Unwell(f"{name}: {sum(one.failed for one in loads)} requests failed.")
    return _figures(found)


def _figures(found: dict[str, list[Load]]) -> list[Figure]:
    rate = {name: median(one.rate for one in loads) for name, loads in found.items()}
    p99 = {name: median(one.p99 for one in loads) for name, loads in found.items()}
    told = []
    for name, asked in (("reasons=0", 0.8), ("reasons=3", 0.6)):
        times, slower = rate[name] / rate["constant"], p99[name] / p99["constant"]
        told.append(
            Figure(
                f"/v1/score?{name}, {EVENTS} events, {CONNECTIONS} connections",
                f"{rate[name]:,.0f}/s, p99 {p99[name] * 1e3:.1f} ms: {times:.2f}x, p99 {slower:.2f}x",
                f"{rate['constant']:,.0f}/s, p99 {p99['constant'] * 1e3:.1f} ms, FastAPI and a constant",
                f"at least {asked}x" + (", p99 at most 1.5x" if asked == 0.8 else ""),
                times >= asked and (asked != 0.8 or slower <= 1.5),
            )
        )
    for name, form in (("mlflow", "dataframe_split"), ("inputs", "inputs, without names")):
        times = rate["reasons=0"] / rate[name]
        told.append(
            Figure(
                f"/v1/score against MLflow's server, {form}",
                f"{times:.1f}x",
                f"{rate[name]:,.0f}/s, the same trees, features ready-made",
                "at least 10x",
                times >= 10,
            )
        )
    leads = rate["scores"] * LEADS
    times = leads / rate["reasons=0"]
    told.append(
        Figure(
            f"/v1/scores, {LEADS} leads of {EVENTS} events",
            f"{leads:,.0f} leads/s: {times:.2f}x",
            f"{rate['reasons=0']:,.0f} leads/s of /v1/score",
            "at least 2.5x",
            times >= 2.5,
        )
    )
    alone = median(one.p50 for one in found["alone"])
    told.append(Figure("/v1/score, one at a time", f"p50 {alone * 1e3:.2f} ms"))
    return told


def _body(seed: int) -> dict[str, Any]:
    """An invented lead with what happened to it in the last two months."""
    chance, moment = random.Random(seed), now()
    playbook = Playbook.load()
    # Of a lead that is open still: of others rules answer.
    types = [name for name, said in playbook.events.items() if said.outcome is None]
    return {
        "lead": {
            "lead_id": f"L{seed}",
            "created_at": iso(moment - 60 * DAY),
            "attributes": {
                "industry": chance.choice(["machinery", "機械", "software"]),
                "employees": chance.randrange(1, 2_000),
                "role": "設計部長",
            },
        },
        "events": [
            {
                "event_type": chance.choice(types),
                "occurred_at": iso(moment - int(chance.random() * 60 * DAY)),
                "channel": chance.choice(["mail", "web"]),
                "event_id": f"{seed}-{n}",
            }
            for n in range(EVENTS)
        ],
    }


def _write(script: Path, bodies: list[str]) -> None:
    """A script of wrk that posts one body after the other."""
    lines = ['wrk.method = "POST"', 'wrk.headers["Content-Type"] = "application/json"']
    lines += ["local bodies = {}"]
    lines += [f"bodies[{n}] = [==[{body}]==]" for n, body in enumerate(bodies)]
    lines += [
        "local n = 0",
        "function request()",
        f"  n = (n + 1) % {len(bodies)}",
        "  return wrk.format(nil, nil, nil, bodies[n])",
        "end",
    ]
    script.write_text("\n".join(lines), "utf-8")


def _warm(service: str) -> None:
    """One request, by a model: rules are no measure. Then wait until the stored list is fresh."""
    asked = urllib.request.Request(
        f"{service}/score", json.dumps(_body(1)).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=_WITHIN) as answer:
        if json.load(answer)["scored_by"] != "model":
            raise Unwell("Rules answer; a champion is needed to be measured: tegakari demo.")
    time.sleep(_LEASED)
    late = re.compile(rb"^tegakari_(stale_leads|rescoring_behind_seconds) [^0]", re.MULTILINE)
    metrics, until = f"{service.removesuffix('/v1')}/metrics", time.monotonic() + _WITHIN
    while late.search(urllib.request.urlopen(metrics, timeout=_WITHIN).read()):
        if time.monotonic() > until:
            raise Unwell(f"The stored list was not fresh within {_WITHIN} seconds.")
        time.sleep(0.5)


@contextlib.contextmanager
def _constant(home: Path, folder: Path) -> Iterator[int]:
    """The reference of `serving.bench.reference`."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "serving.bench.reference:app"]
    command += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    with _running(command, folder / "constant.log", f"http://127.0.0.1:{port}/openapi.json"):
        yield port


@contextlib.contextmanager
def _mlflow(home: Path, folder: Path) -> Iterator[str]:
    """``mlflow models serve`` of the champion's trees, one worker."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(folder / "trees")]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    with _running(command, folder / "mlflow.log", f"http://127.0.0.1:{port}/ping"):
        yield f"http://127.0.0.1:{port}/invocations"


def _ready_made(home: Path, folder: Path) -> dict[str, Any]:
    """Save the champion's trees as an MLflow model of their own; a row of features for it.

    Without a signature, which costs MLflow many times what the rest does.
    """
    settings = Settings(home=home)
    good = last_good(settings, FIRST_TASK, model_for(settings, FIRST_TASK))
    if good is None:
        raise Unwell(f"{home}: the service kept no model that could be measured.")
    trees = folder / "trees.txt"
    trees.write_text(good.artefact.model.estimator.text)  # type: ignore[union-attr]
    names = good.artefact.encoder.names(good.artefact.plan)
    row = {"columns": list(names), "data": [[float(n % 7) for n in range(len(names))]]}
    code = (
        "import sys, lightgbm, mlflow.lightgbm; "
        "mlflow.lightgbm.save_model(lightgbm.Booster(model_file=sys.argv[1]), sys.argv[2])"
    )
    command = [sys.executable, "-c", code, str(trees), str(folder / "trees")]
    subprocess.run(command, check=True, capture_output=True)
    return row


@contextlib.contextmanager
def _running(command: list[str], log: Path, url: str) -> Iterator[None]:
    """A server as a process of its own, ended with the block."""
    # MLflow looks for uvicorn by its name.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {
        **os.environ,
        "PATH": path,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_WAIT_POLICY": "passive",
    }
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=said, env=environment, start_new_session=True
        )
    try:
        _until(url, process, log)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait()


def _until(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_WITHIN * 10):
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        raise Unwell(f"A reference ended: {log.read_text(errors='replace')[-500:]}")
    raise Unwell(f"A reference did not answer: {log.read_text(errors='replace')[-500:]}")


def trained(folder: Path) -> Path:
    """A home with a champion as ``train`` makes it by default, on an invented company."""
    home = folder / "home"
    environment = {**os.environ, "TEGAKARI_HOME": str(home)}
    with tempfile.TemporaryFile() as said:
        subprocess.run(
            [sys.executable, "-m", "tegakari", "demo", "--no-serve"],
            env=environment,
            stdout=said,
            check=True,
        )
    return home
