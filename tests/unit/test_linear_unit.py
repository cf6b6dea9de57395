"""One linear unit and its teacher: the closed forms against simulated sequences and finite differences."""

import altair as alt
import numpy as np
import pytest

from rnnkit.analysis import linear_unit as unit
from rnnkit.charts import linear_unit as charts

MU = 0.9
X = np.random.default_rng(0).standard_normal(400_000)


def filtered(lam, x=X):
    h, state = np.empty_like(x), 0.0
    for t, value in enumerate(x):
        state = lam * state + value
        h[t] = state
    return h


def test_losses_and_sensitivity_are_those_of_a_simulation():
    teacher, lam = filtered(MU), 0.8
    h = filtered(lam)
    derivative = filtered(lam, np.concatenate([[0.0], h[:-1]]))  # dh_t = lambda dh_{t-1} + h_{t-1}
    assert np.mean((h - teacher) ** 2) / np.mean(teacher**2) == pytest.approx(unit.loss(lam, MU), rel=0.02)
    assert np.mean(derivative**2) == pytest.approx(unit.sensitivity(lam), rel=0.05)
    ours, theirs = h * np.sqrt(1 - lam**2), teacher * np.sqrt(1 - MU**2)
    assert np.mean((ours - theirs) ** 2) == pytest.approx(unit.normalized_loss(unit.exponent(lam), MU), rel=0.02)


@pytest.mark.parametrize("mu", unit.TEACHERS)
def test_curvatures_are_the_second_differences_at_the_minimum(mu):
    for of, at, curvature, eps in (
        (unit.loss, mu, unit.curvature(mu), 1e-3 * (1 - mu)),
        (unit.normalized_loss, float(unit.exponent(mu)), unit.normalized_curvature(mu), 1e-3),
    ):
        low, middle, high = (float(of(at + d, mu)) for d in (-eps, 0.0, eps))
        assert middle == pytest.approx(0, abs=1e-12) and low > middle < high
        assert (low - 2 * middle + high) / eps**2 == pytest.approx(float(curvature), rel=1e-3)


def test_the_valley_narrows_with_the_memory_and_reparametrized_it_does_not():
    plain, other = unit.curvature(unit.TEACHERS), unit.normalized_curvature(unit.TEACHERS)
    assert plain[-1] / plain[0] > 2000 and 0.4 < other.min() < other.max() < 0.5001
    assert unit.normalized_curvature(1 - 1e-6) == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize("reparametrized", [False, True])
def test_the_chart_and_its_words(reparametrized):
    table = charts.loss_table(reparametrized)
    assert set(table.teacher) == set(unit.TEACHERS) and np.isfinite(table.loss).all()
    for mu, rows in table.groupby("teacher"):
        assert rows["lambda"].iloc[rows.loss.to_numpy().argmin()] == pytest.approx(mu, abs=2e-3)
    alt.Chart.from_dict(charts.loss_chart(reparametrized).to_dict())
    assert charts.loss_text(reparametrized).count(" at ") == 4
