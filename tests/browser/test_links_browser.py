"""What is seen is in the link, in Chromium: places in drawings, the step, Back, locks, a typed sentence, the keyboard."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from apptest import SMALL
from browsing import button, expect, finished, go, heatmap, sidebar, transport, until

SEEK = ".st-key-seek input[type=range]"


def query(page):
    return dict(parse_qsl(urlsplit(page.url).query))


def linked(page, key, text):
    until(lambda: query(page).get(key) == text, f"{key}={text} in {page.url}", wait=lambda s: page.wait_for_timeout(1000 * s))


# ---- places ----


def moved_in_the_ledger(page):
    ledger = page.locator(".ledger")
    expect(ledger).to_have_attribute("data-at", "1")
    ledger.focus()
    for key in ("End", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    return {"steps_at": "19"}, (ledger, "data-at", "19")


def moved_in_the_network(page):
    page.get_by_role("button", name="Top view").click()
    drawing = page.locator(".network")
    expect(drawing).to_have_attribute("data-fold", "1.00")
    page.locator(".network canvas").focus()
    page.keyboard.press("ArrowLeft")
    return {"network_fold": "1", "network_time": "0"}, (drawing, "data-t", "0")


def moved_in_the_sentence(page):
    reader = page.locator(".reader")
    expect(reader).to_have_attribute("data-word", "cat")
    reader.focus()
    page.keyboard.press("End")
    return {"sentence_word": "9"}, (reader, "data-t", "9")


MOVES = {"steps": moved_in_the_ledger, "network": moved_in_the_network, "sentence": moved_in_the_sentence}


@pytest.mark.parametrize("name", MOVES)
def test_the_place_in_a_drawing_is_in_the_link_and_survives_leaving_and_a_reload(server, visit, name):
    page = visit(server.link(f"/{name}", **SMALL, hidden=4))
    wanted, (drawing, attribute, value) = MOVES[name](page)
    for key, text in wanted.items():
        linked(page, key, text)
    expect(drawing).to_have_attribute(attribute, value)
    go(page, "Lab")
    expect(heatmap(page)).to_be_visible()
    page.go_back()
    expect(drawing).to_have_attribute(attribute, value)
    for key, text in wanted.items():
        linked(page, key, text)
    page.reload()
    expect(drawing).to_have_attribute(attribute, value)


def test_the_camera_and_the_order_of_the_remedies_are_in_the_link(server, visit):
    page = visit(server.link("/exploding"))
    page.locator(".cliff .solid").focus()
    page.keyboard.press("ArrowRight")
    linked(page, "exploding_turn", "2.74")
    page = visit(server.link("/remedies"))
    page.get_by_role("button", name="by gradient").click()
    linked(page, "remedies_order", "gradient")
    page.reload()
    expect(page.get_by_role("button", name="by gradient")).to_have_attribute("aria-pressed", "true")


def test_the_step_looked_at_is_in_the_link(server, visit):
    page = visit(server.link("/", **SMALL))
    finished(page)
    assert "lab_step" not in page.url
    page.locator(SEEK).focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    linked(page, "lab_step", "12")
    other = visit(page.url)
    expect(transport(other, "^step 12 of 20|^step 20 of 20")).to_be_visible()
    expect(other.locator(SEEK)).to_have_value("12")
    expect(button(other, "Train")).to_be_visible()
    button(other, "Reset").click()
    until(lambda: "lab_step" not in other.url, "none", wait=lambda s: other.wait_for_timeout(1000 * s))


# ---- back ----


def test_back_after_open_in_the_lab_brings_the_settings_back(server, visit):
    page = visit(server.link("/stories", **SMALL, hidden=7))
    page.locator(".card[data-key=lstm-chrono] button").click()
    expect(heatmap(page)).to_be_visible()
    linked(page, "length", "50")
    hidden = sidebar(page).get_by_role("spinbutton", name="Sequence length")
    expect(hidden).to_have_value("50")
    page.go_back()
    expect(page.get_by_role("heading", name="each with one thing to see")).to_be_visible()
    linked(page, "length", "10")
    assert query(page) | SMALL | {"hidden": "7"} == query(page)
    expect(hidden).to_have_value("10")


# ---- locks ----


def test_a_remedy_cannot_be_opened_where_a_lesson_keeps_its_settings(server, visit):
    page = visit(server.link("/remedies", **SMALL, lock="length,gain", hide="cell"))
    page.locator(".multiples button.name").first.click()
    page.locator(".multiples").get_by_role("button", name="Open in the lab").click()
    expect(page.get_by_text("Not opened: this lesson keeps")).to_be_visible()
    expect(page.get_by_role("heading", name="What repairs it?")).to_be_visible()
    assert query(page) | SMALL == query(page)


# ---- the lecture's own sentence ----


@pytest.mark.parametrize("verb", ["was", "were"])
def test_the_sentence_of_the_lecture_is_typed(server, visit, verb):
    page = visit(server.link("/sentence", v=1, length=10, steps=100, hidden=16))
    field = page.get_by_role("textbox", name="or type one")
    field.fill(f"The cat{'s' * (verb == 'were')}, which already ate ..., {verb} full")
    field.press("Enter")
    expect(page.locator(".reader .what")).to_have_text("Word 2 of 7: “cat” / “cats”")
    expect(page.get_by_text(f"Read up to “{verb}”. The rest, “full”, comes after the answer and is not read.")).to_be_visible()
    expect(page.get_by_text("not in the vocabulary")).to_have_count(0)
    page.locator(".reader").focus()
    page.keyboard.press("End")
    answers = page.locator(".reader .panel tr", has_text="p(was) / p(were)").locator("td")
    expect(answers.first).to_have_text(re.compile(r"^[01]\.\d\d / [01]\.\d\d$"))
    for text in answers.all_inner_texts():
        assert sum(map(float, text.split(" / "))) == pytest.approx(1, abs=0.011)
    linked(page, "sentence_typed", field.input_value())


# ---- the keyboard ----


@pytest.mark.parametrize("name", ["Tour", "Charts as files"])
def test_a_menu_that_is_opened_by_a_key_has_the_focus(server, visit, name):
    page = visit(server.link("/vanishing", **SMALL))
    opener = page.locator("button[aria-haspopup=dialog]", has_text=name)
    expect(opener).to_be_visible()
    page.wait_for_function("document.rnnkit")  # the frame, which hears keys, comes a moment after the menus
    opener.focus()
    page.keyboard.press("Enter")
    inside = "document.activeElement.closest('[role=dialog]') !== null"
    until(lambda: page.evaluate(inside), "the focus is in the menu", wait=lambda s: page.wait_for_timeout(1000 * s))
    if name == "Tour":
        expect(page.locator(".st-key-tour_start button")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
