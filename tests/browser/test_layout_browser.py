"""What stands around every page, in Chromium: the menu stays where it is, the sidebar is never empty, the mathematics is set."""

import re

import pytest
from browsing import PHONE, choose, expect, go, sidebar
from mathematics import unfold
from ready_pages import chart

from rnnkit.engine.cells import CELLS

LAPTOP, PROJECTOR = {"width": 1366, "height": 768}, {"width": 1920, "height": 1080}
TITLES = ("Network", "Steps", "Exploding", "Remedies", "Start", "Sentence", "Vanishing", "Compare", "Corpus", "Lab")
SMALL = {"length": 10, "hidden": 4, "steps": 20, "replicas": 1}


def menu(page):
    """Where the names of the pages stand."""
    links = page.get_by_role("banner").get_by_role("link")
    return links.evaluate_all("all => all.map(a => [a.textContent, a.getBoundingClientRect().x, a.getBoundingClientRect().y])")


def current(page, title):
    expect(page.get_by_role("banner").get_by_role("link", name=title, exact=True)).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize("size", [LAPTOP, PROJECTOR])
def test_the_menu_stays_where_it_is_on_all_pages(server, visit, size):
    page = visit(server.link("/", **SMALL), viewport=size)
    expect(sidebar(page)).to_contain_text("Task")
    before = menu(page)
    assert len(before) > 8
    for title in TITLES:
        go(page, title)
        current(page, title)
        assert menu(page) == before, title
        if title == "Start":
            expect(sidebar(page)).to_be_hidden()
        else:
            expect(sidebar(page)).to_have_text(re.compile(r"\w"))
            assert sidebar(page).bounding_box()["width"] == 330


def test_no_empty_sidebar_stays_where_a_page_has_none(server, visit):
    """Streamlit took it away at the next rerun: never, where the run had ended and the page came in one piece."""
    page = visit(server.link("/", **SMALL), viewport=LAPTOP)
    expect(sidebar(page)).to_contain_text("Task")
    for title in ("Start", "Sentence") * 4 + ("Papers", "Sentence", "How far?", "Sentence", "Start"):
        go(page, title)
        current(page, title)
        if title == "Sentence":
            expect(sidebar(page)).to_have_text(re.compile(r"\w"))
        else:
            expect(sidebar(page)).to_be_hidden(timeout=5000)


def test_a_double_click_opens_what_it_is_on(server, visit):
    """The first click had moved the menu by the sidebar's width, and the second hit another page."""
    page = visit(server.link("/", **SMALL), viewport=LAPTOP)
    expect(sidebar(page)).to_contain_text("Task")
    page.get_by_role("link", name="Exploding", exact=True).dblclick()
    expect(page.get_by_role("heading", name="Why does it explode?")).to_be_visible()
    page.wait_for_timeout(1500)
    current(page, "Exploding")


def test_the_menu_of_a_narrow_window_closes_after_a_choice_and_not_after_a_setting(server, visit):
    page = visit(server.link("/", **SMALL), viewport=PHONE)
    expect(page.locator(".heatmap")).to_be_visible()
    for title, question in (("Network", "What is a recurrent network?"), ("Vanishing", "Why does it vanish?")):
        page.get_by_role("button", name="Expand sidebar").click()
        page.get_by_role("link", name=title, exact=True).click()
        expect(page.get_by_role("heading", name=question)).to_be_visible()
        expect(sidebar(page)).to_have_attribute("data-collapsed", "true")
    page.get_by_role("button", name="Expand sidebar").click()
    seed = sidebar(page).get_by_role("spinbutton", name="Seed")
    seed.fill("3")
    seed.press("Enter")
    expect(page).to_have_url(re.compile("seed=3"))
    expect(sidebar(page)).to_have_attribute("data-collapsed", "false")


@pytest.mark.parametrize("words", [8, 12])
@pytest.mark.parametrize("view", [{}, {"present": 1}, {"tour": "1"}])
def test_verb_probability_and_loss_are_in_sight_on_a_laptop(server, visit, view, words):
    """Reached by a click from a page with a sidebar, in the usual view, in the presenter's and on the tour."""
    place = {"steps_words": words, "steps_at": 2 * words + 1, "steps_weights": "trained"}
    page = visit(server.link("/", **place, **SMALL, **view), viewport=LAPTOP)
    expect(sidebar(page)).to_contain_text("Task")
    go(page, "Steps")
    expect(page.get_by_text("Trained just now")).to_be_visible()
    expect(page.locator(".ledger")).to_have_attribute("data-last", str(2 * words + 1))
    for name in (f"loss {words} 0", f"p {words} 1", f"dlogits {words} 1"):
        box = page.locator(f"[data-place='{name}']").bounding_box()
        assert box["x"] > 330 and box["x"] + box["width"] <= LAPTOP["width"], name
    cut = "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"
    assert page.locator(".ledger .number:not(:disabled)").evaluate_all(cut) == []


