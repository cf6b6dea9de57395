"""Eigenvalues, Lyapunov exponents and single units on the page Vanishing: what is drawn is what was measured."""

import re
from dataclasses import replace

import altair as alt
import drawn
import numpy as np
import pytest
from apptest import until, widget

from pages.ui import dynamics as dynamics_view
from rnnkit import Experiment
from rnnkit.analysis import theory
from rnnkit.charts import dynamics, regimes, units
from rnnkit.engine.cells import CELLS
from rnnkit.results.eigenvalues import Eigenvalues
from rnnkit.results.lyapunov import Lyapunov
from rnnkit.studies import STUDIES
from rnnkit.studies.eigenvalues import POWERS, VECTORS, _values, powers

LINK = {"length": "20", "steps": "60"}
E = Experiment(length=20, hidden=6, steps=60)


def last(study, e, **options):
    *_, found = STUDIES[study](e, **options)
    return found


@pytest.mark.parametrize("cell", ["tanh", "sigmoid", "gru"])
def test_the_plane_shows_the_eigenvalues_their_path_and_both_circles(cell):
    found = last("eigenvalues", replace(E, cell=cell), step=20)
    circles = (1.0, 4.0) if cell == "sigmoid" else (1.0,)
    tables = dynamics.plane_tables(found, 5)
    now, path = tables["now"], tables["path"]
    np.testing.assert_allclose(np.sort_complex(now.re + 1j * now.im), np.sort_complex(found.real[5] + 1j * found.imag[5]))
    assert path.step.tolist() == found.steps[:6].tolist() and (path.im >= 0).all()
    assert (now.re[0], now.im[0]) == (path.re.iloc[-1], path.im.iloc[-1]), "the large dot is the path's end"
    np.testing.assert_allclose(
        tables["before"].modulus.max(), now.modulus.max() if cell == "none" else np.hypot(path.re, path.im)[0]
    )
    reach = dynamics.plane_reach(found, circles)
    assert reach >= max(1.0, now.modulus.max())
    spec = dynamics.plane_chart(reach, circles).to_dict()
    alt.Chart.from_dict(spec)
    rims = [layer["data"]["values"] for layer in spec["layer"] if "values" in layer["data"]]
    assert [round(max(p["re"] for p in rim), 9) for rim in rims] == list(circles)
    outside = int((now.modulus > 1).sum())
    assert f"{outside} of {len(now)} lie outside the unit circle" in dynamics.plane_text(found, 5)
    table = dynamics.radius_table(found)
    top = table[table.name == "largest singular value"].value
    np.testing.assert_array_equal(top, found.singular[:, 0])
    assert (top.to_numpy() >= table[table.name == "spectral radius"].value.to_numpy() - 1e-9).all()
    alt.Chart.from_dict(dynamics.radius_chart(20, 1.0).to_dict())


def of_matrix(J):
    """What the study finds of one matrix."""
    J = np.array(J, float)
    values, singular = _values(J)
    return Eigenvalues(np.array([0]), values.real[None], values.imag[None], singular[None], powers(J)[None], "W_rec", -1)


