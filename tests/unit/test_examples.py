"""The gallery: running a notebook of examples/ asserts its claims, and the script writes the file that a page opens."""

import runpy
import sys

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

import rnnkit
from pages.state.watched_file import example as shipped

NOTEBOOKS = sorted(ROOT.glob("examples/*.ipynb"))
by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_there_are_these_and_the_gallery_has_a_line_for_each():
    assert [path.stem for path in NOTEBOOKS] == ["from_keras", "nan_found", "sequence_length", "window_too_long"]
    assert [path.name for path in ROOT.glob("examples/*.py")] == ["time_series.py"]
    gallery = (ROOT / "docs/gallery.md").read_text("utf-8")
    assert all(f"(../examples/{path.name})" in gallery for path in ROOT.glob("examples/*.*"))


@by_name
def test_a_notebook_is_valid_states_its_claim_and_holds_no_output(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.metadata.kernelspec.name) == (4, "python3")
    assert notebook.cells[0].source.startswith("# ") and "\n**Claim.** " in notebook.cells[0].source
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code_cells(path))
    assert sum(cell.source.count("\nassert ") for cell in code_cells(path)) >= 3


@by_name
def test_a_notebook_runs_and_its_claim_holds(path, tmp_path, monkeypatch):
    for name in ("HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()  # a failed assert raises
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    printed = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    assert "checked: the replayed gradient of the weights differs from the layer's own by" in printed
    shown = [output.data["text/html"] for output in outputs if output.output_type == "display_data"]
    assert shown and all("<svg" in html for html in shown), "a watch alone on a line draws its heatmap"
    assert [output for output in outputs if output.output_type == "stream" and output.name == "stderr"] == []


def test_the_script_writes_a_run_like_the_one_that_the_page_opens(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["time_series.py", str(tmp_path / "run.rnnkit")])
    runpy.run_path(str(ROOT / "examples/time_series.py"), run_name="__main__")
    assert "lstm.l0: Of dL/dc, " in capsys.readouterr().out
    run = rnnkit.watch.read(tmp_path / "run.rnnkit")
    assert run.steps == shipped().steps and {p.key for p in run.profiles} == {p.key for p in shipped().profiles}
