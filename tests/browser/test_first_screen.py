"""The first screen shows the point, in Chromium: what belongs together is in sight at once, and does not move."""

import re

import pytest
from browsing import PHONE, button, expect, finished, until
from ready_pages import SMALL, chart
from tour_panel import heard

LAPTOP, PROJECTOR = {"width": 1366, "height": 768}, {"width": 1920, "height": 1080}
PINNED = {"pin.length": 12, "pin.steps": 20, "pin.replicas": 2, "cell": "lstm"}
PARTS = (".st-key-transport", ".st-key-message", ".heatmap", "Training loss", "Accuracy")


def waiting(page):
    return lambda seconds: page.wait_for_timeout(1000 * seconds)


def box(page, part):
    return (page.locator(part) if part.startswith(".") else chart(page, part)).first.bounding_box()


@pytest.mark.parametrize("more", [{}, PINNED], ids=["alone", "pinned"])
@pytest.mark.parametrize("view", [{}, {"present": 1}], ids=["usual", "presented"])
@pytest.mark.parametrize("size", [LAPTOP, PROJECTOR], ids=["laptop", "projector"])
def test_gradient_accuracy_and_loss_are_on_the_first_screen_of_the_lab(server, visit, size, view, more):
    page = visit(server.link("/lab", **SMALL | more, **view), viewport=size)
    until(lambda: int(page.locator(".heatmap").last.get_attribute("data-rows") or 0), "a row", wait=waiting(page))
    headline = [] if view and more else [".st-key-headline"]  # the two runs have titles of their own
    parts = [*headline, *PARTS, *([".st-key-heatmap_pinned .heatmap"] if more else [])]
    for part in parts:
        there = until(lambda part=part: box(page, part), part, wait=waiting(page))
        assert there["y"] >= 0 and there["y"] + there["height"] <= size["height"], (part, there)
        assert there["x"] >= 0 and there["x"] + there["width"] <= size["width"], (part, there)
    assert box(page, ".heatmap canvas")["height"] >= (180 if view else 240)
    assert box(page, "Accuracy")["y"] < box(page, "Training loss")["y"]
    for curve in ("Accuracy", "Training loss"):  # high enough to be read
        assert box(page, curve)["height"] >= 120, curve


@pytest.mark.parametrize("size", [LAPTOP, PROJECTOR], ids=["laptop", "projector"])
def test_the_first_screen_makes_room_for_the_panel_of_a_room(server, visit, size):
    page = visit(server.link("/lab", **SMALL), viewport=size)
    finished(page)
    button(page, "Share").click()
    button(page, "Open a room").click()
    expect(page.locator(".st-key-room_class")).to_contain_text("0 here")
    for part in (".st-key-room_panel", *PARTS):
        there = box(page, part)
        assert there["y"] >= 0 and there["y"] + there["height"] <= size["height"], (part, there)
    button(page, "Close").click()


@pytest.mark.parametrize("n", [6, 8], ids=["lab", "explodes"])  # those with the highest panels
def test_room_and_tour_leave_most_of_the_screen_to_the_page(server, visit, n):
    page = visit(server.link("/lab", tour=n), viewport=LAPTOP)
    heard(page, n)
    button(page, "Share").click()
    button(page, "Open a room").click()
    expect(page.locator(".st-key-room_class")).to_contain_text("have voted")

    def ends(share):
        box_ = box(page, ".st-key-tour_panel")
        return box_["y"] + box_["height"] < share * LAPTOP["height"]

    until(lambda: ends(0.4), "a low panel", wait=waiting(page))
    assert box(page, ".st-key-room_panel")["height"] < 60, "one line"
    page.keyboard.press("PageDown")
    heard(page, n, "shown")
    until(lambda: ends(0.4), "a low panel", wait=waiting(page))
    page.get_by_role("button", name="Less", exact=True).click()
    until(lambda: ends(0.27), "one line", wait=waiting(page))
    expect(page.locator(".st-key-tour_say")).to_be_hidden()
    button(page, "Close").click()
    page.keyboard.press("PageDown")  # the next station's question is shown
    heard(page, n + 1)
    expect(page.locator(".st-key-tour_say")).to_be_visible()


