"""The handout, in a real browser without a network."""

import json
from copy import copy
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import altair as alt
import numpy as np
import pytest
from exported_runs import RUNS, made, run

from rnnkit import train
from rnnkit.corpus import read_corpus
from rnnkit.engine.history import History
from rnnkit.export import images
from rnnkit.export.figures import figures
from rnnkit.export.handout import handout
from rnnkit.tasks.data import STORE

EVIL = "</script><script>evil=1</script><img/src=x/onerror=evil=2>"


@pytest.fixture
def opened(browser, tmp_path):
    """opened(html, **context options) -> the page, from disk, all charts drawn. Nothing may be asked for or go wrong."""
    contexts, heard = [], SimpleNamespace(asked=[], wrong=[])

    def open_(html, **options):
        path = tmp_path / "run.html"
        path.write_text(html, "utf-8")
        contexts.append(browser.new_context(**({"viewport": {"width": 1280, "height": 1000}} | options)))
        page = contexts[-1].new_page()
        page.on("console", lambda message: heard.wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: heard.wrong.append(str(error)))
        page.on("request", lambda request: heard.asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_function(
            "document.querySelectorAll('[data-chart] svg').length === document.querySelectorAll('.chart').length"
        )
        return page

    open_.wrong, open_.asked = heard.wrong, heard.asked
    yield open_
    for context in contexts:
        context.close()
    assert heard.wrong == []
    assert {url.partition(":")[0] for url in heard.asked} == {"file"} and len(heard.asked) == len(contexts)


def hover(page, i, x, y):
    """The tooltip at this place of chart i's marks, in shares of their extent."""
    plot = page.locator(".chart").nth(i).locator("svg .role-frame > g > path.background").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    for d in (2, 0):
        page.mouse.move(box["x"] + x * box["width"] + d, box["y"] + y * box["height"])
    page.wait_for_selector("#vg-tooltip-element.visible")
    keys, values = (page.locator(f"#vg-tooltip-element td.{name}").all_inner_texts() for name in ("key", "value"))
    return dict(zip(keys, values, strict=True))


def test_a_handout_opens_from_disk_and_shows_exact_numbers_on_hover(opened):
    h = run("plain")
    page = opened(handout(h, link="https://example.org/?v=1&task=agreement"))
    assert page.locator("h1").inner_text() == "tanh: agreement, 10 time steps"
    assert page.locator(".gradient svg .mark-rect.role-mark path").count() == 13 * 10
    assert (
        len(
            set(
                page.locator(".gradient svg .mark-rect.role-mark path").evaluate_all(
                    "all => all.map(p => p.getAttribute('fill'))"
                )
            )
        )
        > 20
    )
    tip = hover(page, 0, 0.05, 0.5)
    assert (tip["training step"], tip["t"]) == ("6", f"0 “{RUNS['plain'].bound_task.example_labels(10)[0]}”")
    assert np.float32(tip["‖dL/dhₜ‖"]) == h.profile(6, 7)[0, 0]
    tip = hover(page, 1, 0.5, 0.2)
    assert tip["training step"] == "6" and float(tip["median"]) == pytest.approx(np.median(h.loss[6]), rel=1e-6)
    assert page.locator("a").get_attribute("href") == "https://example.org/?v=1&task=agreement"


def test_the_policy_forbids_every_request(opened):
    page = opened(handout(run("plain")))
    assert page.evaluate("fetch('https://example.org').then(() => '', error => String(error))")
    assert len(opened.wrong) == 2 and all("default-src" in text or "Security Policy" in text for text in opened.wrong)
    opened.wrong.clear()
    policy = page.locator("meta[http-equiv]").get_attribute("content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe-eval" not in policy


@pytest.mark.parametrize("name", ["lstm", "diverged", "padded", "long", "reservoir"])
def test_handouts_of_all_kinds_of_runs(opened, name):
    h = run(name)
    page = opened(handout(h))
    expected = len(h.parts) + (2 if name == "reservoir" else 4)
    assert page.locator(".chart svg").count() == expected
    labels = page.locator(".chart").evaluate_all("all => all.map(c => [c.getAttribute('role'), c.getAttribute('aria-label')])")
    assert all(role == "img" and label.startswith("Chart: ") for role, label in labels)
    assert page.locator("section[aria-labelledby=numbers] tr").count() == 1 + h.e.replicas
    if name == "diverged":
        assert "became NaN" in page.locator(".finding").first.inner_text() and hover(page, 0, 0.5, 0.9)["‖dL/dhₜ‖"] == "NaN"
    if name == "padded":
        assert hover(page, 0, 0.01, 0.5)["‖dL/dhₜ‖"] == "no sequence yet"


def test_headings_language_and_widths(opened):
    page = opened(handout(run("lstm"), script="import torch"), viewport={"width": 390, "height": 844}, color_scheme="dark")
    levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in pairwise(levels))
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    words = page.locator("p, td, th, figcaption, code, svg text")
    assert min(words.evaluate_all("all => all.map(e => parseFloat(getComputedStyle(e).fontSize))")) >= 16
    assert page.evaluate("getComputedStyle(document.querySelector('svg text')).fill") == "rgb(195, 203, 211)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('svg text')).fill") == "rgb(61, 72, 82)"


