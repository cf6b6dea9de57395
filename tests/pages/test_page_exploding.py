"""The page "Why does it explode?": networks that become NaN and the cliff, in this process and in a browser."""

from dataclasses import replace

import numpy as np
import pytest
from apptest import press, state, until

from pages.ui import divergence
from rnnkit.analysis import error_surface as unit
from rnnkit.analysis.nan_record import DIVERGING, GROWING, RUNS, amount, clipping, nan_records, rewound, rise

KEY = "exploding_rewind"


def boxes(at):
    return [box.value for kind in (at.success, at.error, at.info, at.warning) for box in kind]


def frozen(at):
    until(at, lambda at: any("Frozen" in text for text in boxes(at)))
    return until(at, lambda at: not any(b.key == KEY and b.disabled for b in at.button))


def words(at):
    return "\n".join(m.value for m in at.markdown)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """In this process nobody has to watch."""
    monkeypatch.setattr(divergence, "STEPS_PER_SECOND", 1e6)
    monkeypatch.setattr(divergence, "MIN_RECOVERY_SECONDS", 1e-3)


@pytest.fixture
def page(app):
    return frozen(app(page="exploding"))


# ---- networks that become NaN ----


@pytest.mark.parametrize("name", RUNS)
def test_it_trains_to_nan_freezes_and_tells_what_the_numbers_say(app, pool, name):
    at = frozen(app({"exploding_run": name}, page="exploding"))
    assert not at.exception
    h = pool.get(RUNS[name][0]).history
    found = nan_records(h, 31)
    a, text = found[0], words(at)
    said = next(text for text in boxes(at) if "Frozen" in text)
    assert said.startswith(f"**Frozen at step {a.nan_step}**: {len(found)} of 8 networks are NaN.")
    grew = f"From step {rise(a)} to step {a.jump_step} its gradient norm grew from {amount(a.norm[rise(a)])} to "
    assert (grew in said) == (rise(a) < a.jump_step) == (name == "grows")
    for part in (
        a.cause,
        amount(a.loss[a.jump_step]),
        amount(a.norm[a.nan_step - 1]),
        f"**Record of network {a.network + 1}**, seed",
    ):
        assert part in text
    until(at, lambda at: "…" not in words(at).partition("| step |")[2])
    assert f"Rewind to step {a.jump_step} and continue with clipping" in [b.label for b in at.button]


@pytest.mark.parametrize("name", RUNS)
def test_rewind_goes_on_with_clipping_and_the_network_learns(app, pool, name):
    at = frozen(app({"exploding_run": name}, page="exploding"))
    e, threshold = RUNS[name]
    h = pool.get(e).history
    a = nan_records(h, 31)[0]
    press(at, KEY)
    until(at, lambda at: any("Saved" in text for text in boxes(at)))
    assert not at.exception
    saved = pool.get(rewound(e, a.jump_step, threshold))
    assert saved.done and clipping(saved.experiment).threshold == threshold
    upto = a.jump_step + 1
    np.testing.assert_array_equal(saved.history.loss[:upto], h.loss[:upto])
    np.testing.assert_array_equal(saved.history.norm_raw[:upto], h.norm_raw[:upto])
    assert np.isfinite(saved.history.loss[:, a.network]).all()
    assert saved.history.accuracy[-1, a.network] >= 0.99
    assert any(f"100 % of new {e.bound_task.samples} right" in text for text in boxes(at))
    press(at, "exploding_replay")
    frozen(at)
    assert not any("Saved" in text for text in boxes(at))


def test_rewinding_too_late_is_not_called_a_rescue(page):
    at = page
    late = at.selectbox[1]
    assert late.label == "Rewind to" and len(late.options) > 1
    late.set_value(late.value + len(late.options) - 1).run()
    press(at, KEY)
    until(at, lambda at: any("Too late" in text or "not learnt" in text for text in boxes(at)))
    assert any("thrown at step" in text for text in boxes(at)) and not at.success


def test_another_threshold_goes_back_to_the_frozen_network(page):
    at = page
    press(at, KEY)
    until(at, lambda at: any("Saved" in text for text in boxes(at)))
    at.number_input(key="exploding_threshold").set_value(0.05).run()
    assert not at.success and any("Frozen" in text for text in boxes(at))


def test_another_network(page):
    at = page
    names = at.selectbox(key="exploding_network").options
    assert len(names) > 1
    at.selectbox(key="exploding_network").set_value(1).run()
    frozen(at)
    assert f"**Record of {names[1].partition(':')[0]}**, seed" in words(at)


def test_a_tame_network_does_not_explode_and_the_page_says_so(app):
    at = app(page="exploding")
    at.number_input(key="exploding_gain").set_value(0.8)
    at.number_input(key="exploding_lr").set_value(0.01).run()
    until(at, lambda at: any("None of the 8 networks became NaN" in text for text in boxes(at)))
    assert not at.exception and KEY not in {b.key for b in at.button}