def test_nothing_on_the_first_screen_moves_while_it_trains(server, visit):
    page = visit(server.link("/lab", **SMALL), viewport=LAPTOP)
    expect(page.locator(".heatmap")).to_be_visible()
    before = [box(page, part) for part in (".heatmap", "Training loss", "Accuracy")]
    finished(page)
    assert [box(page, part) for part in (".heatmap", "Training loss", "Accuracy")] == before


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"length": 10}, "fades"),
        ({"length": 20}, "vanished"),
        ({"length": 100}, "lost here"),
        ({"length": 10, "init": "orthogonal", "input_scale": 0.03}, "arrives"),
        ({"length": 20, "fixes": "truncate:5"}, "cut here"),
    ],
)
def test_the_arrow_says_of_the_gradient_what_the_sentence_says(server, visit, more, word):
    page = visit(server.link("/lab", **SMALL | {"steps": 1} | more), viewport=LAPTOP)
    expect(page.locator(".heatmap")).to_have_attribute("data-way", word)
    if word in ("fades", "vanished", "arrives"):
        expect(page.locator(".st-key-message")).to_contain_text(f"it {word}")


@pytest.mark.parametrize("story", ["explodes", "orthogonal", "gru-chrono"])
def test_the_headline_of_a_story_is_not_cut(server, visit, story):
    page = visit(server.link("/lab", story=story), viewport=LAPTOP)
    text = page.locator(".st-key-headline_text p")
    expect(text).to_be_visible()
    wide, high = text.evaluate("e => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight]")
    assert wide <= 0 and high < 9, "less than half a line"


def test_a_phone_shows_the_gradient_then_the_accuracy_then_the_loss(server, visit):
    page = visit(server.link("/lab", **SMALL), viewport=PHONE, has_touch=True, is_mobile=True)
    finished(page)
    order = [box(page, part)["y"] for part in (".heatmap", "Accuracy", "Training loss")]
    assert order == sorted(order)


def test_the_cards_of_stories_show_pictures_at_once_and_open_in_the_lab(server, visit):
    page = visit(server.link("/stories"), viewport=LAPTOP)
    first = page.locator(".card .heat").first
    expect(first).to_be_visible()
    pixels = "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer"
    colours = f"canvas => new Set(new Uint32Array({pixels})).size"
    assert first.evaluate(colours) > 20, "it is painted"
    button(page, "Explodes: ReLU, weights become NaN").click()
    expect(page.get_by_role("heading", name="Explodes: ReLU, weights become NaN")).to_be_visible()


def test_the_remedies_begin_with_the_grid_and_a_card_opens_both_trainings(server, visit):
    page = visit(server.link("/remedies", **SMALL), viewport=LAPTOP)
    for title in ("Truncation", "Penalty", "Clipping"):
        card = page.locator(".card", has=page.get_by_role("button", name=title, exact=True))
        expect(card.locator(".heat")).to_have_count(2)
        assert card.first.bounding_box()["y"] + card.first.bounding_box()["height"] <= LAPTOP["height"]
    button(page, "Penalty").click()
    expect(page.locator(".st-key-heatmap_pinned .heatmap")).to_be_visible()


def test_bars_and_words_under_the_heatmap_say_how_far_back_the_weights_gradient_looks(server, visit):
    page = visit(server.link("/lab", **SMALL | {"length": 20}), viewport=LAPTOP)
    finished(page)
    heat = page.locator(".heatmap")
    words = heat.get_attribute("data-lags")
    assert words.startswith("99 % of dL/dW_rec looks back ") and "; from the subject comes " in words
    assert words in heat.get_attribute("aria-label")
    there = heat.locator("canvas").bounding_box()
    page.mouse.move(there["x"] + there["width"] - 20, there["y"] + there["height"] - 45)
    expect(heat.locator(".tip")).to_contain_text("of dL/dW_rec")
    expect(heat.locator(".tip")).to_contain_text("the last step")


def test_beside_a_pinned_run_the_bars_stand_under_both_heatmaps(server, visit):
    pinned = {"pin.length": 20, "pin.steps": 20, "pin.replicas": 2, "pin.gain": 2}
    page = visit(server.link("/lab", **SMALL | pinned | {"length": 20}), viewport=LAPTOP)
    words = re.compile(r"^99 % looks back (\d+ steps? or less|no step)$")
    for heat in (".st-key-heatmap_pinned .heatmap", ".st-key-heatmap .heatmap"):
        expect(page.locator(heat)).to_have_attribute("data-lags", words)
    there = box(page, "Accuracy")
    assert there["y"] + there["height"] <= LAPTOP["height"]