# ---- mathematics ----


def test_the_mathematics_of_every_cell_is_set(server, visit):
    page = visit(server.link("/steps", steps_weights="untrained"))
    for name, cell in CELLS.items():
        choose(page, "Cell", cell.title, sidebar(page))
        expect(page.locator(".st-key-mathematics")).to_contain_text(f"The mathematics of this cell: {cell.title}")
        wrong, formulas = unfold(page)
        assert wrong == [] and formulas > 4, name


def test_displayed_equations_stand_on_lines_of_their_own():
    from pages.ui.layout import DISPLAYED

    text = "so\n$$a = b, \\qquad\nc = d .$$\nand"
    assert DISPLAYED.sub(r"\n\n$$\n\1\n$$\n\n", text) == "so\n\n$$\na = b, \\qquad\nc = d .\n$$\n\nand"


# ---- small things ----


@pytest.mark.parametrize("deep", ["/lab/xyz", "/lab/xyz/", "/lab/sub/vanishing?length=12"])
def test_an_address_below_a_page_is_not_blank(server, visit, problems, deep):
    """It is the page of its last part; one that there is not is said not to exist, and the start is shown."""
    page = visit(server.url + deep)
    expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible()
    if "vanishing" in deep:
        expect(page.get_by_role("heading", name="Why does it vanish?")).to_be_visible()
        expect(page).to_have_url(re.compile("^[^?]*/vanishing.*length=12"))
    problems[:] = [problem for problem in problems if "404" not in problem and "does not seem to exist" not in problem]


def test_a_number_out_of_range_says_why_beside_its_field(server, visit):
    page = visit(server.link("/", **SMALL), viewport=LAPTOP)
    field = sidebar(page).get_by_role("spinbutton", name="Sequence length T")
    field.fill("50000")
    field.press("Enter")
    said = sidebar(page).get_by_text("Please enter a value between 7 and")
    expect(said).to_be_visible()
    box, below = said.bounding_box(), field.bounding_box()
    assert box["height"] > 20 and box["width"] > 150 and 0 <= box["y"] - below["y"] - below["height"] < 20
    field.fill("12")
    field.press("Enter")
    expect(page).to_have_url(re.compile("length=12"))
    expect(said).to_have_count(0)


def test_smaller_numbers_can_be_had_by_minus(server, visit):
    """T = 10 had a dead minus button, because ten less is no length."""
    page = visit(server.link("/", **SMALL), viewport=LAPTOP)
    field = sidebar(page).get_by_role("spinbutton", name="Sequence length T")
    field.locator("xpath=ancestor::*[@data-testid='stNumberInput']").get_by_role("button", name="Decrement").click()
    expect(field).to_have_value("9")
    expect(page).to_have_url(re.compile("length=9"))


def test_nothing_below_moves_while_it_is_computed(server, visit):
    page = visit(server.link("/vanishing", length=150, hidden=128, replicas=4), viewport=LAPTOP)  # seconds of computing
    expect(page.locator(".st-key-vanishing_numbers")).to_be_visible()
    expect(chart(page, "Share of the gradient")).to_have_count(1)
    page.evaluate(
        """() => {
            const below = [...document.querySelectorAll("h4")].find(e => e.innerText.startsWith("Where does it arrive"));
            const main = document.querySelector("[data-testid=stMain]");
            window.seen = { tops: new Set(), computing: 0 };
            setInterval(() => {
                window.seen.tops.add(Math.round(below.getBoundingClientRect().top));
                window.seen.computing += main.innerText.includes("computing ...");
            }, 20);
        }"""
    )
    page.get_by_role("radio", name="100", exact=True).locator("..").click()
    page.wait_for_function("() => window.seen.computing > 1")
    expect(page.locator(".st-key-vanishing_numbers")).to_be_visible()
    expect(page.get_by_text("computing ...")).to_have_count(0)
    tops = page.evaluate("() => [...window.seen.tops]")
    assert max(tops) - min(tops) < 40, tops
