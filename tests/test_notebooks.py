"""Notebooks import and plot: they define no function, are stored without outputs, and run."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> NotebookNode:
    return nbformat.read(request.param, as_version=nbformat.NO_CONVERT)


def code_of(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks() -> None:
    assert ROOT / "notebooks" / "01_first_model.ipynb" in NOTEBOOKS


def test_it_is_valid(notebook: NotebookNode) -> None:
    assert notebook.nbformat == 4
    nbformat.validate(notebook)


def test_it_is_stored_without_outputs(notebook: NotebookNode) -> None:
    for cell in code_of(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None


def test_it_defines_no_function(notebook: NotebookNode) -> None:
    for cell in code_of(notebook):
        defined = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, DEFINITIONS)]
        assert not defined, cell.source


def test_it_tells_a_story(notebook: NotebookNode) -> None:
    """Prose before the first code, and never three cells of code without a word between them."""
    kinds = "".join(cell.cell_type[0] for cell in notebook.cells)
    assert kinds.startswith("m")
    assert "ccc" not in kinds


def test_it_runs_and_leaves_nothing_behind(
    notebook: NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {name: tmp_path / name for name in ("cwd", "home", "tmp", "jupyter", "ipython")}
    for folder in folders.values():
        folder.mkdir()
    environment = {
        "PYTHONPATH": str(ROOT),
        "TEGAKARI_HOME": str(folders["home"]),
        "TMPDIR": str(folders["tmp"]),
        # Without kernels of the user's, which could be of another interpreter.
        "JUPYTER_DATA_DIR": str(folders["jupyter"]),
        "IPYTHONDIR": str(folders["ipython"]),
        # LightGBM's threads wait by spinning: minutes instead of seconds where cores are shared.
        "OMP_WAIT_POLICY": "passive",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    where = nbformat.v4.new_code_cell("import sys; print(sys.prefix)")
    notebook.cells.append(where)
    resources = {"metadata": {"path": str(folders["cwd"])}}
    ran = NotebookClient(notebook, timeout=600, resources=resources).execute()
    assert where.outputs[0]["text"].strip() == sys.prefix
    outputs = [output for cell in code_of(ran) for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not list(folders["cwd"].iterdir())
    assert not list(folders["home"].iterdir())
    assert not list(folders["tmp"].iterdir())
