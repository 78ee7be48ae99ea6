"""The artefact: the same answers from its files, every damage found, nothing in it that could run."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.errors import ArtefactError
from models.artefact import Artefact, Golden, check, compare_golden, load
from models.calibration import Calibrator

Damage = Callable[[Path], None]


def reseal(folder: Path) -> None:
    """Make the manifest agree with the files, so that only loading or golden rows can object."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"] = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "content").iterdir())
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def edit(folder: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Change one JSON file of the content, and reseal."""
    path = folder / "content" / name
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    reseal(folder)


def estimator_file(folder: Path) -> Path:
    return next(p for n in ("trees.txt", "logistic.json") if (p := folder / "content" / n).exists())


def digit_changed(text: str) -> str:
    """The first leaf's value, or the intercept, in one digit."""
    where = re.search(r"leaf_value=-?\d\.(\d)", text) or re.search(
        r'"intercept": -?\d+\.(\d)', text
    )
    assert where is not None
    place = where.start(1)
    return text[:place] + str((int(text[place]) + 5) % 10) + text[place + 1 :]


def line_missing(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[: len(lines) // 2] + lines[len(lines) // 2 + 1 :])


REWRITTEN: dict[str, Callable[[str], str]] = {
    "truncated": lambda text: text[: len(text) // 2],
    "a line missing": line_missing,
    "a digit changed": digit_changed,
    "emptied": lambda text: "",
}


def test_saved_and_loaded_it_is_the_same_artefact(
    artefact: Artefact, saved: Path, invent: Callable[[int, int], list[dict[str, Any]]]
) -> None:
    again = load(saved)
    requests = invent(700, 31)
    assert again.version == artefact.version
    assert again.answers(requests).tobytes() == artefact.answers(requests).tobytes()
    for field in ("plan", "task", "encoder", "evidence", "touches", "golden"):
        assert getattr(again, field) == getattr(artefact, field)
    assert again.model.calibrator == artefact.model.calibrator
    assert json.dumps(again.record) == json.dumps(artefact.record)
    check(saved)


def test_the_version_is_of_the_content_and_not_of_where_it_came_from(artefact: Artefact) -> None:
    assert replace(artefact, record={"other": 1}).version == artefact.version
    assert re.fullmatch("[0-9a-f]{12}", artefact.version)
    changed = [
        replace(artefact, model=replace(artefact.model, calibrator=Calibrator())),
        replace(artefact, plan=replace(artefact.plan, timezone="Asia/Tokyo")),
        replace(artefact, task=replace(artefact.task, horizon=1)),
        replace(artefact, evidence=None),
        replace(artefact, touches=None),
        replace(artefact, golden=Golden()),
    ]
    versions = {other.version for other in changed} | {artefact.version}
    assert len(versions) == len(changed) + 1


def test_saving_twice_writes_the_same_bytes_and_never_over_another(
    artefact: Artefact, saved: Path, tmp_path: Path
) -> None:
    artefact.save(tmp_path / "twice")
    for path in saved.rglob("*.*"):
        assert (tmp_path / "twice" / path.relative_to(saved)).read_bytes() == path.read_bytes()
    with pytest.raises(FileExistsError):
        artefact.save(tmp_path / "twice")


@pytest.mark.parametrize("how", REWRITTEN)
def test_a_file_that_is_not_as_it_was_is_not_loaded(folder: Path, how: str) -> None:
    path = estimator_file(folder)
    path.write_text(REWRITTEN[how](path.read_text()))
    for attempt in (load, check):
        with pytest.raises(ArtefactError, match=rf"{path.name} is damaged: its checksum differs"):
            attempt(folder)


def test_every_file_of_content_is_guarded(saved: Path, folder: Path) -> None:
    names = [path.name for path in (saved / "content").iterdir()]
    assert len(names) == 8
    for name in names:
        path = folder / "content" / name
        sound = path.read_bytes()
        path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        with pytest.raises(ArtefactError, match=re.escape(f"{name} is damaged")):
            load(folder)
        path.unlink()
        with pytest.raises(ArtefactError, match=re.escape(f"{name} is missing")):
            load(folder)
        path.write_bytes(sound)
    load(folder)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "expected the folder of a trained model"),
        ("", "expected the folder of a trained model"),
        ("[]", "expected the folder of a trained model"),
        ("null", "expected the folder of a trained model"),
        ('{"format": 1}', "expected the folder of a trained model"),
        ('{"format": 1, "sha256": 3}', "expected the folder of a trained model"),
        ('{"format": 2, "sha256": {}}', "expected format 1, got 2"),
        ('{"format": 1, "sha256": {}}', "cannot be read by this version"),
    ],
)
def test_a_manifest_that_is_gone_or_strange_is_refused(
    folder: Path, text: str | None, says: str
) -> None:
    (folder / "manifest.json").unlink()
    if text is not None:
        (folder / "manifest.json").write_text(text)
    with pytest.raises(ArtefactError, match=says):
        load(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="expected the folder of a trained model"):
        load(tmp_path / "nowhere")


def test_a_file_that_the_manifest_names_outside_the_folder_is_not_read(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    secret = folder.parent / "secret.json"
    secret.write_text("{}")
    manifest["sha256"]["../../secret.json"] = hashlib.sha256(b"{}").hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtefactError, match=r"secret\.json is missing"):
        load(folder)


@pytest.mark.parametrize(
    "name", ["plan", "task", "encoder", "calibrator", "evidence", "touches", "golden"]
)
def test_content_of_another_shape_is_refused_and_never_a_traceback(folder: Path, name: str) -> None:
    for value in ([], {}, 3, "text", [1]):
        edit(folder, f"{name}.json", lambda _, value=value: value)
        if name == "evidence" and not value:
            assert load(folder).evidence is None
        else:
            with pytest.raises(ArtefactError, match="cannot be read by this version"):
                load(folder)


def test_a_plan_with_a_kind_this_version_lacks_is_refused(folder: Path) -> None:
    def newer(plan: Any) -> Any:
        plan["features"][0][0] = "prophecy"
        return plan

    edit(folder, "plan.json", newer)
    with pytest.raises(ArtefactError, match="prophecy"):
        load(folder)


def raise_slope(calibrator: Any) -> Any:
    calibrator["values"][0] += 0.01
    return calibrator


def swap_categories(encoder: Any) -> Any:
    industries = encoder["categories"]["industry"]
    industries.append(industries.pop(0))
    return encoder


def swap_features(plan: Any) -> Any:
    plan["features"][0], plan["features"][5] = plan["features"][5], plan["features"][0]
    return plan


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: edit(f, "calibrator.json", raise_slope),
        lambda f: edit(f, "encoder.json", swap_categories),
        lambda f: edit(f, "plan.json", swap_features),
    ],
    ids=["calibrator", "encoder", "plan"],
)
def test_golden_rows_find_what_checksums_cannot(folder: Path, damage: Damage) -> None:
    damage(folder)
    load(folder)
    with pytest.raises(ArtefactError, match=r"golden row \d+: expected probability"):
        compare_golden(folder)


