"""Access: axe-core on every page in light and dark, the keyboard, descriptions that state the finding, words that can be read,
mathematics that is set, reduced motion. Each page is opened once for all of it.

axe-core (https://github.com/dequelabs/axe-core) finds what a program can find against WCAG 2.1 AA; nothing of impact serious
or critical may be left, on any page, in any part of it, Streamlit's own included.
"""

import re
from pathlib import Path

import pytest
from browsing import STILL, button, expect, heatmap, listen, until
from colour_contrast import contrast
from mathematics import RAW, unfold
from ready_pages import BACK, SMALL, chart, link
from ready_pages import ready as content

from pages.ui import registry

axe = pytest.importorskip("axe_playwright_python", reason="needs axe-core: pip install axe-playwright-python")
AXE = Path(axe.__file__).with_name("axe.min.js").read_text("utf-8")
RUN = """async () => {
    const { violations } = await axe.run(document, {
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], resultTypes: ["violations"] });
    return violations.filter(v => ["serious", "critical"].includes(v.impact)).flatMap(v => v.nodes.map(node =>
        `${v.id}: ${node.target.flat().at(-1)} ${node.html.slice(0, 120)} ${node.any[0]?.message ?? ""}`));
}"""
CALM = "[data-stale=true], [data-testid=stSkeleton], [data-testid=stException]"
FOCUSED = """() => {
    let e = document.activeElement;
    while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(e);
    return { is: e.tagName, found: e.matches(SELECTOR), ring: outlineStyle !== "none" && outlineWidth !== "0px" };
}"""
MOTION = """root => {
    const seen = new Set();
    new MutationObserver(() => seen.add(root.dataset.fold)).observe(root, { attributes: true });
    window.folds = seen;
}"""


def ready(page, name):
    for what in content(name):
        expect((page.locator(what) if what[0] == "." else chart(page, what)).first).to_be_visible()
    expect(page.locator(CALM)).to_have_count(0)


@pytest.fixture(scope="module")
def heard():
    """What went wrong in the tab so far."""
    return []


@pytest.fixture(scope="module")
def tab(tabs, heard):
    """One tab for all pages, whose viewer wants no motion. No message on the console, and no request to anybody else."""
    page = tabs.take(**STILL)
    end = listen(page, heard)
    yield page
    end()
    tabs.give_back(page)
    assert heard == []


@pytest.fixture(scope="module", params=registry.pages())
def opened(request, tab, heard, server):
    """(page, its name), every page once for all tests of this file."""
    tab.goto(link(server, request.param))
    ready(tab, request.param)
    yield tab, request.param
    assert heard == [], request.param


def scheme(page, name):
    page.emulate_media(color_scheme=name)
    until(lambda: (min(map(int, re.findall(r"\d+", page.evaluate(BACK))[:3])) > 200) == (name == "light"), f"a {name} page")


# ---- axe ----


def test_axe_finds_nothing_serious_in_light_and_dark(opened):
    page, name = opened
    found = {}
    page.evaluate(AXE)
    for mode in ("dark", "light"):
        scheme(page, mode)
        ready(page, name)
        found[mode] = page.evaluate(RUN)
    assert found == {"dark": [], "light": []}


# ---- words of a chart's axes and legends, as the browser has drawn them ----

TEXTS = """svg => [...svg.querySelectorAll("[class*=role-axis-] text, [class*=role-legend-] text")].map(e => {
    const { fill, fillOpacity, opacity } = getComputedStyle(e);
    return [e.textContent, fill, fillOpacity * opacity];
})"""


def as_hex(colour):
    return "#" + "".join(f"{int(n):02x}" for n in re.findall(r"\d+", colour)[:3])


def hard_to_read(drawn, back):
    """Words of less contrast than 4.5 with the page, half transparent ones, and those of a chart that is just being replaced."""
    words = [
        (text, fill and round(contrast(as_hex(fill), back), 1), n) for text, fill, n in drawn.evaluate(TEXTS) if text.strip()
    ]
    return [word for word in words if not word[1] or (word[2] and (word[1] < 4.5 or word[2] < 1))]


@pytest.mark.parametrize("mode", ["dark", "light"])
def test_words_of_a_chart_can_be_read(opened, mode):
    page, name = opened
    charts = [begins for begins in content(name) if begins[0] != "."]
    if not charts:
        pytest.skip("no chart stands here")
    scheme(page, mode)
    ready(page, name)
    back = as_hex(page.evaluate(BACK))
    assert (contrast(back, "#000000") < 2) == (mode == "dark")
    for begins in charts:
        drawn = chart(page, begins).first
        expect(drawn.locator("text").first).to_be_attached()
        until(lambda drawn=drawn: not hard_to_read(drawn, back), f"words that can be read, not {hard_to_read(drawn, back)}")
        assert len([text for text, *_ in drawn.evaluate(TEXTS) if text.strip()]) > 3, begins


