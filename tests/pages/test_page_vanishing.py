"""Why does it vanish?: what the page says follows from what was measured, for every cell; the map and the charts in Chromium."""

import re
from dataclasses import replace

import altair as alt
import drawn
import numpy as np
import pytest
from apptest import controls, linked, until, widget

from pages import vanishing
from rnnkit import Experiment
from rnnkit.analysis import theory
from rnnkit.analysis.gradient_summary import ratio_phrase
from rnnkit.charts import regimes, style, units
from rnnkit.charts import vanishing as charts
from rnnkit.engine.cells import CELLS
from rnnkit.studies import STUDIES

LINK = {"length": "20", "steps": "60"}
WORDS = [f"word {t}" for t in range(30)]


def last(study, e, **options):
    *_, found = STUDIES[study](e, **options)
    return found


# ---- charts ----


@pytest.mark.parametrize("cell", ["tanh", "lstm"])
def test_charts_of_a_notebook(cell):
    """Valid specifications with the tables in them; nothing is drawn that has no place on a logarithmic axis."""
    e = Experiment(cell=cell, length=len(WORDS), hidden=4)
    found = last("gradient_flow", e)
    for part in range(len(CELLS[cell].parts)):
        flow, spectrum = charts.flow_table(found, part, WORDS), charts.spectrum_table(found, part, WORDS)
        series = [name for name in charts.SERIES if name in flow]
        made = [
            charts.flow_chart(flow, WORDS, [(1, "subject"), (29, "verb")], series),
            charts.spectrum_chart(spectrum, WORDS),
            charts.slopes_chart(charts.slopes_table(found, WORDS), WORDS, 0.25),
            units.units_chart(units.units_table(found.gradient[part], units.by_reach(found.gradient[part]), WORDS, True), WORDS),
        ]
        for chart in made:
            spec = chart.to_dict()
            assert isinstance(alt.Chart.from_dict(spec), alt.TopLevelMixin)
            assert max(len(rows) for rows in spec["datasets"].values()) <= style.MAX_ROWS
        assert (spectrum.value > 0).all() and flow.measured.iloc[-1] == flow["product"].iloc[-1] == pytest.approx(1)
        assert flow.norm_text.iloc[0] != "" and set(flow.columns) >= {"t", "word", "measured", "measured_text"}


def test_every_word_under_the_axis_is_the_one_of_its_time():
    for T, most in ((10, 40), (100, 40), (1000, 20)):
        words = [f"w{t}" for t in range(T)]
        layers = charts.flow_chart(None, words, [], ["measured"], most).to_dict()["layer"]
        axis = next(x["axis"] for layer in layers if "axis" in (x := layer["encoding"]["x"]))
        assert len(axis["values"]) <= most + 1 and {0, T - 1} <= set(axis["values"])
        assert all(f'"{t}": "w{t}"' in axis["labelExpr"] for t in axis["values"])


def test_the_tables_of_the_map_frame_where_the_gradient_arrives():
    """Two lengths of three, three gains: only the middle gain arrives, and at the second length the last too."""
    ratio = np.array([[1e-9, 1.0, 1e5], [0.0, 2.0, 5.0]])
    gains, lengths = [0.5, 1.0, 2.0], [10, 20, 40]
    tables = regimes.regime_tables(gains, lengths, ratio, (1e-4, 1e2), {"line": 1.5, "outside": 9.0}, ("here", 15, 1.0))
    cells = tables["cells"]
    assert cells.length.tolist() == [10] * 3 + [20] * 3 and cells.gain.tolist() == gains * 2
    assert cells.text.tolist()[3] == "below 2e-308" and cells.colour.tolist()[1] == 0
    assert np.allclose(cells.top[:2], cells.bottom[1:3]) and np.allclose(cells.right[0], cells.left[3])
    assert ((cells.left < cells.length) & (cells.length < cells.right)).all()
    assert ((cells.bottom < cells.gain) & (cells.gain < cells.top)).all()
    upright = tables["borders"].query("x == x2")  # between the lengths, at the last gain
    assert upright[["y", "y2"]].to_numpy().tolist() == [[cells.bottom[2], cells.top[2]]]
    level = tables["borders"].query("y == y2")
    assert sorted(level.y) == pytest.approx(sorted([cells.bottom[1], cells.bottom[2], cells.bottom[1]]))
    assert tables["levels"].name.tolist() == ["line"]
    nan = regimes.regime_tables(gains, lengths, ratio * np.nan, (1e-4, 1e2), {}, ("here", 15, 1.0))
    assert nan["cells"].colour.isna().all() and nan["borders"].empty and nan["levels"].empty


