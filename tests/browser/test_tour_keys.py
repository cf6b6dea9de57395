"""The guided tour in Chromium: by keyboard alone, in the project's own stations, and on a phone."""

import re

import pytest
from browsing import PHONE, SIDEWAYS, choose, expect, sidebar
from browsing import until as until_seen
from example_tours import GUIDE, OWN, TWO
from tour_panel import head, heard

from pages.tour import highlight
from rnnkit import Experiment


def panel(page):
    return page.locator(".st-key-tour_panel")


def begun(page, path=None):
    """Opens the menu and begins the project's tour, or that of a file."""
    page.locator("[class*=st-key-tour_menu]").get_by_role("button").click()
    if path:
        page.locator(".st-key-tour_file input[type=file]").set_input_files(str(path))
    page.locator(".st-key-tour_own" if path else ".st-key-tour_start").get_by_role("button").click()
    expect(panel(page)).to_be_visible()


def test_by_keyboard_alone_with_a_file_of_ones_own(server, visit, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TWO, "utf-8")
    page = visit(server.link(**Experiment.from_query(OWN)[0].to_query()))  # in full, as the page writes it when the tour is left
    expect(page.locator(".heatmap")).to_be_visible()
    choose(page, "Pace", "fast pace")
    before = page.url
    begun(page, path)
    expect(head(page)).to_have_text("1 / 2 · First")
    expect(page.locator(".heatmap")).to_have_count(0)
    assert page.locator("#injected").count() == page.locator(".st-key-tour_panel img").count() == 0
    expect(panel(page)).to_contain_text("<b id='injected'>bold</b> ![a]")
    heard(page, 1)
    page.keyboard.press("2")
    expect(panel(page)).to_contain_text("✓ Expected: That. Noticed.")
    expect(page.locator(".heatmap").first).to_be_visible()
    pointed = page.locator(highlight.selector("lab", "heatmap"))
    expect(pointed).to_have_css("outline-style", "solid")
    page.keyboard.press("PageDown")
    expect(head(page)).to_have_text("2 / 2 · Second")
    page.reload()
    expect(head(page)).to_have_text("2 / 2 · Second")
    heard(page, 2, "shown")
    page.keyboard.press("PageUp")
    expect(head(page)).to_have_text("1 / 2 · First")
    heard(page, 1)
    page.keyboard.press("PageDown")  # a clicker has this key alone: it shows, then goes on
    heard(page, 1, "shown")
    page.keyboard.press("PageDown")
    expect(head(page)).to_have_text("2 / 2 · Second")
    heard(page, 2, "shown")
    page.keyboard.press("Escape")
    expect(panel(page)).to_have_count(0)
    expect(page.locator(".heatmap")).to_be_visible()
    until_seen(lambda: page.url == before, before, wait=lambda s: page.wait_for_timeout(1000 * s))
    expect(page.get_by_role("button", name="Resume the tour")).to_be_visible()


def test_keys_in_fields_menus_and_sliders(server, visit):
    page = visit(server.link("/network", tour=1))
    expect(page.locator(".network canvas")).to_be_visible()
    heard(page, 1)
    length = sidebar(page).get_by_role("spinbutton", name="Sequence length T")
    length.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("21")
    page.keyboard.press("Escape")
    assert length.input_value() == "21"
    page.keyboard.press("Enter")
    expect(page.locator(".network canvas")).to_have_attribute("aria-label", re.compile("on 21 words"))
    expect(page.locator("[class*=st-key-tour_show]")).to_be_visible()
    sidebar(page).get_by_role("combobox", name="Cell").click()
    expect(page.get_by_role("option", name="tanh", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("option", name="tanh", exact=True)).to_have_count(0)
    expect(page.locator("[class*=st-key-tour_show]")).to_be_visible()
    page.get_by_role("slider", name="Fold and unfold the network").focus()
    fold = page.locator(".network").get_attribute("data-fold")
    page.keyboard.press("PageDown")
    heard(page, 1, "shown")
    assert page.locator(".network").get_attribute("data-fold") == fold, "the key is the tour's"
    page.locator(".network canvas").focus()
    page.keyboard.press("PageDown")
    expect(head(page)).to_contain_text("2 / ")


def test_each_station_of_the_projects_tour_points_at_something(server, visit):
    page = visit(server.link("/network", tour=1), reduced_motion="no-preference")
    for n, station in enumerate(GUIDE.stations, 1):
        expect(head(page)).to_have_text(f"{n} / {len(GUIDE.stations)} · {station.title}")
        heard(page, n)
        page.keyboard.press("PageDown")
        place = page.locator(highlight.selector(station.page, station.point))
        expect(place).to_have_count(1)
        expect(place).to_have_css("outline-style", "solid")
        expect(place).to_be_in_viewport()
        box = panel(page).bounding_box()
        assert 50 <= box["y"] <= 100 and box["height"] < 190, station.title
        heard(page, n, "shown")
        if n < len(GUIDE.stations):
            page.keyboard.press("PageDown")


def test_a_file_with_messages_can_be_started_without_scrolling(server, visit, tmp_path):
    path = tmp_path / "tour.toml"
    path.write_text(TWO.replace("right = 2", "right = 7") + 'colour = "red"\n', encoding="utf-8")
    page = visit(server.link("/lab"), viewport={"width": 1366, "height": 768})
    page.locator("[class*=st-key-tour_menu]").get_by_role("button").click()
    page.locator(".st-key-tour_file input[type=file]").set_input_files(str(path))
    expect(page.get_by_text("right of station 1 must be")).to_be_visible()
    start, messages = page.locator(".st-key-tour_own"), page.get_by_test_id("stPopoverBody").get_by_test_id("stAlert")
    expect(start).to_be_in_viewport(ratio=1)
    assert messages.count() >= 2 and start.bounding_box()["y"] < messages.first.bounding_box()["y"]


def test_on_a_phone(server, visit):
    page = visit(server.link(tour=6), viewport=PHONE, has_touch=True, is_mobile=True, color_scheme="dark")
    expect(page.locator("[class*=st-key-tour_show]")).to_be_in_viewport()
    heard(page, 6)
    page.locator("[class*=st-key-tour_show]").get_by_role("button").tap()
    expect(page.locator(".heatmap").first).to_be_visible()
    assert max(page.evaluate(SIDEWAYS)) <= 0


@pytest.mark.parametrize("n", [3, 4])
def test_on_a_phone_steps_are_covered_until_the_answer_and_then_on_the_first_screen(server, visit, n):
    page = visit(server.link(tour=n), viewport=PHONE, has_touch=True, is_mobile=True)
    heard(page, n)
    assert panel(page).bounding_box()["height"] < 240
    expect(page.locator(".ledger")).to_have_count(0)
    page.locator("[class*=st-key-tour_show]").get_by_role("button").tap()
    bars = page.locator(".ledger .norms")
    expect(bars).to_be_in_viewport()
    box = bars.bounding_box()  # wider than the screen: the table scrolls
    assert box["y"] >= 0 and box["y"] + box["height"] < page.locator(".ledger .panel").bounding_box()["y"] < PHONE["height"]
    assert max(page.evaluate(SIDEWAYS)) <= 0