# ---- the keyboard ----


def tab_to(page, selector, most=120):
    """Tab, from the beginning of the page's content on, to the first such element; every stop on the way can be seen."""
    page.get_by_test_id("stMain").focus()
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED.replace("SELECTOR", repr(selector)))
        assert stop["ring"] or stop["is"] in ("INPUT", "BODY", "MAIN"), f"a {stop['is']} without a ring"
        if stop["found"]:
            return
    raise AssertionError(f"{selector} is not within {most} stops")


def test_the_keyboard_reaches_the_drawing_and_moves_it(opened):
    page, name = opened
    declared = getattr(registry.pages()[name], "DRAWING", None)
    if declared is None:
        pytest.skip("nothing is drawn here")
    selector, key, changes = declared
    where, _, attribute = changes.rpartition(" ")
    drawing = page.locator(where or selector).first
    expect(button(page, "Pause")).to_have_count(0)  # while it trains, the step that is looked at moves by itself
    tab_to(page, selector)
    before = drawing.get_attribute(attribute)
    page.keyboard.press(key)
    until(lambda: drawing.get_attribute(attribute) != before, f"{key} to change {attribute} from {before}")


# ---- descriptions ----


def test_every_picture_has_a_description_with_its_numbers(opened):
    page, name = opened
    charts = page.get_by_test_id("stVegaLiteChart")
    expect(page.locator("[aria-label$='while it trains'], [aria-label$='being computed']")).to_have_count(0)
    drawings = page.locator(".heatmap, .network canvas, .cliff figure, .reader, .multiples canvas")

    def texts():
        return [place.get_attribute("aria-label") or "" for place in [*charts.all(), *drawings.all()]]

    def undescribed():
        return [text for text in texts() if not re.search(r"\d|not trained yet|NaN", text)]

    assert len(texts()) >= len(content(name)) - 1
    until(lambda: not undescribed(), f"descriptions of {name}", wait=lambda s: page.wait_for_timeout(1000 * s))
    assert page.locator("[data-testid=stVegaLiteChart] svg [role^=graphics-symbol]").count() == 0


def test_no_page_shows_mathematics_unset(opened):
    page, name = opened
    if name not in ("network", "sentence", "vanishing", "exploding", "remedies"):
        pytest.skip("no mathematics stands here")
    if name == "remedies":  # formulas in plain text
        page.locator(".st-key-mathematics summary").click()
        expect(page.locator(".st-key-mathematics")).to_contain_text("Row vectors")
    else:
        wrong, formulas = unfold(page)
        assert wrong == [] and formulas > 4
    main = page.get_by_test_id("stMain")
    assert main.evaluate(RAW) == [] and main.locator(".katex-error").count() == 0


def test_a_live_chart_stays_while_it_trains_and_states_its_finding_at_rest(server, tab):
    """A chart that is mounted anew at every training step flickers, and Streamlit mounts it anew with another description."""
    tab.goto(server.link(**SMALL | {"seed": 5, "steps": 1000}))
    curve = chart(tab, "Training loss")
    expect(curve).to_be_visible()
    curve.evaluate("svg => { svg.mine = true; }")
    expect(heatmap(tab)).to_have_attribute("aria-valuetext", re.compile(r"\w"))  # it has drawn itself
    before = heatmap(tab).get_attribute("aria-valuetext")
    expect(heatmap(tab)).not_to_have_attribute("aria-valuetext", before)
    assert curve.evaluate("svg => svg.mine === true")
    button(tab, "Pause").click()
    finding = re.compile(r"^Training loss: the median network stands at [\d.e-]+ after \d+ training steps; a guesser has 0.69.$")
    expect(curve.locator("xpath=..")).to_have_attribute("aria-label", finding)


# ---- motion ----


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_the_network_unfolds_at_once_for_who_wants_no_motion(server, tab, motion):
    tab.emulate_media(reduced_motion=motion)
    tab.goto(link(server, "network"))
    ready(tab, "network")
    drawing = tab.locator(".network")
    drawing.evaluate(MOTION)
    tab.get_by_role("button", name="Unrolled through time").click()
    expect(drawing).to_have_attribute("data-fold", "3.00")
    between = set(tab.evaluate("() => [...window.folds]")) - {"0.00", "3.00"}
    moving = tab.evaluate("() => document.getAnimations().filter(a => a.effect.getComputedTiming().duration > 10).length")
    tab.emulate_media(reduced_motion="reduce")
    assert bool(between) == (motion == "no-preference")
    assert motion == "no-preference" or not moving