@pytest.mark.parametrize("gain, lr", [(3.0, 10.0), (0.1, 0.001)])
def test_the_ends_of_the_controls(app, gain, lr):
    at = app(page="exploding")
    at.number_input(key="exploding_gain").set_value(gain)
    at.number_input(key="exploding_lr").set_value(lr).run()
    until(at, lambda at: any("Frozen" in text or "None of the" in text for text in boxes(at)))
    assert not at.exception


def test_the_labs_run_is_left_alone(page):
    mine = state(page)
    assert mine.run.experiment not in (DIVERGING, GROWING) and mine.playback.head <= 1
    assert mine.id not in [v for v in mine.run.viewers if v.endswith("exploding")]


def explodes(at):
    return state(at).explosion.e


def test_the_plain_page_begins_with_the_gradient_that_grows(page):
    assert explodes(page) == GROWING and page.query_params["exploding_run"] in ("grows", ["grows"])


def test_links_from_before_there_were_two_runs_show_what_they_showed(app):
    at = frozen(app({"exploding_gain": "1.3", "exploding_patient": "1"}, page="exploding"))
    assert explodes(at) == replace(DIVERGING, gain=1.3) and not at.warning
    assert at.selectbox(key="exploding_network").value == 1
    assert "exploding_patient" not in at.query_params and at.query_params["exploding_network"] in ("1", ["1"])


def test_a_lesson_of_an_older_link_still_locks_the_network(app):
    at = frozen(app({"lock": "exploding_patient"}, page="exploding"))
    assert state(at).view.lock == {"exploding_network"} and not at.warning


def test_each_run_has_values_of_its_own(page):
    at = page
    at.number_input(key="exploding_gain").set_value(1.5).run()
    assert explodes(at) == replace(GROWING, gain=1.5)
    next(c for c in at.segmented_control if c.key.startswith("exploding_run")).set_value("at-once").run()
    assert explodes(at) == DIVERGING


# ---- the cliff ----


def test_the_words_about_the_paths_are_the_numbers(page):
    from pages.exploding import CLIP, RATE, START, STEPS

    d = unit.descend(*START, RATE, STEPS, [np.inf, CLIP])
    text = words(page)
    assert f"gradient norm {amount(d.norm[:-1, 0].max())}" in text
    assert f"Clipped at {CLIP:g}" in text and f"error {amount(d.error[-1, 1])} at" in text
    wall = f"{float(unit.wall(d.w[11, 0])):.3f}".replace("-", "−")
    assert f"the wall stands at b = {wall}." in text


def test_what_the_tour_says_of_the_two_descents():
    """From the page's start, the free one leaves the picture in one step; the clipped one stays, and its error falls."""
    from pages.exploding import CLIP, RATE, START, STEPS, B, W

    d = unit.descend(*START, RATE, STEPS, [np.inf, CLIP])
    inside = (d.w >= W[0]) & (d.w <= W[1]) & (d.b >= B[0]) & (d.b <= B[1])
    thrown = int(np.flatnonzero(~inside[:, 0])[0])
    before, jump = (np.hypot(*np.diff([d.w[:, 0], d.b[:, 0]]))[k] for k in (slice(thrown - 1), thrown - 1))
    assert jump > 10 * before.max() and inside[:, 1].all()
    assert 10 * d.error[-1, 1] < min(d.error[0, 1], d.error[-1, 0])


def test_sliders_move_the_start_and_every_place_can_be_looked_at(page):
    at = page
    before = words(at)
    at.slider(key="exploding_w").set_value(4.0)
    at.slider(key="exploding_b").set_value(-1.5).run()
    assert not at.exception and words(at) != before
    for place in ("at the start", "at the end, clipped"):
        at.segmented_control(key="exploding_place").set_value(place).run()
        assert not at.exception
    at.slider(key="exploding_w").set_value(3.6)
    at.segmented_control(key="exploding_place").set_value("at the start").run()
    assert "there is no wall" in words(at)


@pytest.mark.parametrize("rate, clip", [(2.0, 10.0), (0.01, 0.05)])
def test_the_ends_of_the_cliffs_controls(page, rate, clip):
    at = page
    at.select_slider(key="exploding_rate").set_value(rate)
    at.select_slider(key="exploding_clip").set_value(clip).run()
    assert not at.exception and f"Clipped at {clip:g}" in words(at)


def test_the_surface_is_within_the_picture_and_its_lowest_point_is_a_valley():
    from pages.exploding import _surface

    _, _, error, norm = _surface()
    assert error.min() < 1e-4 and 0.4 < error.max() < 0.5
    assert np.isfinite(norm).all() and norm.max() > 10