def test_the_map_never_changes_while_rows_arrive():
    spec = regimes.regime_chart(theory.GAINS, theory.LENGTHS).to_dict()
    assert spec == regimes.regime_chart(theory.GAINS, theory.LENGTHS).to_dict()
    assert {layer["data"]["name"] for layer in spec["layer"]} == {"cells", "picked", "borders", "levels", "here"}


# ---- the page without a browser ----


@pytest.fixture
def shown(monkeypatch):
    """The tables that were drawn, by the chart's key."""
    return drawn.tables(monkeypatch)


def said(at):
    """The box with theory and measurement."""
    return next((box.value for box in at.info if "Theory" in box.value), "")


def opened(app, shown, **query):
    """The page, once everything is computed."""
    at = app(LINK, page="vanishing", **query)
    return until(at, lambda at: said(at) and not at.get("progress") and any("Colour:" in c.value for c in at.caption))


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell(app, shown, cell):
    at = opened(app, shown, cell=cell)
    assert not at.exception and not at.error and not at.warning
    has_slope, parts = CELLS[cell].has_slope, CELLS[cell].parts
    assert (theory.UNDECIDED in said(at)) == (not has_slope)
    labels = [metric.label for metric in at.metric]
    assert [f"Arrives of dL/d{part}" for part in parts] == labels[-len(parts) :]
    assert ("Singular value λ₁" in labels) == has_slope
    assert set(shown) >= {f"flow_{part}" for part in parts} | {"spectrum"}
    assert ("slopes" in shown) == (has_slope or CELLS[cell].forget_gate is not None)
    assert set(shown) >= {f"{what}_{part}" for what in ("units", "states") for part in parts}
    assert set(shown) >= {"eigenvalues", "radius", "exponents", "running"} | ({"lag_split"} if CELLS[cell].recurrent else set())
    for part in parts:  # the same units in the same order, beside each other
        gradient, states = (shown[f"{what}_{part}"] for what in ("units", "states"))
        assert gradient.unit.tolist() == states.unit.tolist() and not (gradient.value == states.value).all()
    assert shown["flow_h"].word.tolist()[1] in linked_words(at)
    found = last("gradient_flow", linked(at))
    np.testing.assert_allclose(shown["flow_h"].measured, found.norm[0] / found.norm[0, -1], rtol=1e-4)


def linked_words(at):
    from rnnkit.tasks import TASKS

    return TASKS[linked(at).task].example_labels(linked(at).length)


@pytest.mark.parametrize(
    ("query", "word", "fate"),
    [
        ({"gain": "0.5"}, theory.MUST_VANISH, "vanished"),
        ({}, theory.MAY_GROW, "vanished"),
        ({"init": "orthogonal", "input_scale": "0.03"}, theory.NEITHER, "arrives"),
        ({"init": "orthogonal", "gain": "0.95", "input_scale": "0.03"}, theory.MUST_VANISH, "arrives"),
        ({"cell": "relu", "init": "identity", "gain": "1.5"}, theory.MAY_GROW, "grew large"),
        ({"cell": "sigmoid", "init": "orthogonal", "gain": "2"}, theory.MUST_VANISH, "vanished"),
    ],
)
def test_theory_and_measurement_side_by_side(app, shown, query, word, fate):
    at = opened(app, shown, **query)
    assert f"it {word}" in said(at) and f"it {fate}" in said(at)
    found, numbers = last("gradient_flow", linked(at)), {metric.label: metric.value for metric in at.metric}
    assert float(numbers["Singular value λ₁"]) == pytest.approx(found.singular, abs=0.006)
    assert float(numbers["Spectral radius ρ"]) == pytest.approx(found.radius, abs=0.006)
    assert float(numbers["Mean slope |φ′(a)|"]) == pytest.approx(found.slope_mean.mean(), abs=0.006)


