"""A curve that is registered, and written down nowhere else, stands on the lab, in the menu of downloads and in the files."""

from dataclasses import replace

import pytest
from apptest import SMALL, finished, linked

from rnnkit.charts.training import CURVES
from rnnkit.charts.training.base import Curve, last_median, trend
from rnnkit.charts.training.layers import EXACT, median_and_range
from rnnkit.experiment import FIELDS
from rnnkit.export.figures import figures, names
from rnnkit.rounding import amount


def chart(data=None, pinned=None, *, steps=None, limit=1.0):
    return median_and_range(data, pinned, "applied", {}, steps, (("limit", limit),), EXACT)


APPLIED = Curve(
    menu="Applied norm",
    title=lambda e: f"**Applied norm** of {e.replicas} networks",
    about="Applied norm of every network",
    columns={"applied": "norm_applied"},
    chart=chart,
    options=lambda e: {"limit": e.lr},
    state=lambda h, n: f"Applied norm: {amount(last_median(h, h.norm_applied, n)[0])}.",
    finding=lambda h: f"Applied: {trend(h, h.norm_applied, amount)}",
    reading=lambda h: "Read it.",
)


@pytest.fixture
def applied(monkeypatch):
    monkeypatch.setitem(CURVES, "applied", APPLIED)


def test_the_lab_draws_it_and_the_download_menu_offers_it(app, pool, applied):
    at = finished(app, SMALL)
    drawn = at.get("vega_lite_chart")
    h = pool.runs[linked(at).key].history
    assert not at.exception and "**Applied norm** of 2 networks" in [m.value for m in at.markdown]
    assert len(drawn) == len(CURVES) == 5 and drawn[-1].proto.alt == APPLIED.state(h, h.n)
    at.session_state["take_home"] = True
    assert "Applied norm" in at.run().selectbox(key="take_chart").options


def test_it_is_one_of_the_figures(app, pool, applied):
    at = finished(app, SMALL)
    h = pool.runs[linked(at).key].history
    figure = figures(h)[-1]
    assert (figure.name, figure.title) == ("applied", "Applied norm of 2 networks") and names(h.e)[-1] == "applied"
    assert figure.finding.startswith("Applied: from ") and "(median)" in figure.finding and figure.reading == "Read it."
    rows = max(figure.chart.to_dict()["datasets"].values(), key=len)
    assert [row["applied"] for row in rows] == pytest.approx(list(h.norm_applied.ravel()))


def test_it_is_not_shown_where_it_does_not_apply(app, monkeypatch):
    monkeypatch.setitem(CURVES, "applied", replace(APPLIED, applies=FIELDS["fixes"].applies))
    at = finished(app, SMALL, cell="esn")
    assert len(at.get("vega_lite_chart")) == 2 and not at.exception
    assert names(linked(at))[-2:] == ["loss", "accuracy"]
