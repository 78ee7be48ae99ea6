"""The README's two commands and its request, done as a reader would do them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.settings import Settings
from serving.app import create_app

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```[a-z]*\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)


def _plain_environment() -> dict[str, str]:
    """The environment of somebody who has set nothing."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("TEGAKARI_", "MLFLOW_"))}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """An empty folder in which `tegakari demo --no-serve` was run, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, str(README.parent / "tegakari.py"), "demo", "--no-serve"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=_plain_environment()
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.fixture
def home(demo: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's home, with no other deployment in the environment."""
    for name in list(os.environ):
        if name.startswith(("TEGAKARI_", "MLFLOW_TRACKING")):
            monkeypatch.delenv(name)
    return demo[0] / "var"


def test_the_demo_prints_what_the_readme_says(demo: tuple[Path, str]) -> None:
    shown = next(block for block in BLOCKS if "the 10 most likely leads" in block)
    printed = [line.rstrip() for line in demo[1].splitlines()]
    for line in shown.removesuffix("  ...\n").splitlines():
        assert line in printed


def _ask(home: Path) -> Any:
    curl = next(block for block in BLOCKS if block.startswith("curl"))
    path = re.search(r"'http://127.0.0.1:8000(.*?)'", curl)
    body = re.search(r"-d '(.*)'", curl, re.S)
    assert path
    assert body
    headers = {"Content-Type": "application/json"}
    with TestClient(create_app(Settings(home=home))) as client:
        answer = client.post(path[1], content=body[1].encode(), headers=headers)
    assert answer.status_code == 200
    return answer.json()


def _close(value: Any) -> Any:
    """Numbers to nine places: another machine's exp may differ in the last."""
    if isinstance(value, dict):
        return {key: _close(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_close(inner) for inner in value]
    return round(value, 9) if isinstance(value, float) else value


def test_the_request_is_answered_as_printed(home: Path) -> None:
    printed = json.loads(next(block for block in BLOCKS if '"known_at"' in block))
    assert _close(_ask(home)) == _close(printed)


def test_without_the_model_rules_answer_as_printed(home: Path) -> None:
    by_model = json.loads(next(block for block in BLOCKS if '"known_at"' in block))
    differs = json.loads(
        next(block for block in BLOCKS if '"fallback_reason": "no_model"' in block)
    )
    gone = [home / "mlflow.db", home / "artefacts"]
    kept = [file.rename(file.with_name(f"kept-{file.name}")) for file in gone if file.exists()]
    try:
        assert _close(_ask(home)) == _close({**by_model, **differs})
    finally:
        for file in kept:
            file.rename(file.with_name(file.name.removeprefix("kept-")))


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_page_of_one_lead_is_as_printed(demo: tuple[Path, str], lang: str) -> None:
    asked = next(block for block in BLOCKS if block.startswith("tegakari explain --leads var/demo"))
    words = shlex.split(asked.replace("\\\n", " "))[1:]
    shown = next(
        block for block in BLOCKS if {"en": "Speaks for it", "ja": "有利な理由"}[lang] in block
    )
    command = [sys.executable, str(README.parent / "tegakari.py"), *words, "--lang", lang]
    done = subprocess.run(
        command, cwd=demo[0], capture_output=True, text=True, check=False, env=_plain_environment()
    )
    assert done.returncode == 0, done.stderr
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    for line in shown.splitlines():
        assert line in printed


def _commands() -> list[tuple[str, list[str]]]:
    """The commands of the console blocks, in order, and the lines shown of what each prints."""
    found: list[tuple[str, list[str]]] = []
    consoles = re.findall(
        r"^```console\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S
    )
    for line in "".join(consoles).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def test_every_command_prints_what_the_readme_shows(demo: tuple[Path, str]) -> None:
    files = re.search(r'^DEMO="(.*)"$', README.read_text(encoding="utf-8"), re.M)
    assert files
    (demo[0] / "models").mkdir()
    shutil.copy(README.parent / "models" / "playbook.toml", demo[0] / "models")
    verbs = set()
    for asked, shown in _commands():
        words = shlex.split(asked.replace("$DEMO", files[1]))
        if words[0] == "tegakari":
            words[:1] = [sys.executable, str(README.parent / "tegakari.py")]
            verbs.add(words[2])
        done = subprocess.run(
            words if "tegakari.py" in words[1] else ["sh", "-c", asked],
            cwd=demo[0],
            capture_output=True,
            text=True,
            check=False,
            env=_plain_environment(),
        )
        assert done.returncode == 0, (asked, done.stderr)
        assert [line.rstrip() for line in done.stdout.splitlines()] == shown, asked
    assert verbs == {"playbook", "list", "outcomes"}