def reading(text):
    """What the box says in numbers: at most so much is left, so much was measured, its mean factor a step, the rule of thumb."""
    number = r"(?:below )?(\d[\d.,]*(?:e-?\d+)?)"  # as rounding.amount writes it
    patterns = (
        rf"steps at most {number}",
        rf"‖ is {number} (?:of its size|times its size|\()",
        rf"{number} times a step",
        rf"gives {number}",
    )
    found = (re.search(pattern, text) for pattern in patterns)
    return [float(match[1].strip(".,").replace(",", "")) if match else None for match in found]


@pytest.mark.parametrize("seed", range(120))
def test_no_box_contradicts_itself(seed):
    """Random cells, gains, lengths and initializations: what theory allows holds what was measured, in numbers and in words."""
    rng = np.random.default_rng(seed)
    cell = str(rng.choice(list(theory.GAMMA)))
    matrix = {} if cell == "esn" else {"init": str(rng.choice(["gaussian", "orthogonal", "identity", "xavier"]))}
    gain, scale = float(rng.choice([0.95, 1.0, np.exp(rng.uniform(-1.5, 2.1))])), float(rng.choice([0.03, 1.0]))
    size = {"length": int(rng.integers(10, 60)), "hidden": 8, "seed": seed}
    e = Experiment(cell=cell, **matrix, gain=gain * (4 if cell == "sigmoid" else 1), input_scale=scale, **size)
    found, source = last("gradient_flow", e), e.bound_task.evidence_step(e.length)
    text, steps, norm = vanishing.theory_and_measurement(e, found), e.length - 1 - source, found.norm[0]
    said, measured = text.split("\n")
    if norm[-1] == 0:
        assert measured.endswith("there is no gradient to send back.")
        return
    ratio, excess = norm[source] / norm[-1], theory.GAMMA[cell] * found.singular - 1
    most, stated, mean, thumb = reading(text)
    assert ("must vanish with distance" in said) == (excess < -1e-6) == (most is not None)
    assert ("can neither grow nor must vanish" in said) == (abs(excess) <= 1e-6)
    assert ("may grow" in said) == (excess > 1e-6)
    assert stated == pytest.approx(max(ratio, 1e-300), rel=0.5)
    assert mean == (pytest.approx(ratio ** (1 / steps), rel=0.006) if ratio else None)
    assert most is None or stated <= most, "more was measured than can be left"
    assert "can neither grow" not in said or ratio <= 1 + 1e-6
    assert f"({ratio_phrase(ratio)})" in measured
    assert (thumb is None) == ("does not hold here" in measured or not ratio)
    assert thumb is None or thumb == pytest.approx(mean, rel=0.06)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        ([0.01, 0.2, 0.3, 0.01], "between gain 2 and 3 over 10 steps"),
        ([0.2, 0.3, 0.01, 9], "between gain 1 and 2, at gain 4 over 10 steps"),  # not "between 1 and 4"
        ([0.01, 0.2, 11, 0.01], "at gain 2 only over 10 steps"),
        ([0.01, np.nan, 11, np.inf], "at none over 10 steps"),
    ],
)
def test_the_maps_finding_names_the_gains_and_no_others(ratio, words):
    text = regimes.regime_text([1, 2, 3, 4], [10, 20], np.array([ratio]), (0.1, 10), "gain")
    assert text == f"Share of the gradient that arrives, by sequence length and gain: it arrives {words}."


def test_without_a_gradient_at_the_end_theory_still_has_its_number():
    """No share of nothing: 0.483^8 is left at most, and neither "NaN" nor "it exploded" is said of a part that has none."""
    e = Experiment(length=10, gain=0.5)
    found = last("gradient_flow", e)
    none = replace(found, norm=np.zeros_like(found.norm), bound=np.zeros(10))
    said, measured = vanishing.theory_and_measurement(e, none).split("\n")
    assert reading(said)[0] == pytest.approx(found.rate_bound**8, rel=0.2) and "nan" not in said.lower()
    assert measured == "**Measured:** at the verb there is no gradient to send back."
    lstm = Experiment(length=10, cell="lstm")
    found = last("gradient_flow", lstm)
    found.norm[1] = 0  # tanh(c) is so saturated that nothing goes back into c
    measured = vanishing.theory_and_measurement(lstm, found)
    assert "dL/dc has no gradient" in measured and "exploded" not in measured and "‖dL/dh‖ is" in measured


