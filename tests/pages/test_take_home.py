"""What a viewer takes home of a run, asked for as the buttons ask; the files themselves are tested with rnnkit.export."""

import io
import json
import zipfile

import pandas as pd
import pytest
from apptest import SMALL, controls, finished, linked, state, until

from pages.ui import chart_view, downloads
from rnnkit.engine.cells import CELLS
from rnnkit.experiment import Experiment

FILES = ["Handout", "PyTorch script", "Notebook", "SVG", "PNG", "All charts, SVG and PNG", "Records as CSV", "as Parquet"]


@pytest.fixture
def asked(monkeypatch):
    """label -> what makes the file, of the buttons drawn last."""
    makers = {}
    button = downloads._button

    def heard(label, key, run, make, *more):
        makers[label] = make
        button(label, key, run, make, *more)

    monkeypatch.setattr(downloads, "_button", heard)
    return makers


def opened(at):
    at.session_state["take_home"] = True
    return at.run()


@pytest.mark.parametrize("cell", CELLS)
def test_everything_that_is_offered_can_be_had(app, pool, asked, cell):
    at = opened(finished(app, SMALL, cell=cell))
    assert not at.exception and [*asked] == [*FILES, "Gradients as Parquet"]
    e, h = linked(at), pool.runs[linked(at).key].history
    assert e.cell == cell
    table = pd.read_csv(io.BytesIO(asked["Records as CSV"]()))
    assert len(table) == 21 * 2
    assert list(table["loss"].astype("float32")) == list(h.loss.ravel())
    assert len(pd.read_parquet(io.BytesIO(asked["as Parquet"]()))) == 21 * 2
    gradients = pd.read_parquet(io.BytesIO(asked["Gradients as Parquet"]()))
    assert len(gradients) == 21 * 2 * 10 * len(CELLS[cell].parts)
    assert "import torch" in asked["PyTorch script"]() and json.loads(asked["Notebook"]())["nbformat"] == 4


def test_what_has_no_script_is_offered_without_one_and_the_reason_is_said(app, asked):
    at = opened(finished(app, SMALL, task="words"))
    assert not at.exception and {*FILES} - {*asked} == {"PyTorch script", "Notebook"}
    assert any("There is no PyTorch script" in c.value and "reads a file" in c.value for c in at.caption)
    assert asked["Handout"]().startswith("<!")


def test_the_charts_and_the_handout_of_a_run(app, asked):
    at = opened(finished(app, SMALL))
    assert asked["SVG"]().startswith(b"<svg") and asked["PNG"]().startswith(b"\x89PNG")
    with zipfile.ZipFile(io.BytesIO(asked["All charts, SVG and PNG"]())) as file:
        assert sorted(file.namelist()) == sorted(
            f"{name}.{kind}" for name in ("gradient-h", "loss", "accuracy", "weights", "lags") for kind in ("svg", "png")
        )
    page = asked["Handout"]()
    assert page.startswith("<!") and "import torch" in page
    link = "&amp;".join(f"{k}={v}" for k, v in Experiment.to_query(linked(at)).items() if k in ("v", "task"))
    assert link in page


# ---- the charts of the other pages ----


@pytest.mark.parametrize(
    "name, wanted",
    [
        ("vanishing", 4),
        ("exploding", 2),
        ("sentence", 1),
        ("corpus", 0),
        ("stories", 0),
        ("how_far", 2),
        ("papers", 2),
        ("your_network", 1),
    ],
)
def test_every_chart_of_a_page_can_be_had_as_a_file(app, name, wanted):
    at = app(SMALL, page=name)
    until(at, lambda at: len(charts(at)) >= wanted)
    drawn = list(state(at).charts.values())
    assert charts(at) == [chart.title for chart in drawn]
    for chart in drawn[-1:]:
        assert chart_view.file(chart, "png").startswith(b"\x89PNG") and chart.title in chart_view.file(chart, "svg").decode()


def test_charts_that_are_no_longer_drawn_are_not_offered(app):
    at = app(SMALL, page="vanishing", cell="lstm")
    until(at, lambda at: "Norm of dL/dc" in " ".join(charts(at)))
    controls(at)["c_cell"].set_value("tanh").run()
    until(at, lambda at: len(charts(at)) >= 5)
    assert "dL/dc" not in " ".join(charts(at)) and [*charts(at)] == [chart.title for chart in state(at).charts.values()]


def charts(at):
    """What the menu of charts at the end of the page offers."""
    return next((list(w.options) for w in at.selectbox if w.key.startswith("charts_of_")), [])