def test_golden_rows_find_a_changed_digit_in_a_process_of_their_own(folder: Path) -> None:
    path = estimator_file(folder)
    path.write_text(digit_changed(path.read_text()))
    reseal(folder)
    load(folder)
    with pytest.raises(ArtefactError, match=r"failed its check: golden row \d+"):
        check(folder)


def test_an_artefact_without_golden_rows_does_not_pass(folder: Path) -> None:
    edit(folder, "golden.json", lambda _: {"requests": [], "probabilities": []})
    with pytest.raises(ArtefactError, match="no golden rows"):
        compare_golden(folder)


@pytest.mark.parametrize("estimator", ["trees"], indirect=True)
@pytest.mark.parametrize("how", ["truncated", "a line missing", "wild"])
def test_trees_that_might_crash_whoever_reads_them_do_not_crash_us(folder: Path, how: str) -> None:
    path = folder / "content" / "trees.txt"
    text = path.read_text()
    wild = re.sub(r"left_child=\S+", "left_child=999999999", text, count=1)
    path.write_text(wild if how == "wild" else REWRITTEN[how](text))
    reseal(folder)
    load(folder)  # the trees are not parsed before the check says so
    with pytest.raises(ArtefactError, match="failed its check"):
        check(folder)


def test_the_check_has_a_deadline(saved: Path) -> None:
    began = time.monotonic()
    with pytest.raises(ArtefactError, match=r"longer than 0\.05 s"):
        check(saved, deadline=0.05)
    assert time.monotonic() - began < 10


def test_files_are_plain_text(saved: Path) -> None:
    for path in saved.rglob("*"):
        if path.is_file():
            text = path.read_bytes().decode("utf-8")
            assert path.suffix in (".json", ".txt")
            if path.suffix == ".json":
                json.loads(text)
            else:
                assert text.startswith("tree\n")


_WATCHED = """
import sys
from pathlib import Path
from models.artefact import load
from models.conversion import Trees

def refuse(event, arguments):
    runs = ("exec", "compile", "pickle.find_class", "marshal.loads", "import", "os.system",
            "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "ctypes.dlopen")
    if event in runs or (event == "open" and set("wax+") & set(str(arguments[1] or ""))):
        raise SystemExit(f"{event} {arguments}")

sys.addaudithook(refuse)
artefact = load(Path(sys.argv[1]))
if isinstance(artefact.model.estimator, Trees):
    artefact.model.estimator.booster
print(artefact.version)
"""


def test_loading_runs_imports_and_writes_nothing(artefact: Artefact, saved: Path) -> None:
    root = Path(load.__globals__["__file__"]).parent.parent
    command = [sys.executable, "-c", _WATCHED, str(saved)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == (artefact.version, 0), done.stderr


def test_answers_do_not_depend_on_the_other_requests(
    artefact: Artefact, invent: Callable[[int, int], list[dict[str, Any]]]
) -> None:
    requests = invent(300, 8)
    together = artefact.answers(requests)
    alone = np.concatenate([artefact.answers([request]) for request in requests[:40]])
    assert alone.tobytes() == together[:40].tobytes()