def test_what_is_beyond_double_precision_is_not_called_no_gradient():
    e = Experiment(length=500, cell="relu", init="identity", gain=100.0)
    measured = vanishing.theory_and_measurement(e, last("gradient_flow", e))
    assert "beyond double precision: it exploded." in measured and "no gradient" not in measured


@pytest.mark.parametrize("query", [{}, {"cell": "lstm"}, {"cell": "esn"}, {"cell": "relu", "input_scale": "0"}])
def test_a_gain_of_0(app, shown, query):
    at = opened(app, shown, gain="0", **query)
    assert not at.exception and any("gain 0.25**" in m.value or "radius 0.25**" in m.value for m in at.markdown)
    cell = CELLS[query.get("cell", "tanh")]
    assert "8 steps at most 0." in said(at) or cell.forget_gate is not None or cell.reservoir


def test_a_large_gain_has_its_measured_mean_and_not_the_rule_of_thumb():
    """Gain 8 over 98 steps: 2e13, which is 1.37 a step; mean slope times spectral radius says 0.99."""
    e = Experiment(gain=8.0, length=100)
    found = last("gradient_flow", e)
    text = vanishing.theory_and_measurement(e, found)
    ratio = found.norm[0, 1] / found.norm[0, -1]
    assert ratio > 1e12 and found.rate_typical < 1
    assert f"{ratio ** (1 / 98):.3g} times a step" in text and "does not hold here" in text


def test_a_short_distance_leaves_much_although_it_must_vanish():
    """Length 20, orthogonal, gain 0.95: at most 0.95 ** 18 = 0.4 of it can be left, and most of that is."""
    e = Experiment(length=20, init="orthogonal", gain=0.95, input_scale=0.03)
    most, stated, *_ = reading(vanishing.theory_and_measurement(e, last("gradient_flow", e)))
    assert most == 0.4 and 0.3 < stated <= 0.4


def test_after_training(app, shown):
    at = opened(app, shown, init="orthogonal", input_scale="0.03")
    before = shown["flow_h"].norm_text.iloc[-1]
    assert [option.content for option in at.segmented_control[0].proto.options] == ["0, untrained", "10", "25", "50"]
    at.segmented_control(key="vanishing_step").set_value(50).run()
    until(at, lambda at: shown["flow_h"].norm_text.iloc[-1] != before)
    found = last("gradient_flow", linked(at), step=50)
    np.testing.assert_allclose(shown["flow_h"].measured, found.norm[0] / found.norm[0, -1], rtol=1e-4)


def test_a_reservoir_is_not_trained_and_has_no_choice_of_steps(app, shown):
    assert not opened(app, shown, cell="esn").segmented_control


def test_a_network_that_became_nan_is_said_to_be(app, shown):
    query = {"cell": "relu", "init": "identity", "gain": "2", "length": "30", "fixes": "", "optimizer": "sgd", "lr": "0.1"}
    at = opened(app, shown, **query)
    at.segmented_control(key="vanishing_step").set_value(25).run()
    until(at, lambda at: any("became NaN at training step" in box.value for box in at.warning))
    assert not at.exception


def test_tasks_with_several_losses_and_long_beginnings(app, shown):
    at = opened(app, shown, task="memorization", length="30")
    assert any("the gradient of the last step's loss alone" in caption.value for caption in at.caption)
    assert shown["flow_h"].bound.notna().sum() == 30


def test_suggestions_are_presets(app, shown):
    at = opened(app, shown)
    assert [button.key for button in at.button if button.key.startswith("try_")] == ["try_0", "try_1", "try_2"]


def test_the_sidebar_shows_what_matters_here(app, shown):
    at = opened(app, shown)
    assert set(controls(at)) == {
        f"c_{name}" for name in ("task", "length", "cell", "hidden", "init", "gain", "input_scale", "seed")
    }


# ---- one factor ----


