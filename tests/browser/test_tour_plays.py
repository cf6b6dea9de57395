"""What each station of the project's tour tells its viewer to do is done, in Chromium, and what it then promises is there."""

import re

import pytest
from browsing import expect
from example_tours import GUIDE
from tour_panel import head, heard

from pages.tour import highlight


def box(page, n=-1):
    """The sentence that says what happened: of this run, or with 0 of the pinned one at its left."""
    boxes = page.get_by_test_id("stMain").get_by_test_id("stAlert")
    return boxes.first if n == 0 else boxes.last


def drawing(page, name):
    """Presses one of the four views of the network; what is said of it."""
    page.locator(".network .stations").get_by_role("button", name=name).click()
    expect(page.locator(".network .stations button[aria-pressed=true]")).to_have_text(name)
    return page.locator(".network .told")


def a_network(page):
    expect(drawing(page, "Top view")).to_contain_text("one stack")


def a_recurrent_network(page):
    expect(drawing(page, "With the loop")).to_contain_text("connect to themselves")
    expect(drawing(page, "Unrolled through time")).to_contain_text("One column for each word")


def ledger(page, at):
    table = page.locator(".ledger")
    expect(table).to_have_attribute("data-at", str(at))
    return table


def forward(page):
    ledger(page, 0)
    for at in (1, 2, 3):  # without a click before
        page.keyboard.press("ArrowRight")
        ledger(page, at)
    page.locator(".ledger button[data-place='h 1 0']").click()
    expect(page.locator(".ledger .panel .equation")).to_contain_text("tanh")


def backward(page):
    table = ledger(page, 9)
    bars = table.locator("button[data-place^='norm dh']:not([disabled])")
    expect(bars).to_have_count(0)
    for n in range(1, 9):
        page.keyboard.press("ArrowRight")
        expect(bars).to_have_count(n)


def ten_words(page):
    expect(box(page)).to_contain_text("8 of 8 networks got at least 99 %")


def a_hundred_words(page):
    expect(box(page)).to_contain_text("it vanished")
    expect(box(page)).to_contain_text("Not learnt")
    expect(box(page, 0)).to_contain_text("it fades")


def why_it_vanishes(page):
    numbers = page.locator(".st-key-vanishing_numbers")
    expect(numbers).to_contain_text(re.compile("λ₁|largest singular value", re.I))
    assert float(re.search(r"Singular value λ₁\s+([\d.]+)", numbers.inner_text())[1]) > 1
    expect(page.get_by_text("times a step on average")).to_be_visible()


def it_explodes(page):
    expect(box(page, 0)).to_contain_text("became NaN")
    expect(box(page)).to_contain_text("got at least 99 %")


def one_update_is_enough(page):
    rewind = page.locator(".st-key-exploding_rewind button")
    expect(rewind).to_be_enabled()
    rewind.click()
    expect(page.locator(".st-key-exploding_said")).to_contain_text("Saved: it learns")


def the_cliff(page):
    """The surface is in sight below the panel, although the page above it grows after the station has begun."""
    expect(page.get_by_test_id("stMain")).to_contain_text("out of the picture to w =")
    page.wait_for_function(
        """() => {
            const cliff = document.querySelector(".st-key-exploding_cliff").getBoundingClientRect();
            const panel = document.querySelector(".st-key-tour_panel").getBoundingClientRect();
            return cliff.top >= panel.bottom - 1 && cliff.top < panel.bottom + 60;
        }"""
    )


def truncated(page):
    expect(box(page)).to_contain_text("exactly 0")
    expect(box(page, 0)).to_contain_text("it arrives")


def two_penalties(page):
    expect(box(page)).to_contain_text("got at least 99 %")
    expect(box(page, 0)).to_contain_text(re.compile("Not learnt|[0-4] of 8 networks"))


def a_better_beginning(page):
    expect(box(page, 0)).to_contain_text("it arrives")
    expect(box(page)).to_contain_text("it vanished")


def gates_that_stay_open(page):
    expect(box(page)).to_contain_text("8 of 8 networks got at least 99 %")
    expect(box(page, 0)).to_contain_text("Not learnt")
    for part in ("dL/dh", "dL/dc"):
        page.get_by_role("combobox", name="State").first.click()
        page.get_by_role("option", name=part, exact=True).click()
        expect(page.locator(".heatmap").last).to_contain_text(part)


def learn_nothing_at_all(page):
    expect(box(page)).to_contain_text("8 of 8 networks got at least 99 %")


def all_remedies(page):
    said = page.locator(".st-key-remedies_said")
    expect(said).to_contain_text(
        re.compile(r"Most networks learnt it: .*Omega with clipping.*Orthogonal weights"), timeout=240_000
    )
    expect(said).to_contain_text(re.compile(r"Not learnt: .*Clipping by norm"))


def sentences_that_mislead(page):
    expect(page.get_by_role("spinbutton", name="Attractors")).to_have_value("3")
    answers = re.compile(r"by subject: \w+ ([\d.]+)")
    expect(page.locator(".reader")).to_have_attribute("aria-label", answers)
    p_were = float(answers.search(page.locator(".reader").get_attribute("aria-label"))[1])
    assert p_were > 0.5, "the cat, among dogs: the attractors outvote it"


def the_paper(page):
    expect(box(page)).to_contain_text(re.compile(r"\b[5-8] of 8 networks got at least 99 %"))
    expect(box(page, 0)).to_contain_text(re.compile(r"\b[12] of 8 networks got at least 99 %|Not learnt"))


PLAYS = {
    "A network": a_network,
    "A recurrent network": a_recurrent_network,
    "Forward: what is computed": forward,
    "Backward: what flows back": backward,
    "Ten words": ten_words,
    "A hundred words": a_hundred_words,
    "Why it vanishes": why_it_vanishes,
    "It explodes": it_explodes,
    "One update is enough": one_update_is_enough,
    "The cliff": the_cliff,
    "Truncated backpropagation": truncated,
    "Two penalties": two_penalties,
    "A better beginning": a_better_beginning,
    "Gates that stay open": gates_that_stay_open,
    "Learn nothing at all": learn_nothing_at_all,
    "All remedies": all_remedies,
    "Sentences that mislead": sentences_that_mislead,
    "The paper": the_paper,
}


def test_every_station_is_played():
    assert list(PLAYS) == [station.title for station in GUIDE.stations]


@pytest.mark.parametrize("n", range(1, len(GUIDE.stations) + 1), ids=[station.title for station in GUIDE.stations])
def test_what_a_station_tells_to_do_shows_what_it_promises(n, server, visit):
    station = GUIDE.stations[n - 1]
    page = visit(server.link(tour=n), viewport={"width": 1366, "height": 768})
    heard(page, n)
    right = station.answers[station.right - 1].removesuffix(".")
    if not station.cover:
        shown = page.get_by_test_id("stMain").inner_text().replace(station.answers[station.right - 1], "")
        assert station.notice.split(".")[0] not in shown, f"{right!r} stands there before it is asked"
    page.keyboard.press("PageDown")
    heard(page, n, "shown")
    if station.wait:
        page.get_by_text(station.notice[:20].replace("*", "")).wait_for(timeout=240_000)
    expect(page.locator(highlight.selector(station.page, station.point)).first).to_be_visible()
    expect(head(page)).to_contain_text(station.title)
    PLAYS[station.title](page)