def test_powers_are_drawn_between_the_lines_of_theory():
    found = last("eigenvalues", E, step=20)
    low, high = dynamics.powers_range(found)
    for i in (0, 20):
        table = dynamics.powers_table(found, i)
        single = table[table.name == dynamics.VECTOR].pivot(index="k", columns="line", values="value").to_numpy().T
        np.testing.assert_array_equal(single, found.powers[i])
        lines = {name: rows.value.to_numpy() for name, rows in table[table.line < 0].groupby("name")}
        np.testing.assert_array_equal(lines["median"], np.sort(found.powers[i], axis=0)[VECTORS // 2])
        k = np.arange(POWERS + 1)
        np.testing.assert_allclose(lines["ρᵏ"], k * np.log10(np.hypot(found.real[i], found.imag[i]).max()), atol=1e-12)
        np.testing.assert_allclose(lines["λ₁ᵏ"], k * np.log10(found.singular[i].max()), atol=1e-12)
        assert (single <= lines["λ₁ᵏ"] + 1e-12).all()
        assert low <= min(single.min(), lines["ρᵏ"].min()) and high >= max(single.max(), lines["ρᵏ"].max())
    spec = dynamics.powers_chart(POWERS, low, high).to_dict()
    alt.Chart.from_dict(spec)
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [low, high]


@pytest.mark.parametrize(
    ("J", "text", "ends"),
    [([[-0.5]], "is 9e-16 at k = 50. There ρᵏ is 9e-16, and λ₁ᵏ, the most possible, 9e-16.", (-16, 1)),
     ([[2.0]], "is 1e15 at k = 50. There ρᵏ is 1e15, and λ₁ᵏ, the most possible, 1e15.", (-1, 16)),
     ([[1e10]], "is 1e500 at k = 50. There ρᵏ is 1e500, and λ₁ᵏ, the most possible, 1e500.", (-1, 500)),
     ([[0.0, 0.0], [0.0, 0.0]], "is 0 at k = 50. There ρᵏ is 0, and λ₁ᵏ, the most possible, 0.", (-1, 1)),
     ([[0.0, 2.0], [0.0, 0.0]], "and is 0 at k = 50. There ρᵏ is 0, and λ₁ᵏ, the most possible, 1e15.", (-1, 4)),
     ([[0.6, 2.0], [0.0, 0.5]], "x grows to 1.7 at k = 2, and is ", (-12, 4))],
)  # fmt: skip
def test_the_powers_in_words_and_the_ends_of_their_axis(J, text, ends):
    found = of_matrix(J)
    said = dynamics.powers_text(found, 0)
    assert said.startswith("Norm of xJᵏ after 0 training steps: the median of 5 random unit vectors x ") and text in said
    assert ("grows to" in said) == (np.median(found.powers[0], axis=0)[1:].max() > 0 > np.median(found.powers[0][:, -1]))
    assert dynamics.powers_range(found) == ends
    table = dynamics.powers_table(found, 0)
    assert np.isfinite(table.value).all() and (table.norm[table.value == dynamics.BELOW] == "0").all()
    assert table[table.k == 0].value.eq(0).all() and len(table) == (VECTORS + 3) * (POWERS + 1)


def test_a_single_unit_has_one_eigenvalue_and_no_pair():
    found = of_matrix([[-0.5]])
    assert dynamics.plane_tables(found, 0)["now"].re.tolist() == [-0.5]


@pytest.mark.parametrize(
    ("largest", "words"),
    [(-0.6, "converge, by a factor of 0.549 a step: it is ordered"), (0.2, "diverge, by a factor of 1.22 a step: it is chaotic"),
     (0.004, "edge of chaos"), (-np.inf, "erased: it is ordered")],
)  # fmt: skip
def test_the_sign_in_words(largest, words):
    found = Lyapunov(np.array([largest, -np.inf]), np.array([1, 9]), np.array([0.0, largest]), 9, -1)
    assert words in dynamics.exponents_text(found) and "Over 9 time steps." in dynamics.exponents_text(found)
    low, high = dynamics.exponents_range(found)
    assert low < 0 < high and np.isfinite([low, high]).all()
    table = dynamics.exponents_table(found)
    assert len(table) == np.isfinite(found.exponents).sum()
    for chart in (dynamics.exponents_chart(low, high), dynamics.running_chart(9)):
        alt.Chart.from_dict(chart.to_dict())


def test_the_edge_of_chaos_on_the_map_is_where_the_largest_exponent_changes_its_sign():
    e = Experiment(length=200, hidden=32)
    found = last("regime_map", e, gains=[1.0, 2.0, 3.2, 4.0], lengths=[200])
    edge = regimes.edge_of_chaos(found.gains, found.ratio[-1, -1])
    assert 1.5 < edge < 4
    for gain, sign in ((edge / 1.4, -1), (edge * 1.4, 1)):
        largest = [last("lyapunov", replace(e, gain=gain, seed=seed, replicas=1)).exponents[0] for seed in range(3)]
        assert np.sign(np.median(largest)) == sign, (gain, largest)


@pytest.mark.parametrize(
    ("ratio", "edge"),
    [([1e-4, 1e-2, 1e2, 1e4], np.sqrt(2 * 4)), ([0.0, 0.0, np.inf, np.inf], np.sqrt(8)), ([1e-3, 1e-2, 1e-1, 0.5], None),
     ([2, 3, 4, 5], None), ([np.nan] * 4, None), ([0.1, 1.0, 5, 9], 2.0)],
)  # fmt: skip
def test_edge(ratio, edge):
    assert regimes.edge_of_chaos([1, 2, 4, 8], np.array(ratio)) == (edge and pytest.approx(edge))


def test_units_are_ordered_by_reach():
    gradient = np.zeros((10, 3))
    gradient[-1] = 1
    gradient[4, 1] = -0.5  # reaches 5 back
    gradient[7, 2] = 0.1
    assert units.reach(gradient).tolist() == [0, 5, 2] and units.by_reach(gradient).tolist() == [1, 2, 0]
    table = units.units_table(gradient, units.by_reach(gradient), list("abcdefghij"), logarithmic=True)
    top = table[table.row == 0]
    assert set(top.unit) == {2} and top.value.tolist() == gradient[:, 1].tolist()
    assert top["size"].tolist()[-1] == 1 and (top["size"][top.value == 0] == 0).all()
    tiny = table.assign(value=0)  # 1e-6 of the largest is half as strong
    gradient[0, 0] = 1e-6
    table = units.units_table(gradient, [0], list("abcdefghij"), logarithmic=True)
    assert table["size"].tolist()[0] == pytest.approx(0.5) and len(tiny) == 30
    assert "5 time steps in unit 2, the furthest, and 0 in unit 1" in units.gradient_text(
        np.where(gradient == 1e-6, 0, gradient), "h"
    )


@pytest.mark.parametrize("cell", CELLS)
def test_the_signed_gradient_has_the_norm_that_is_drawn_above(cell):
    found = last("gradient_flow", replace(E, cell=cell, fixes=()))
    assert found.gradient.shape == found.states.shape
    np.testing.assert_allclose(np.linalg.norm(found.gradient, axis=-1), found.norm, rtol=1e-9)


# ---- the page without a browser ----


def opened(app, **query):
    at = app(LINK, page="vanishing", **query)
    return until(at, lambda at: not at.get("progress") and any("Colour:" in c.value for c in at.caption))


def test_after_training_they_move_and_the_slider_goes_back(app, monkeypatch):
    shown = drawn.tables(monkeypatch)
    at = opened(app, vanishing_step="25")
    slider = widget(at, "vanishing_snapshot")
    assert slider.value == "25" or slider.value == 25
    radius = shown["radius"]
    assert len(shown["eigenvalues_path"]) == len(radius) / 2
    found = last("eigenvalues", Experiment.from_query({**LINK})[0], step=25)
    np.testing.assert_allclose(radius.value[: len(found.steps)], found.singular[:, 0], rtol=1e-6)
    np.testing.assert_allclose(shown["powers"].value, dynamics.powers_table(found, len(found.steps) - 1).value, atol=1e-5)
    slider.set_value(slider.options[0] if isinstance(slider.value, str) else 0).run()
    assert at.query_params["vanishing_snapshot"] in ("0", ["0"]) and len(shown["eigenvalues_path"]) == 1
    np.testing.assert_allclose(shown["powers"].value, dynamics.powers_table(found, 0).value, atol=1e-5)


def test_gated_cells_say_of_which_matrix_and_a_reservoir_that_it_stays(app, monkeypatch):
    at = opened(app, cell="gru")
    assert any("Eigenvalues of the mean Jacobian" in m.value for m in at.markdown)
    assert any("J is the mean [Jacobian]" in c.value for c in at.caption)
    at = opened(app, cell="esn", leak="0.5")
    assert any("recurrent weights are not trained: they stay" in c.value for c in at.caption) and not at.exception
    assert any("of a step where every slope is 1 and the leak is 1." in c.value for c in at.caption)


def test_what_is_too_large_or_not_finite_is_said(monkeypatch):
    said = []
    monkeypatch.setattr(dynamics_view.st, "info", lambda text, icon: said.append(text))
    dynamics_view._exponents([Lyapunov(np.empty(0), np.empty(0, int), np.empty(0), 0, -1)], True)
    dynamics_view._plane(E, 0, [of_matrix([[np.nan]])], True)
    assert said[0].startswith("Not computed: the state of this network is too large or not finite")
    assert said[1] == "Weights that are not finite have no eigenvalues."


def test_the_map_has_the_line_of_the_edge(app, monkeypatch):
    seen, draw = [], regimes.regime_tables

    def tables(*args):
        made = draw(*args)
        seen.append(made["levels"])
        return made

    monkeypatch.setattr(regimes, "regime_tables", tables)
    opened(app)
    (name,) = [name for name in seen[-1].name if re.match("edge of chaos over 200 steps", name)]
    assert theory.GAINS[0] < float(seen[-1].gain[seen[-1].name == name].iloc[0]) < theory.GAINS[-1]
