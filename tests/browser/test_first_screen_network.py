"""The first screen of Network, in Chromium: it begins at the subject, and Play shows what was measured on that network."""

import re

import numpy as np
import pytest
from browsing import button, expect, until

from rnnkit.analysis.activations import example, gradient_norms, read
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment
from rnnkit.rounding import percent, significant
from rnnkit.tasks import TASKS

LAPTOP, PROJECTOR = {"width": 1366, "height": 768}, {"width": 1920, "height": 1080}
DISCS = """() => {  // colour and opacity of the pulse, which is the only disc of 7 pixels in these colours
    const proto = CanvasRenderingContext2D.prototype, { arc, fill } = proto;
    let radius = null;
    window.discs = [];
    proto.arc = function (x, y, r, ...more) { radius = r; arc.call(this, x, y, r, ...more); };
    proto.fill = function () {
        if (radius === 7) window.discs.push([this.fillStyle, this.globalAlpha]);
        radius = null;
        fill.call(this);
    };
}"""


def opened(visit, server, size=LAPTOP, motion="no-preference", **link):
    page = visit(server.link("/network", **{"length": 10} | link), viewport=size, reduced_motion=motion)
    expect(page.locator(".network")).to_have_attribute("data-t", re.compile(r"\d+"))
    return page


def now(page):
    return page.locator(".network .now").inner_text()


@pytest.mark.parametrize("size, cell, fold", [(LAPTOP, "tanh", 0), (LAPTOP, "lstm", 3), (PROJECTOR, "tanh", 3)])
def test_it_begins_at_the_subject_and_all_of_it_is_on_the_first_screen(server, visit, size, cell, fold):
    page = opened(visit, server, size, cell=cell, network_fold=fold)
    expect(page.locator(".network")).to_have_attribute("data-t", "1")
    subject = TASKS["agreement"].labels(example(Experiment(length=10)).x[:, 0])[1]
    assert now(page).startswith(f"t = 1 “{subject}”")
    parts = [page.locator(f".network {part}") for part in (".play", ".fold input", ".stations", ".told", "canvas", ".foot")]
    for box in (part.bounding_box() for part in parts):
        assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"], box
        assert box["y"] >= 0 and box["y"] + box["height"] <= size["height"], box
    play, slider = parts[0].bounding_box(), parts[1].bounding_box()
    assert play["x"] + play["width"] <= slider["x"], "beside it"
    assert abs(play["y"] + play["height"] / 2 - slider["y"] - slider["height"] / 2) < 12


def test_a_laptop_shows_the_whole_drawing_in_the_presenters_view(server, visit):
    page = opened(visit, server, LAPTOP, present=1)
    canvas = page.locator(".network canvas").bounding_box()
    assert canvas["y"] + canvas["height"] <= LAPTOP["height"], canvas


def followed(page):
    """Presses Play; returns what was said at each moment until it stops."""
    page.locator(".network").evaluate("""e => {
        const now = e.querySelector(".now");
        window.said = [];
        new MutationObserver(() => window.said.push([e.dataset.returned, now.innerText])).observe(now, { childList: true });
    }""")
    button(page, "▶ Play").click()
    expect(page.locator(".network")).to_have_attribute("data-playing", "true")
    expect(page.locator(".network")).to_have_attribute("data-playing", "false")
    return [text for _, text in page.evaluate("window.said")]


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_play_goes_to_the_verb_and_back_with_the_measured_numbers(server, visit, motion):
    """At 1366 pixels all ten words are drawn, so every number is that of one step."""
    page = opened(visit, server, motion=motion, network_fold=3)
    assert page.locator(".network").get_attribute("data-columns").split() == [str(t) for t in range(10)]
    said = followed(page)
    e = Experiment(length=10)
    weights, batch = draw_weights(e, e.seed), example(Experiment(length=10))
    states = [read(e, weights, version.x[:, 0]).parts["h"] for version in e.bound_task.versions(batch).values()]
    apart = np.linalg.norm(states[0] - states[1], axis=1)
    norms = gradient_norms(e, weights, batch.x[:, 0], batch.y[-1, 0])["h"]
    for t in range(2, 10):
        assert any(text.startswith(f"t = {t} ") and f": {percent(apart[t] / apart[1])} of the" in text for text in said), t
    back = [text for text in said if "dL/dh" in text]
    for t in range(1, 9):
        factor, left = (significant(norms[t] / norms[u], 2) for u in (t + 1, 9))
        assert any(f"× {factor.removeprefix('0')}, {left} of it left" in text for text in back), t
    assert said.index(back[0]) > max(i for i, text in enumerate(said) if "difference" in text), "first forward, then back"
    drawing = page.locator(".network")
    expect(drawing).to_have_attribute("data-t", "1")
    expect(drawing).to_have_attribute("data-returned", "1")
    page.locator(".network canvas").focus()
    page.keyboard.press("ArrowRight")
    expect(drawing).to_have_attribute("data-returned", "")


def test_the_numbers_are_those_of_the_network_that_is_shown(server, visit):
    page = opened(visit, server, motion="reduce", network_fold=3, network_time=5, steps=60)
    untrained = now(page)
    assert "of the difference from" in untrained
    page.get_by_role("radio", name="after 60 training steps").click()
    until(lambda: now(page) != untrained, "the trained network's number", wait=lambda s: page.wait_for_timeout(1000 * s))
    assert "of the difference from" in now(page)


def test_a_task_without_two_versions_has_a_way_back_alone(server, visit):
    page = opened(visit, server, motion="reduce", network_fold=3, task="adding")
    said = followed(page)
    assert any("dL/dh" in text for text in said) and not any("difference" in text for text in said)


def test_the_pulse_loses_its_colour_forward_and_has_that_of_the_gradient_on_its_way_back(server, visit):
    page = opened(visit, server, network_fold=3)
    page.evaluate(DISCS)
    followed(page)
    accent = page.locator(".network").evaluate("e => getComputedStyle(e).getPropertyValue('--st-primary-color').trim()")
    discs = page.evaluate("window.discs")
    forward = [alpha for style, alpha in discs if style == accent and 0 < alpha < 1]  # 1: from the word into the state
    assert len(forward) > 20 and forward == sorted(forward, reverse=True) and forward[0] > 0.6 and forward[-1] < 0.05
    colours = list(dict.fromkeys(style for style, alpha in discs if alpha == 1 and style != accent))
    light = [sum(int(style[k : k + 2], 16) for k in (1, 3, 5)) for style in colours]
    assert len(colours) > 8 and light[0] > light[-1], "from bright to dark"