def test_what_users_write_stays_text(opened):
    lines = [f"the {EVIL} x{i} cats\t{'plural' if i % 2 else 'singular'}" for i in range(400)]
    corpus = read_corpus("\n".join(["prefix\tlabel", *lines]).encode(), "<img src=x onerror=evil=3>.tsv")
    name = STORE.put(corpus)
    try:
        e = replace(RUNS["padded"], data=name, length=4, steps=2)
        page = opened(handout(History.of(e, train(e)), link=f"javascript:{EVIL}", script=EVIL))
        assert "<img src=x onerror=evil=3>.tsv" in page.locator("table.settings").inner_text()
        assert "</script>" in page.locator(".gradient svg").text_content()
        assert EVIL in hover(page, 0, 0.4, 0.5)["t"]
        assert page.locator("details code").last.text_content() == EVIL
        assert page.locator("img").count() == 0 and page.locator("a").count() == 0 and page.locator("script").count() == 3
        assert page.evaluate("typeof evil") == "undefined"
    finally:
        STORE.drop(name)


def test_the_policy_would_stop_what_escaping_missed(opened):
    html = handout(run("plain")).replace(
        "</main>", "<script>window.evil = 1</script><img src=x onerror='window.evil = 2'></main>"
    )
    page = opened(html)
    assert page.evaluate("typeof evil") == "undefined"
    assert len([text for text in opened.wrong if "Content Security Policy" in text]) >= 2
    opened.wrong.clear()
    opened.asked.pop()  # for the picture beside the file


def test_a_run_that_goes_on_meanwhile():
    h = copy(run("plain"))
    h.n = 4
    html = handout(h)
    assert "at training step 3 of 12" in html and "at step 3 (median)" in html


def test_no_gradient_at_the_end_is_none_and_not_nan():
    h = made(np.zeros((2, 7)))
    h.loss[:] = 0
    rows = handout(h).partition("Numbers of each network")[2].partition("</table>")[0]
    assert "<td>none</td>" in rows and "NaN<" not in rows and "Learnt at training step" in rows


def test_a_handout_is_small_and_complete_without_its_script():
    html = handout(run("plain"))
    assert len(html.encode()) < 1.5e6
    assert html.count(images.javascript()) == 1
    body = html[: html.index('<script type="application/json"')]
    assert "of what it is at the verb" in body and "<noscript>" in body
    assert json.loads(body[body.index("{&quot;version") :].partition("</code>")[0].replace("&quot;", '"'))["length"] == 10


def test_the_charts_are_vega_lite_that_others_can_read():
    html = handout(run("padded"))
    specs = json.loads(html.partition('id="specs">')[2].partition("</script>")[0])
    assert [isinstance(alt.Chart.from_dict(spec), alt.LayerChart) for spec in specs] == [True] * len(figures(run("padded")))
