"""Two runs at once: pinning, the pinned run's link, ghost lines and the second heatmap, ready pairs, the linked pointer."""

import re
from dataclasses import replace

import pytest
from apptest import SMALL, buttons, controls, press, until
from browsing import DESK, PHONE, SIDEWAYS, button, choose, expect, finished, sidebar

from pages.state import url
from rnnkit.analysis.describe import difference
from rnnkit.engine.fixes import ClipNorm
from rnnkit.engine.history import median
from rnnkit.experiment import Experiment
from rnnkit.stories.presets import PAIRS, pair

SMALL_EXPERIMENT = Experiment(length=10, steps=20, replicas=2)
PINNED = replace(SMALL_EXPERIMENT, cell="lstm", length=8)


def pinned_in_link(at):
    query = {k.removeprefix(url.PIN): v for k, v in at.query_params.items() if k.startswith(url.PIN)}
    return Experiment.from_query(query) if query else None


def pinned_query(e):
    return {url.PIN + k: v for k, v in e.to_query().items()}


def captions(at):
    return " ".join(caption.value for caption in [*at.sidebar.caption, *at.markdown])


# ---- without a browser ----


def test_pin_change_swap_and_unpin(app):
    at = press(app(SMALL), "pin")
    assert pinned_in_link(at) == (SMALL_EXPERIMENT, []) and "Now change one thing" in captions(at)
    at.number_input(key="c_length").set_value(8).run()
    assert pinned_in_link(at) == (SMALL_EXPERIMENT, []) and "only: sequence length T 8 (was 10)" in captions(at)
    press(at, "swap")
    assert pinned_in_link(at) == (replace(SMALL_EXPERIMENT, length=8), [])
    assert controls(at)["c_length"].value == 10
    press(at, "unpin")
    assert pinned_in_link(at) is None and "pin" in buttons(at) and not at.exception


def test_both_runs_are_trained_and_told(app, pool):
    at = app(SMALL | pinned_query(PINNED))
    at.selectbox(key="c_pace").set_value("fast").run()
    until(at, lambda at: all(pool.runs[e.key].done for e in (SMALL_EXPERIMENT, PINNED)))
    at.run()
    assert not at.exception and not at.warning
    boxes = [box.value for box in [*at.success, *at.error, *at.info]]
    assert any("dL/dc" in text for text in boxes) and any("At the subject" in text for text in boxes)
    assert f"Now** ━━] {difference(PINNED, SMALL_EXPERIMENT)}" in captions(at)


def test_what_is_wrong_with_the_pinned_part_of_a_link_is_said(app):
    at = app(SMALL | {"pin.cell": "elman", "pin.length": "9"})
    assert [warning.value for warning in at.warning if "pinned run: " in warning.value and "elman" in warning.value]
    assert pinned_in_link(at)[0].length == 9 and not at.exception


def test_nobody_watches_a_run_that_was_unpinned(app, pool):
    at = app(SMALL | pinned_query(replace(PINNED, seed=9)))
    run = pool.runs[replace(PINNED, seed=9).key]
    assert [viewer for viewer in run.viewers if viewer.endswith("pinned")]
    press(at, "unpin")
    assert not run.viewers


def test_a_remedy_that_begins_later_survives_controls_and_link(app):
    e = replace(SMALL_EXPERIMENT, fixes=(ClipNorm(0.5, start_step=7),))
    at = app(e.to_query())
    assert controls(at)["f_clip-norm"].value == 7
    assert Experiment.from_query(at.query_params) == (e, [])
    at.number_input(key="f_clip-norm").set_value(9).run()
    assert Experiment.from_query(at.query_params) == (replace(e, fixes=(ClipNorm(0.5, start_step=9),)), [])


def pairs(at):
    return next(w for w in at.button_group if w.key.startswith("compare_pair"))


@pytest.mark.parametrize("title", PAIRS)
def test_a_ready_pair_is_loaded_and_marked(app, title):
    at = app(SMALL, page="compare")
    pairs(at).set_value(title).run()
    before, after = pair(title)
    assert not at.exception and pinned_in_link(at) == (before, [])
    assert Experiment.from_query({k: v for k, v in at.query_params.items() if not k.startswith(url.PIN)})[0] == after
    assert pairs(at).value == title
    controls(at)["c_seed"].set_value(77).run()
    assert pairs(at).value is None


def test_ghosts_are_the_medians_of_the_pinned_run(app, pool):
    at = app(SMALL | pinned_query(PINNED))
    run = pool.runs[PINNED.key]
    until(at, lambda at: run.done)
    values = median(run.history.accuracy)[:, None]
    assert values.shape == (21, 1)
    assert values[-1, 0] == run.history.accuracy[-1].mean(), "the median of two"


# ---- in a browser ----


def test_compare_shows_both_runs_with_a_linked_pointer(server, visit):
    page = visit(server.link("/compare", **SMALL, seed=3, **pinned_query(replace(SMALL_EXPERIMENT, seed=3, init="orthogonal"))))
    expect(page.get_by_role("heading", name="initialization Gaussian (was Orthogonal)")).to_be_visible()
    now, then = page.locator(".st-key-heatmap .heatmap"), page.locator(".st-key-heatmap_pinned .heatmap")
    for heatmap in (now, then):
        expect(heatmap).to_have_attribute("data-rows", "21")
    boxes = [heatmap.bounding_box() for heatmap in (then, now)]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"], "side by side"
    canvas = now.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    canvas.hover(position={"x": 0.6 * box["width"], "y": 0.6 * box["height"]})
    tips = [heatmap.locator(".tip") for heatmap in (now, then)]
    for tip in tips:
        expect(tip).to_be_visible()
    texts = [tip.inner_text().splitlines() for tip in tips]
    assert texts[0][0] == texts[1][0], "the same step, time and word"
    assert texts[0][1] != texts[1][1], "but each with its own number"
    page.mouse.move(2, 2)
    for tip in tips:
        expect(tip).to_be_hidden()


def test_pin_in_the_lab_and_change_one_thing(server, visit):
    page = visit(server.link(**SMALL, seed=4))
    finished(page)
    button(page, "Pin this run").click()
    expect(button(page, "Unpin")).to_be_visible()
    choose(page, "Cell", "GRU", sidebar(page))
    expect(page.get_by_text("only: cell GRU (was tanh)").first).to_be_visible()
    expect(page.locator(".st-key-heatmap_pinned .heatmap")).to_have_attribute("data-rows", "21")
    button(page, "Train").click()
    expect(page.locator(".st-key-heatmap .heatmap")).to_have_attribute("data-rows", re.compile(r"^(\d\d|[5-9])$"))
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.reload()
    expect(page.get_by_text("only: cell GRU (was tanh)").first).to_be_visible()


def test_compare_on_a_phone_does_not_scroll_sideways(server, visit):
    link = server.link("/compare", **SMALL, **pinned_query(PINNED))
    page = visit(link, viewport=PHONE, has_touch=True, is_mobile=True)
    for key in ("heatmap", "heatmap_pinned"):
        expect(page.locator(f".st-key-{key} .heatmap")).to_be_visible()
    assert max(page.evaluate(SIDEWAYS)) <= 0 and DESK["width"] > PHONE["width"]
