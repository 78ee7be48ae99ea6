"""Several processes on one socket, and several companies on one machine."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from models.settings import Settings
from serving.app import create_app
from serving.keys import create

ROOT = Path(__file__).parents[2]
SERVE = "from models.settings import Settings; from serving.run import run; run('127.0.0.1', 0, Settings())"


class Service:
    """A service with two workers."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            cwd=ROOT,
            env={**os.environ, "TEGAKARI_HOME": str(home), "TEGAKARI_WORKERS": "2"},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.says(r"http://127\.0\.0\.1:(\d+)/docs")[1])

    def says(self, pattern: str) -> re.Match[str]:
        """Wait for an event in the log."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(pattern, json.loads(line)["event"]):
                return found
        raise AssertionError(f"the service ended without saying {pattern}")

    def workers(self) -> set[int]:
        """Those that serve: they have metrics."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return {
            int(child)
            for child in children
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
        }

    def get(self, path: str) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def counted(self, route: str) -> float:
        told = self.get("/metrics")[1].decode()
        lines = re.findall(rf'^tegakari_requests_total{{.*route="{route}".*}} (.+)$', told, re.M)
        return sum(map(float, lines))


@contextmanager
def serving(home: Path) -> Iterator[Service]:
    service = Service(home)
    workers: set[int] = set()
    try:
        for _ in range(2):
            service.says("Started server process")
        workers = service.workers()
        yield service
    finally:
        if service.process.poll() is None:
            workers |= service.workers()
        service.process.kill()
        service.process.wait(30)
        for pid in workers:
            if not ended(pid, seconds=30):
                os.kill(pid, signal.SIGKILL)
        assert service.process.stderr is not None
        service.process.stderr.close()


def ended(pid: int, seconds: float) -> bool:
    """Wait until a process is gone; False when it is still there."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the children of a process")
def test_a_worker_that_dies_comes_back_and_all_end_together(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        before = service.workers()
        assert len(before) == 2
        for _ in range(20):
            assert service.get("/livez")[0] == 200
        # Whichever of them is asked tells of both.
        assert [service.counted("/livez") for _ in range(10)] == [20] * 10
        died = before.pop()
        os.kill(died, signal.SIGKILL)
        service.says(rf"Child process \[{died}\] died")
        for _ in range(20):
            assert service.get("/livez")[0] == 200
        service.says("Started server process")
        assert len(service.workers()) == 2
        assert died not in service.workers()
        assert service.counted("/livez") == 40
        left = [path.name for path in (tmp_path / "metrics").glob(f"gauge_live*_{died}.db")]
        assert left == []
        workers = service.workers()
        service.process.terminate()
        assert service.process.wait(30) == 0
        assert all(ended(pid, seconds=0) for pid in workers)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the children of a process")
def test_no_worker_outlives_the_service(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        workers = service.workers()
        service.process.kill()
        service.process.wait(30)
        assert all(ended(pid, seconds=30) for pid in workers)


@contextmanager
def company(home: Path, name: str) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(home=home, instance=name))) as client:
        yield client


def ring_of(client: TestClient) -> Any:
    assert isinstance(client.app, FastAPI)
    return client.app.state


def test_two_companies_share_a_machine_and_nothing_else(tmp_path: Path) -> None:
    lead = {"leads": [{"lead_id": "L-1", "attributes": {"industry": "a"}}]}
    with company(tmp_path, "acme") as acme, company(tmp_path, "globex") as globex:
        assert acme.post("/v1/leads", json=lead).status_code == 202
        assert acme.get("/v1/leads/L-1").status_code == 200
        assert globex.get("/v1/leads/L-1").status_code == 404
        state = ring_of(acme)
        token = state.background.store.write(
            lambda commit: create(commit, "Sato", "sato", ["read"])
        )
        state.ring.refresh()
        ring_of(globex).ring.refresh()
        headers = {"Authorization": f"Bearer {token}"}
        assert acme.get("/v1/model").status_code == 401
        assert acme.get("/v1/model", headers=headers).status_code == 200
        assert globex.get("/v1/model").status_code == 200
        assert not ring_of(globex).ring.locked
        told = acme.get("/metrics", headers=headers).text, globex.get("/metrics").text
    for name, metrics in zip(("acme", "globex"), told, strict=True):
        named = re.findall(r"^(?:# \w+ )?(\w+)", metrics, re.M)
        ours = [one for one in named if "tegakari" in one]
        assert ours
        assert all(one.startswith(f"{name}_tegakari_") for one in ours)
    assert {path.name for path in tmp_path.iterdir()} == {"acme", "globex"}
    for name in ("acme", "globex"):
        assert (tmp_path / name / "store.db").exists()
