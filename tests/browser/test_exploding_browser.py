"""The page "Why does it explode?" in Chromium: its first screen, the rewind, and the balls on the error surface."""

import re

import browsing
import pytest
from browsing import PIXELS
from ready_pages import chart

LAPTOP = {"width": 1366, "height": 768}


@pytest.fixture
def opened(server, visit):
    def open_(**options):
        page = visit(server.link("/exploding"), **options)
        page.get_by_role("heading", name="Why does it explode?").wait_for()
        page.locator(".cliff[data-start]").wait_for()
        return page

    return open_


def canvas(page, view):
    return page.locator(f".cliff .{view} canvas").evaluate(PIXELS)


def test_deep_link_shows_the_explosion_and_the_cliff_and_a_click_moves_the_start(opened):
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
    page = opened(viewport=browsing.PHONE)
    browsing.button(page, "Once more").wait_for()
    rewind = page.get_by_role("button", name=re.compile("Rewind to step"))
    browsing.expect(rewind).to_be_enabled()
    rewind.click()
    browsing.expect(page.get_by_text(re.compile("Saved: it learns"))).to_be_visible()
    assert max(page.evaluate(browsing.SIDEWAYS)) <= 0
    assert canvas(page, "solid")["colours"] > 100


# ---- the first screen ----


def test_the_first_screen_of_a_laptop_shows_the_gradient_grow_until_it_is_nan(opened):
    page = opened(viewport=LAPTOP)
    said = page.locator(".st-key-exploding_said")
    browsing.expect(said).to_contain_text(
        re.compile(r"Frozen at step \d+: \d of 8 networks are NaN. From step \d+ to step \d+ its")
    )
    rewind = page.locator(".st-key-exploding_rewind")
    for part in (rewind, said, chart(page, "Loss of"), chart(page, "Gradient norm of"), page.locator(".heatmap")):
        box = part.first.bounding_box()
        assert box["y"] > 0 and box["y"] + box["height"] <= LAPTOP["height"], box


# ---- the balls ----


def step(page):
    return int(page.locator(".cliff").get_attribute("data-step"))


def test_both_balls_descend_when_the_cliff_comes_into_sight_and_again_with_play(opened):
    page = opened(viewport=LAPTOP, reduced_motion="no-preference")
    page.locator(".cliff .views").scroll_into_view_if_needed()
    browsing.until(lambda: 0 < step(page) < 150, "it plays", wait=lambda s: page.wait_for_timeout(30))
    early = canvas(page, "map")["hash"]
    browsing.until(lambda: step(page) == 150, "the end", wait=lambda s: page.wait_for_timeout(200))
    assert canvas(page, "map")["hash"] != early
    paths = page.locator(".cliff .paths")
    at_end = paths.inner_text()
    assert re.search(r"without clipping: gradient norm .*\n?clipped at 0.4: gradient norm ", at_end)
    browsing.button(page, "Play").click()
    browsing.until(lambda: step(page) < 20, "from the start", wait=lambda s: page.wait_for_timeout(30))
    assert paths.inner_text() != at_end
    browsing.until(lambda: step(page) == 150, "the end", wait=lambda s: page.wait_for_timeout(200))


def test_with_reduced_motion_the_whole_paths_are_there_until_play(opened):
    page = opened(viewport=LAPTOP, reduced_motion="reduce")
    page.locator(".cliff .views").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    assert step(page) == 150
    browsing.button(page, "Play").click()
    browsing.until(lambda: step(page) < 150, "it plays when asked to", wait=lambda s: page.wait_for_timeout(30))
