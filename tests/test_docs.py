"""The README tells of everything there is to set, to call and to ask."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from typer.main import get_command

import tegakari
from models.settings import Settings
from serving.app import ROUTES as ALL

ROOT = Path(tegakari.__file__).parent


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(readme: str, name: str) -> None:
    prefix = Settings.model_config["env_prefix"]
    assert re.search(rf"\b{prefix}{name.upper()}\b", readme)


VERBS = [
    f"{name} {inner}".rstrip()
    for name, command in sorted(vars(get_command(tegakari.app))["commands"].items())
    for inner in sorted(vars(command).get("commands") or [""])
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_documented(readme: str, verb: str) -> None:
    group, _, inner = verb.rpartition(" ")
    among_others = rf"\btegakari {group}[^\n|]*`{inner}`" if group else rf"\btegakari {inner}\b"
    assert re.search(rf"\btegakari {verb}\b|{among_others}", readme)


ROUTES = sorted(
    route.path for routes in ALL for route in routes.router.routes if isinstance(route, APIRoute)
)


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_is_documented(readme: str, path: str) -> None:
    assert re.search(rf"{re.escape(path)}(?![\w/])", readme)


def test_every_folder_of_the_picture_is_there_and_every_link_leads_somewhere(readme: str) -> None:
    for room in ("features", "models", "training", "serving", "notebooks", "tests"):
        assert f"{room}/" in readme
        assert (ROOT / room).is_dir()
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", readme)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_contributing_says_what_adding_something_takes() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for what in ("feature", "rule", "endpoint"):
        assert re.search(rf"\b{what}\b", text)