def test_one_factor_at_every_word_is_multiplied_out(app):
    """Both of the lecture, by their buttons: what a calculator has, in the picture, on the sliders and in the link."""
    at = app(LINK, page="vanishing")
    for name, link, text in (
        ("explodes", {"vanishing_factor": "1.3", "vanishing_words": "29"}, "1.3 × 1.3 × 1.3 × … = 2,015"),
        ("vanishes", {}, ".55 × .55 × .55 × … = 4e-26"),
    ):
        at.button(key=f"vanishing_{name}").click().run()
        picture = next(html.proto.body for html in at.get("html") if "wayback product" in html.proto.body)
        factor, words = vanishing.FACTORS[name]
        assert text in picture and float(text.rpartition("= ")[2].replace(",", "")) == pytest.approx(factor**words, rel=0.15)
        assert (widget(at, "vanishing_factor").value, widget(at, "vanishing_words").value) == (factor, words)
        assert {k: v for k, v in at.query_params.items() if k.startswith("vanishing_")} == link
        heights = list(map(float, re.findall(r"--share: ([\d.e+-]+);", picture)))
        assert len(heights) == words + 1 and max(heights) == 1
        ratio = np.array(heights[-6:-1]) / heights[-5:] if factor < 1 else np.array(heights[:5]) / heights[1:6]
        assert ratio == pytest.approx(factor, rel=0.01)


# ---- in Chromium ----


def chart(page, begins):
    """The chart whose description begins like this."""
    return page.locator(f"[data-testid=stVegaLiteChart][aria-label^='{begins}'] svg.marks")


def click_cell(page, right, down):
    """At these shares of the map's cells, counted from the upper left corner."""
    cells = page.locator(".st-key-vanishing_map g.mark-rect").first
    box = cells.bounding_box()
    page.mouse.click(box["x"] + right * box["width"], box["y"] + down * box["height"])


def complete(page):
    cells = page.locator(".st-key-vanishing_map g.mark-rect").first.locator("path")
    from browsing import expect

    expect(cells).to_have_count(len(theory.GAINS) * len(theory.LENGTHS))


def test_deep_link_charts_and_a_click_on_the_map(server, visit):
    from browsing import button, expect, sidebar

    page = visit(server.link("/vanishing", v=1, length=20), viewport={"width": 1280, "height": 2400})
    expect(page.get_by_role("heading", name="Why does it vanish?")).to_be_visible()
    for begins in ("Norm of dL/dh", "Singular values", "Distribution over the units"):
        expect(chart(page, begins)).to_be_visible()
    complete(page)
    click_cell(page, 0.99, 0.01)
    expect(page.get_by_text(f"T = {theory.LENGTHS[-1]}, gain {theory.GAINS[-1]:g}")).to_be_visible()
    button(page, "Show it above").click()
    length = sidebar(page).get_by_role("spinbutton", name="Sequence length T")
    expect(length).to_have_value(str(theory.LENGTHS[-1]))
    page.wait_for_url(re.compile("length=200.*gain=8.0"))
    complete(page)
    click_cell(page, 0.01, 0.99)
    expect(page.get_by_text(f"T = {theory.LENGTHS[0]}, gain {theory.GAINS[0]:g}")).to_be_visible()
    button(page, "Open in the lab").first.click()
    expect(page.locator(".heatmap")).to_be_visible()
    expect(sidebar(page).get_by_role("spinbutton", name="Gain")).to_have_value("0.25")
    page.wait_for_url(re.compile("length=10&.*gain=0.25"))


def test_on_a_phone(server, visit):
    from browsing import PHONE, SIDEWAYS, expect

    page = visit(server.link("/vanishing", v=1, length=20, cell="lstm"), viewport=PHONE)
    expect(chart(page, "Norm of dL/dc")).to_be_visible()
    expect(chart(page, "Values of c over time")).to_be_attached()
    complete(page)
    assert page.evaluate(SIDEWAYS) == [0, 0]


def test_the_colours_of_the_map_are_explained_after_a_setting_has_changed(server, visit):
    """Nothing on the page is filled by what stands under an address: it changes with every setting."""
    from browsing import expect, sidebar

    page = visit(server.link("/vanishing", length=10, hidden=4))
    complete(page)
    squares = page.locator(".st-key-vanishing_map .role-legend-symbol path")
    expect(squares).to_have_count(9)
    before = squares.evaluate_all("all => all.map(e => getComputedStyle(e).fill)")
    seed = sidebar(page).get_by_role("spinbutton", name="Seed")
    seed.fill("3")
    seed.press("Enter")
    expect(page).to_have_url(re.compile("seed=3"))
    complete(page)
    expect(squares).to_have_count(9)
    assert squares.evaluate_all("all => all.map(e => getComputedStyle(e).fill)") == before
    assert len(set(before)) == 9
    assert page.locator("svg [fill^='url(']").count() == 0
