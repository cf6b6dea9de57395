"""The first screen of Steps shows the point, in Chromium: words, what is left of the gradient at each, and what multiplies it."""

import re

import numpy as np
import pytest
from browsing import expect
from tour_panel import heard

from pages import steps
from rnnkit.analysis.ledger import Ledger
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment
from rnnkit.rounding import significant

LAPTOP, PROJECTOR = {"width": 1366, "height": 768}, {"width": 1920, "height": 1080}
PRESENT = {"present": 1}
ON_TOP = """parts => parts.map(part => {
    const { left, right, top, bottom } = part.getBoundingClientRect(), root = part.getRootNode();
    const at = root.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return part === at || part.contains(at) || at.contains(part);
})"""
BARS = """buttons => buttons.map(button => {
    const bar = getComputedStyle(button, "::before"), { bottom } = button.getBoundingClientRect();
    return { height: parseFloat(bar.height), shown: bar.display !== "none", opacity: +bar.opacity };
})"""


def opened(visit, server, size=LAPTOP, **link):
    page = visit(server.link("/steps", **link), viewport=size)
    if "tour" in link:  # its question covers the page
        heard(page, int(link["tour"]))
        page.keyboard.press("PageDown")
    expect(page.locator(".ledger")).to_have_attribute("data-at", re.compile(r"\d+"))
    return page


def norms(**settings):
    e = Experiment(length=8, hidden=3, replicas=1, steps=steps.STEPS, **settings)
    x = steps.sentences(8)[0].copy()
    x[1] = steps._subjects(x)[1]
    return np.linalg.norm(Ledger(e.cell, draw_weights(e, e.seed), x, 1).values["dh"], axis=1)


@pytest.mark.parametrize(
    "size, more",
    [
        (LAPTOP, {}),
        (PROJECTOR, {}),
        (LAPTOP, {"present": 1}),
        (LAPTOP, {"tour": 4}),
        (LAPTOP, {"steps_cell": "lstm", "present": 1}),
    ],
    ids=["laptop", "projector", "presented", "tour", "lstm, presented"],
)
def test_words_bars_factors_and_weights_are_on_the_first_screen_and_nothing_lies_over_them(server, visit, size, more):
    page = opened(visit, server, size, **more)
    last = int(page.locator(".ledger").get_attribute("data-last"))
    for _ in range(2):  # where it begins, and at the end, with the longest equation
        parts = page.locator(".ledger :is(thead .word, .norm .number, .factor, .maps, .scale)")
        assert parts.count() >= 8 + 8 + 7 + 2
        for box in (part.bounding_box() for part in parts.all()):
            assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"], box
            assert box["y"] >= 0 and box["y"] + box["height"] <= size["height"], box
        assert all(parts.evaluate_all(ON_TOP)), "nothing covers them"
        page.locator(".ledger").focus()
        page.keyboard.press("End")
        expect(page.locator(".ledger")).to_have_attribute("data-at", str(last))


def test_the_bars_stand_under_their_words_and_half_as_high_is_half_as_much(server, visit):
    page = opened(visit, server)
    expected = norms()
    words, bars = (page.locator(f".ledger {part}") for part in ("thead .word", ".norm .number"))
    for word, bar in zip(words.all(), bars.all(), strict=True):
        above, below = word.bounding_box(), bar.bounding_box()
        assert abs(below["x"] + below["width"] / 2 - above["x"] - above["width"] / 2) < 2
        assert 0 <= below["y"] - above["y"] - above["height"] < 4, "directly"
    drawn = bars.evaluate_all(BARS)
    assert all(bar["shown"] and bar["opacity"] < 0.5 for bar in drawn), "pale until they are reached"
    highest = max(bar["height"] for bar in drawn)
    for bar, norm in zip(drawn, expected, strict=True):
        assert bar["height"] == pytest.approx(max(3, highest * norm / expected.max()), abs=1)
    page.locator(".ledger").focus()
    page.keyboard.press("End")
    expect(page.locator(".factor.reached")).to_have_count(7)
    assert all(bar["opacity"] == 1 for bar in bars.evaluate_all(BARS))


def test_the_factors_are_the_ratios_of_neighbouring_norms_and_stand_between_their_words(server, visit):
    page = opened(visit, server)
    ratios = norms()[:-1] / norms()[1:]
    words, factors = page.locator(".ledger thead .word").all(), page.locator(".ledger .factor").all()
    for t, (factor, ratio) in enumerate(zip(factors, ratios, strict=True)):
        assert factor.inner_text() == f"× {significant(ratio, 2).removeprefix('0')}"
        assert factor.get_attribute("title").endswith(f"= {significant(ratio)}")
        box, right = factor.bounding_box(), words[t + 1].bounding_box()
        assert abs(box["x"] + box["width"] / 2 - right["x"]) < 3
    page.locator(".ledger").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".phase")).to_contain_text("backward: from word 6 to word 5")
    expect(page.locator(".phase")).to_contain_text(factors[4].inner_text())
    expect(page.locator(".factor.reached")).to_have_count(3)


def test_no_factor_stands_where_the_gradient_is_cut(server, visit):
    page = opened(visit, server, steps_cut=5)
    assert page.locator(".factor").all_inner_texts()[0] == "cut"
    assert page.locator(".factor").count() == 5


def test_the_pointer_reads_a_weight(server, visit):
    page = opened(visit, server)
    W = draw_weights(Experiment(length=8, hidden=3, replicas=1), 0)["W_rec"]
    cells, name = page.locator(".maps .grid span"), page.locator(".weights figcaption")
    expect(name).to_have_text("Wrec")
    assert len({cell.evaluate("e => getComputedStyle(e).backgroundColor") for cell in cells.all()}) == 9
    cells.nth(5).hover()
    expect(name).to_have_text(f"Wrec[2, 3] = {significant(W[1, 2])}".replace("-", "−"))
    page.locator(".phase").hover()
    expect(name).to_have_text("Wrec")
    most = significant(np.abs(W).max(), 2)
    assert page.locator(".scale").inner_text().split() == [f"−{most}", "0", most]


def test_a_step_moves_neither_the_page_nor_the_bars(server, visit):
    page = opened(visit, server)
    bars = page.locator(".ledger .norms")
    before = bars.bounding_box()
    page.locator(".ledger").focus()
    for _ in range(16):
        page.keyboard.press("ArrowRight")
        assert bars.bounding_box() == before


def test_every_label_has_room_in_its_column_and_on_its_line(server, visit):
    page = opened(visit, server, cell="lstm")
    labels = page.locator(".ledger .label")
    assert labels.filter(has_text="Jacobian").count() == 1
    sizes = labels.evaluate_all(
        "all => all.map(e => [e.innerText, e.scrollWidth - e.clientWidth, e.clientHeight, e.closest('tr').className])"
    )
    for text, over, height, kind in sizes:
        assert over <= 0, f"{text!r} is printed over the numbers"
        assert height < 32 or "norm" in kind or "matrix" in kind, f"{text!r} takes two lines"


def test_a_laptop_shows_the_first_numbers_in_the_presenters_view(server, visit):
    page = opened(visit, server, present=1)
    last = page.locator(".ledger button[data-place='a 0 2']").bounding_box()
    assert last["y"] + last["height"] < page.locator(".ledger .panel").bounding_box()["y"]
