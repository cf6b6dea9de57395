"""A class in Chromium: a lecturer and two members, each in a browser of their own, on one real server."""

import re

import pytest
from browsing import DESK, PHONE, STILL, expect, go, listen, sidebar

LINK = {"length": "10", "steps": "20", "replicas": "2"}
HOSTILE = "Is <b id='injected'>it</b> **clear** ![a](http://elsewhere.example/a.png)?"


@pytest.fixture
def people(browser, problems):
    """people(viewport) -> a page in another browser: each has a cookie of its own. No message on the console, no request out."""
    contexts = []

    def open_(viewport):
        context = browser.new_context(**STILL | {"viewport": viewport})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        listen(page, problems)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []


def press(page, key):
    page.locator(f".st-key-{key}").get_by_role("button").first.click()


def answers(page):
    return page.locator("[class*=st-key-room_vote]").get_by_role("button")


def panel(page):
    return page.locator(".st-key-room_panel")


def test_a_lecture(server, people):
    """Votes arrive, the result is shown, a member follows, leaves and returns, a dot appears and opens, the room is closed."""
    lecturer, one, two = people(DESK), people(PHONE), people(PHONE)
    lecturer.goto(server.link("/", **LINK))
    expect(lecturer.locator(".heatmap[data-rows]")).to_be_visible()
    press(lecturer, "share")
    press(lecturer, "room_open")
    expect(lecturer.get_by_role("dialog")).to_have_count(0)
    expect(panel(lecturer)).to_contain_text("0 here")
    press(lecturer, "room_join")
    code = lecturer.locator(".st-key-room_code")
    expect(code.get_by_role("img")).to_be_visible()
    room = code.locator("p").first.inner_text()
    assert re.fullmatch("[a-z]{6}", room)
    lecturer.keyboard.press("Escape")

    for member in (one, two):
        member.goto(server.link("/", room=room))
        expect(panel(member)).to_contain_text("you follow the lecturer")
        assert member.locator(".heatmap").count() <= 1
    expect(panel(lecturer)).to_contain_text("2 here, 2 follow your screen")
    expect(one.get_by_role("heading", name="10 time steps")).to_be_visible()  # the lecturer's settings

    lecturer.locator("[class*=st-key-room_ask]").get_by_role("button").first.click()
    lecturer.get_by_role("textbox", name="Question").fill(HOSTILE)
    lecturer.get_by_role("textbox", name="Answers").fill("yes\nno")
    lecturer.get_by_role("combobox", name="Right answer").click()
    lecturer.get_by_role("option", name="2", exact=True).click()
    lecturer.get_by_role("button", name="Ask the class").click()
    expect(panel(lecturer)).to_contain_text("0 of 2 have voted")
    for member in (one, two):
        expect(panel(member)).to_contain_text(HOSTILE.partition("http:")[0])  # an invisible sign breaks the address
        assert member.locator("#injected").count() == panel(member).locator("img").count() == 0
    answers(one).nth(0).click()
    expect(panel(lecturer)).to_contain_text("1 of 2 have voted")
    answers(two).nth(1).click()
    expect(panel(lecturer)).to_contain_text("2 of 2 have voted")
    for answer in (1, 0):  # changes their mind twice
        answers(one).nth(answer).click()
        expect(answers(one).nth(answer)).to_have_attribute("data-testid", "stBaseButton-primary")
    expect(panel(lecturer).get_by_role("progressbar")).to_have_count(0)
    press(lecturer, "room_show")
    expect(panel(lecturer)).to_contain_text("1 of 2 were right")
    expect(panel(lecturer).get_by_role("progressbar")).to_have_count(2)
    expect(panel(one)).to_contain_text("✗ Your answer: yes. Right: no. 1 of 2 were right.")
    expect(panel(two)).to_contain_text("✓ Your answer: no. 1 of 2 were right.")
    press(lecturer, "room_done")

    go(lecturer, "Vanishing")
    for member in (one, two):
        expect(member).to_have_url(re.compile("/vanishing"))
    press(one, "room_follow")
    expect(panel(one)).to_contain_text("Follow the lecturer")
    go(lecturer, "Lab")
    expect(two).to_have_url(re.compile(r"/lab\?"))
    expect(one).to_have_url(re.compile("/vanishing"))
    press(one, "room_follow")
    expect(one).to_have_url(re.compile(r"/lab\?"))
    expect(panel(one)).to_contain_text("you follow the lecturer")
    one.reload()
    expect(panel(one)).to_contain_text("you follow the lecturer")

    lecturer.locator(".st-key-room_map_on label").click()
    expect(panel(lecturer)).to_contain_text(re.compile("runs? of the class"))
    press(one, "room_follow")
    expect(panel(one)).to_contain_text("Follow the lecturer")
    one.goto(server.link("/", **LINK | {"length": "12", "room": room}))
    expect(panel(lecturer)).to_contain_text("2 runs of the class")
    dots = panel(lecturer).locator("[class*=st-key-room_map_cell] svg .mark-symbol.role-mark path")
    expect(dots).to_have_count(2)
    sidebar_length = sidebar(lecturer).get_by_role("spinbutton", name="Sequence length T")
    expect(sidebar_length).to_have_value("10")
    dots.nth(1).click()
    expect(sidebar_length).to_have_value("12")

    press(lecturer, "room_close")
    for member in (one, two):
        expect(panel(member)).to_contain_text(f"The room {room} is closed. The dashboard works on without it.")
        expect(member).not_to_have_url(re.compile("room="))
    press(two, "room_noticed")
    expect(panel(two)).to_have_count(0)
    two.goto(server.link("/", **LINK | {"room": room}))
    expect(two.get_by_test_id("stAlert").first).to_contain_text("is not open (any more)")
    expect(two.locator(".heatmap")).to_be_visible()
