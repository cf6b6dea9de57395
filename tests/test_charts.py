"""Charts: valid with data from train() and without, and their specification never depends on the rows."""

import altair as alt
import pandas as pd
import pytest

from rnnkit import Experiment, charts, frame, train

E = Experiment(length=10, hidden=8, batch=8, replicas=2, steps=5)
CHARTS = [charts.loss_chart, charts.accuracy_chart, charts.norm_chart]


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
    assert {"rows", "cursor"} <= names
