"""The page "Why does it explode?": the autopsy and the cliff, in this process and in a browser."""

import re

import numpy as np
import pytest
from apptest import press, until

from pages.ui import divergence
from rnnkit.analysis import error_surface as unit
from rnnkit.analysis.autopsy import DOOMED, THRESHOLD, amount, autopsies, clipping

KEY = "exploding_rewind"


def boxes(at):
    return [box.value for kind in (at.success, at.error, at.info, at.warning) for box in kind]


def frozen(at):
    return until(at, lambda at: any("Frozen" in text for text in boxes(at)))


def words(at):
    return "\n".join(m.value for m in at.markdown)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """In this process nobody has to watch."""
    monkeypatch.setattr(divergence, "PACE", 1e6)
    monkeypatch.setattr(divergence, "RECOVERY", 1e-3)


@pytest.fixture
def page(app):
    return frozen(app(page="exploding"))


# ---- the autopsy ----


def test_it_trains_to_nan_freezes_and_tells_what_the_numbers_say(page, pool):
    at = page
    assert not at.exception
    h = pool.get(DOOMED).history
    found = autopsies(h, 31)
    a, told = found[0], words(at)
    assert f"**Frozen at step {a.fatal}**: {len(found)} of 8 networks are NaN." in boxes(at)
    for part in (a.cause, amount(a.loss[a.blow]), amount(a.norm[a.fatal - 1]), f"**Network {a.network + 1}**, seed"):
        assert part in told
    until(at, lambda at: "…" not in words(at).partition("| step |")[2])
    assert f"Rewind to step {a.blow} and continue with clipping" in [b.label for b in at.button]


def test_rewind_goes_on_with_clipping_and_the_network_learns(page, pool):
    at = page
    h = pool.get(DOOMED).history
    a = autopsies(h, 31)[0]
    press(at, KEY)
    until(at, lambda at: any("Saved" in text for text in boxes(at)))
    assert not at.exception
    saved = next(run for run in pool.runs.values() if run.experiment.fixes and run.done)
    assert clipping(saved.experiment).start_step == a.blow and clipping(saved.experiment).threshold == THRESHOLD
    upto = a.blow + 1
    np.testing.assert_array_equal(saved.history.loss[:upto], h.loss[:upto])
    np.testing.assert_array_equal(saved.history.norm_raw[:upto], h.norm_raw[:upto])
    assert np.isfinite(saved.history.loss[:, a.network]).all()
    assert saved.history.accuracy[-1, a.network] >= 0.99
    assert any("100 % of new sentences right" in text for text in boxes(at))
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
    names = at.selectbox(key="exploding_patient").options
    assert len(names) > 1
    at.selectbox(key="exploding_patient").set_value(1).run()
    frozen(at)
    assert f"**{names[1].partition(':')[0].capitalize()}**, seed" in words(at)


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
    state = page.session_state
    assert state.run.experiment != DOOMED and state.playback.head <= 1
    assert state.viewer not in [v for v in state.run.viewers if v.endswith("exploding")]


# ---- the cliff ----


def test_the_words_about_the_paths_are_the_numbers(page):
    from pages.exploding import CLIP, RATE, START, STEPS

    d = unit.descend(*START, RATE, STEPS, [np.inf, CLIP])
    told = words(page)
    assert f"gradient norm {amount(d.norm[:-1, 0].max())}" in told
    assert f"Clipped at {CLIP:g}" in told and f"error {amount(d.error[-1, 1])} at" in told
    wall = f"{float(unit.wall(d.w[11, 0])):.3f}".replace("-", "−")
    assert f"the wall stands at b = {wall}." in told


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


# ---- in a browser ----


@pytest.fixture
def opened(server, visit):
    def open_(**options):
        page = visit(server.link("/exploding"), **options)
        page.get_by_role("heading", name="Why does it explode?").wait_for()
        page.locator(".cliff[data-start]").wait_for()
        return page

    return open_


def canvas(page, view):
    from browsing import PIXELS

    return page.locator(f".cliff .{view} canvas").evaluate(PIXELS)


def test_deep_link_shows_the_explosion_and_the_cliff_and_a_click_moves_the_start(opened):
    import browsing

    page = opened()
    browsing.expect(page.get_by_text(re.compile("Frozen at step"))).to_be_visible()
    browsing.until(
        lambda: browsing.pixels(page)["crimson"] > 50, "crimson in the heatmap", wait=lambda s: page.wait_for_timeout(200)
    )
    solid, above = canvas(page, "solid"), canvas(page, "map")
    assert solid["colours"] > 200 and above["colours"] > 200
    start = page.locator(".cliff").get_attribute("data-start")
    figure = page.locator(".cliff .map")
    figure.scroll_into_view_if_needed()
    box = figure.bounding_box()
    figure.click(position={"x": 0.4 * box["width"], "y": 0.3 * box["height"]})
    browsing.expect(page.locator(".cliff")).not_to_have_attribute("data-start", start)
    w, b = (float(v) for v in page.locator(".cliff").get_attribute("data-start").split(","))
    assert 4.2 < w < 4.9 and -2.2 < b < -1.8
    browsing.expect(page.locator("[class*=st-key-exploding_w]").first).to_contain_text(f"{w:.2f}")
    assert canvas(page, "map")["hash"] != above["hash"]
    assert_turns(page)


def assert_turns(page):
    """By keyboard and by pointer."""
    figure = page.locator(".cliff .solid")
    figure.focus()
    seen = {canvas(page, "solid")["hash"]}
    for act in (lambda: page.keyboard.press("ArrowLeft"), lambda: page.keyboard.press("ArrowUp"), lambda: drag(page, figure)):
        act()
        page.wait_for_timeout(300)
        seen.add(canvas(page, "solid")["hash"])
    assert len(seen) == 4


def drag(page, figure):
    box = figure.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 10)
    page.mouse.up()


def test_phone_width_does_not_scroll_sideways_and_the_rewind_works_there(opened):
    import browsing

    page = opened(viewport=browsing.PHONE)
    browsing.button(page, "Once more").wait_for()
    rewind = page.get_by_role("button", name=re.compile("Rewind to step"))
    browsing.expect(rewind).to_be_enabled()
    rewind.click()
    browsing.expect(page.get_by_text(re.compile("Saved: it learns"))).to_be_visible()
    assert max(page.evaluate(browsing.SIDEWAYS)) <= 0
    assert canvas(page, "solid")["colours"] > 100
