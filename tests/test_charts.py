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
    many = pd.concat([table] * 1000)  # more rows than Altair takes by itself
    spec = chart(many).to_dict()
    assert isinstance(alt.Chart.from_dict(spec), alt.TopLevelMixin)
    assert max(len(layer["data"].get("values", [])) for layer in spec["layer"]) == len(many)


@pytest.mark.parametrize("chart", CHARTS)
def test_live_chart_names_its_data_and_never_changes(chart):
    first, second = chart(steps=100).to_dict(), chart(steps=100).to_dict()
    assert first == second
    names = {layer["data"].get("name") for layer in first["layer"]}
    assert {"rows", "cursor"} <= names
