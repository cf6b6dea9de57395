"""Charts: valid with data from train() and without, and their specification never depends on the rows."""

import json
import re
from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert

from rnnkit import Experiment, charts, frame, train
from rnnkit.engine import history

E = Experiment(length=10, hidden=8, batch=8, replicas=2, steps=5)
CHARTS = [curve.chart for curve in charts.CURVES.values()]


@pytest.fixture(scope="module")
def table():
    return frame(train(E))


@pytest.mark.parametrize("chart", CHARTS)
def test_chart_of_a_training(chart, table):
    spec = chart(table).to_dict()
    assert isinstance(alt.Chart.from_dict(spec), alt.TopLevelMixin)
    assert max(len(rows) for rows in spec["datasets"].values()) == len(table)


def test_a_long_table_is_thinned_to_what_altair_takes(table):
    many = pd.concat([table.assign(step=table.step + 100 * i) for i in range(1000)])
    rows = max(charts.loss_chart(many).to_dict()["datasets"].values(), key=len)
    assert len(many) == 12_000 and 3000 < len(rows) <= 5000
    assert {row["replica"] for row in rows} == {0, 1}


@pytest.mark.parametrize("chart", CHARTS)
def test_live_chart_names_its_data_and_never_changes(chart):
    first, second = chart(steps=100).to_dict(), chart(steps=100).to_dict()
    assert first == second
    names = {layer["data"].get("name") for layer in first["layer"]}
    each_network = set() if chart is charts.norm_chart else {"rows"}  # that of the norms draws medians alone
    assert {"summary", "pinned", "cursor"} | each_network == names - {None}


def broken_history(steps):
    """Of five networks one is NaN from the start, two more later, and one has a step with an infinite number."""
    e = replace(E, replicas=5, steps=steps)
    h = history.History.of(e, train(e))
    for values in (h.loss, h.accuracy, h.norm_raw, h.norm_applied, h.lag_within):
        values[:, 0] = np.nan
        values[steps // 2 :, 1:3] = np.nan
        values[2, 3] = np.inf
    return h


@pytest.mark.parametrize("name", charts.CURVES)
@pytest.mark.parametrize("steps", [5, 40])
def test_a_live_chart_draws_the_same_as_that_of_the_table(name, steps):
    """The live one gets medians and ranges, the other one computes them from the table."""
    curve, h = charts.CURVES[name], broken_history(steps)
    rows = pd.DataFrame(curve.rows(h, h.n, 10_000))
    table = curve.chart(rows, rows, steps=steps, **curve.options(h.e))
    live = curve.chart(steps=steps, **curve.options(h.e)).properties(width=400).to_dict()
    summary = pd.DataFrame(curve.summary(h, h.n, 10_000))
    assert not np.isinf(summary).any(axis=None)  # the browser's scales would follow it
    live["datasets"] = live.get("datasets", {}) | {
        name: json.loads(data.to_json(orient="records"))
        for name, data in (("rows", rows), ("summary", summary), ("pinned", summary))
    }
    assert paths(vl_convert.vegalite_to_svg(live | {"datasets": live["datasets"] | {"cursor": []}})) == paths(drawn(table))


def paths(svg):
    return re.findall(r'<path[^>]* d="([^"]*[LZ][^"]*)"[^>]*stroke(?:-width)?="', svg)


# ---- medians that hide nothing


def drawn(chart):
    """The chart's SVG."""
    return vl_convert.vegalite_to_svg(chart.properties(width=400).to_dict())


def line(svg, width):
    """x of the points of the only line of this width."""
    (path,) = re.findall(rf'<path[^>]* d="([^"]*)"[^>]*stroke-width="{width}"', svg)
    return [float(x) for x in re.findall(r"[ML](-?[\d.]+),", path)]


@pytest.mark.parametrize(("chart", "column"), [(charts.loss_chart, "loss"), (charts.accuracy_chart, "accuracy")])
def test_the_median_ends_where_half_of_the_networks_are_nan(chart, column):
    """Six of eight become NaN at step 5: the two that are left speak for themselves, not for all."""
    values = np.full((11, 8), 0.4)
    values[5:, 2:] = np.nan
    rows = pd.DataFrame({"step": np.repeat(np.arange(11), 8), "replica": np.tile(np.arange(8), 11), column: values.ravel()})
    points = line(drawn(chart(rows, steps=10)), 3)
    assert len(points) == 5 and max(points) == pytest.approx(160)
    expected = history.median(values, worst=-np.inf if column == "accuracy" else np.inf)
    assert np.isnan(expected[5:]).all() and (expected[:5] == 0.4).all()


@pytest.mark.parametrize(("column", "worst", "middle"), [("loss", np.inf, 0.7), ("accuracy", -np.inf, 0.5)])
def test_a_nan_counts_as_the_worst(column, worst, middle):
    """Of five networks one is NaN: the third of what is left from the good end."""
    values = np.array([[0.5, 0.4, 0.7, np.nan, 0.9]])
    assert history.median(values, worst)[0] == middle
    rows = pd.DataFrame({"step": 0, "replica": range(5), column: values[0]})
    chart = charts.loss_chart(rows, guess=0.5) if column == "loss" else charts.accuracy_chart(rows)
    (y,) = re.findall(r'd="M[-\d.]+,([-\d.]+)[^"]*"[^>]*stroke-width="3"', drawn(chart)) or [None]
    height = charts.HEIGHT
    assert float(y) == pytest.approx(height * (1 - middle), abs=0.6)


def test_a_norm_above_its_axis_is_marked_and_named():
    rows = pd.DataFrame({"step": [0, 1], "replica": 0, "grad_norm_raw": [1.0, 1e27], "grad_norm_applied": [1.0, 1.0]})
    assert "above 1e+6, up to 1e+27" in drawn(charts.norm_chart(rows, steps=1))
    assert "above" not in drawn(charts.norm_chart(rows.assign(grad_norm_raw=1.0), steps=1))


def test_a_loss_above_its_axis_is_marked_and_named():
    rows = pd.DataFrame({"step": [0, 1, 2], "replica": 0, "loss": [0.7, 30.0, 31.0]})
    assert "above 1.4, up to 31" in drawn(charts.loss_chart(rows, steps=2))
    assert "above" not in drawn(charts.loss_chart(rows.assign(loss=0.7), steps=2))


def test_old_tables_can_still_be_drawn(table):
    old = table.rename(columns={"cause": "causes"})
    assert "causes" not in json.dumps(charts.loss_chart(old).to_dict())


def test_a_single_training_step_is_not_called_steps():
    e = Experiment(length=10, hidden=4, batch=4, replicas=2, steps=1)
    h = history.History.of(e, train(e))
    assert "right after 1 training step;" in charts.CURVES["accuracy"].state(h, 2)
    assert "after 1 training step;" in charts.CURVES["loss"].state(h, 2)
