"""The page Sentence in Chromium: its point on the first screen, the reader's words and keys, units that are switched off."""

import re

from browsing import PHONE, SIDEWAYS, expect, until

LAPTOP = {"width": 1366, "height": 768}


def test_the_first_screen_of_a_laptop_shows_who_still_knows_the_number_at_the_verb(server, visit):
    page = visit(server.link("/sentence"), viewport=LAPTOP)
    expect(reader(page)).to_have_attribute("aria-label", re.compile("LSTM, chrono initialization: the number is there"))
    expect(reader(page)).to_have_attribute("aria-label", re.compile(r"tanh: the number is lost: “(was|were)” to both"))
    plot = page.locator(".reader .plot").bounding_box()
    last = plot["y"] + int(reader(page).get_attribute("data-answers"))  # the lower edge of the second network's lines
    assert 500 < last <= LAPTOP["height"], last
    box = page.locator(".reader .scroll")
    assert box.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, "all words are in sight, up to the verb"
    expect(page.locator(".reader .zoom")).to_be_hidden()
    assert max(page.evaluate(SIDEWAYS)) <= 0


def reader(page):
    return page.locator(".reader")


def line(page, text):
    """The numbers of a line of the panel."""
    return page.locator(".reader .panel tr", has_text=text).locator("td").all_inner_texts()


def test_build_click_a_word_and_go_on_by_the_keys(server, visit):
    page = visit(server.link("/sentence", v=1, length=10, steps=30, hidden=6), viewport={"width": 1366, "height": 1600})
    expect(reader(page)).to_have_attribute("data-word", "cat")
    expect(page.get_by_text("the unit that differs most differs by")).to_be_visible()
    expect(page.locator(".reader .what")).to_have_text("Word 2 of 10: “cat” / “cats”")
    norm = page.locator(".reader .panel tr", has_text="‖dL/dht‖").locator("td").first
    expect(norm).to_have_text(re.compile(r"^\d(\.\d)?e-\d+$"))  # computed meanwhile
    at_subject = line(page, "p(were)")
    page.locator(".reader .scroll").click(position={"x": 5, "y": 60})
    expect(page.locator(".reader .what")).to_have_text("Word 1 of 10: “the”")
    assert line(page, "p(were)")[0] == line(page, "p(were)")[1] and line(page, "p(were)") != at_subject
    reader(page).focus()
    page.keyboard.press("ArrowRight")
    assert line(page, "p(were)") == at_subject
    page.keyboard.press("End")
    expect(reader(page)).to_have_attribute("data-t", "9")
    assert line(page, "as a share") == ["1.0", "1.0"]
    page.keyboard.press("ArrowRight")
    expect(reader(page)).to_have_attribute("data-t", "9")
    clause = page.get_by_role("spinbutton", name="Words in the clause")
    clause.fill("60")
    clause.press("Enter")
    expect(page.locator(".reader .what")).to_have_text("Word 2 of 65: “cat” / “cats”")
    expect(reader(page)).to_have_attribute("data-whole", "true")
    page.get_by_role("button", name="Word by word").click()
    box = page.locator(".reader .scroll")
    assert box.evaluate("e => e.scrollWidth > 2 * e.clientWidth")
    reader(page).focus()
    page.keyboard.press("End")
    until(lambda: box.evaluate("e => e.scrollLeft") > 500, "the chosen word comes into sight")
    assert max(page.evaluate(SIDEWAYS)) <= 0


PAINTED = """canvas => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);  // Chromium warns of a canvas that is drawn on a GPU and read again and again
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height), colours = new Set();
    for (let i = 0; i < data.length; i += 4) if (data[i + 3]) colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
    return colours.size;
}"""


def test_switch_off_units_and_see_the_accuracy_change(server, visit):
    page = visit(server.link("/sentence", v=1, length=10, steps=100, hidden=4), viewport={"width": 1366, "height": 2000})
    metric = page.get_by_test_id("stMetric").last
    expect(metric).to_contain_text("Accuracy with none switched off")
    before = metric.inner_text()
    for k in range(1, 5):
        page.get_by_role("button", name=re.compile(r"Switch off unit \d")).click()
        expect(metric).to_contain_text(f"Accuracy with {k} switched off")
    expect(metric).to_contain_text(re.compile(r"points"))
    assert metric.inner_text() != before
    expect(page.get_by_role("button", name="All of these are off")).to_be_disabled()
    expect(page.locator(".reader .panel")).to_contain_text("off")
    assert page.locator(".reader canvas").evaluate(PAINTED) > 20
    page.get_by_role("button", name="All on").click()
    expect(metric).to_contain_text("Accuracy with none switched off")


def test_on_a_phone(server, visit):
    page = visit(server.link("/sentence", v=1, length=12, steps=30, cell="lstm", bias="chrono"), viewport=PHONE)
    expect(page.get_by_text("the unit that differs most differs by")).to_be_visible()
    expect(page.locator("[data-testid=stVegaLiteChart]").nth(3)).to_be_attached()
    assert page.evaluate(SIDEWAYS) == [0, 0]
    box = page.locator(".reader .scroll")
    assert box.evaluate("e => e.scrollWidth - e.clientWidth") > 300
    assert page.locator(".reader canvas").evaluate(PAINTED) > 20


def test_a_phone_shows_the_drawing_first_and_the_settings_below(server, visit):
    page = visit(server.link("/sentence"), viewport=PHONE)
    expect(reader(page)).to_have_attribute("aria-label", re.compile("tanh"))
    answers = page.locator(".reader .plot").bounding_box()["y"] + int(reader(page).get_attribute("data-answers"))
    assert answers < PHONE["height"], "the lines of both networks"
    settings = page.locator(".st-key-sentence_building").bounding_box()
    assert settings["y"] > reader(page).bounding_box()["y"]
    assert max(page.evaluate(SIDEWAYS)) <= 0


def test_a_laptop_shows_both_networks_in_the_presenters_view(server, visit):
    page = visit(server.link("/sentence", present=1), viewport=LAPTOP)
    expect(reader(page)).to_have_attribute("aria-label", re.compile("tanh"))
    answers = page.locator(".reader .plot").bounding_box()["y"] + int(reader(page).get_attribute("data-answers"))
    assert answers <= LAPTOP["height"], answers
