"""A run to take home: the gradient as a chart, charts as files, tables, and the handout in a real browser without a network."""

import io
import json
import struct
import sys
import xml.etree.ElementTree as ET
import zlib
from copy import copy
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import altair as alt
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

from rnnkit import Experiment, charts, train
from rnnkit.charts.gradient import CELLS, COLUMNS, MEANINGS, picked
from rnnkit.corpus import read_corpus
from rnnkit.export import images, tables
from rnnkit.export.figures import figures, pictured
from rnnkit.export.handout import handout
from rnnkit.fixes import ClipNorm, Truncate
from rnnkit.history import History
from rnnkit.presets import PRESETS
from rnnkit.record import ABSENT, CUT, INF, NAN, NOTHING, ZERO
from rnnkit.tasks import data

SMALL = Experiment(length=10, hidden=8, batch=8, replicas=2, steps=12)
RUNS = {
    "plain": SMALL,
    "lstm": replace(SMALL, cell="lstm"),
    "cut": replace(SMALL, fixes=(Truncate(4), ClipNorm(1.0))),
    "diverged": replace(PRESETS["explodes"].experiment, replicas=3, steps=8),
    "padded": replace(PRESETS["corpus-gru"].experiment, hidden=8, batch=4, replicas=2, steps=6, length=20),
    "long": replace(SMALL, length=1000, batch=2, steps=3),
    "reservoir": Experiment(cell="esn", length=10, hidden=8, batch=8, replicas=2, steps=2),
}
EVIL = "</script><script>evil=1</script><img/src=x/onerror=evil=2>"
KINDS = list(MEANINGS)


@pytest.fixture(scope="module")
def run():
    """run(name) -> the History of one of RUNS, trained once."""
    kept = {}
    return lambda name: kept.setdefault(name, History.of(RUNS[name], train(RUNS[name])))


def made(norms, e=None):
    """A History whose gradients are these (N, T); one network."""
    norms = np.asarray(norms, np.float32)
    e = e or Experiment(length=norms.shape[1], steps=len(norms) - 1, replicas=1)
    history = History(e)
    history.state_grad[:, 0, :, 0] = norms
    for values in (history.loss, history.accuracy, history.norm_raw, history.norm_applied):
        values[:] = 0.5
    history.causes = [("",)] * len(norms)
    history.n = len(norms)
    return history


def cells(chart):
    """What a chart of the gradient draws: steps (N,), columns' texts, norms (N, T) with NaN where there is none, kinds (N, T)."""
    data = chart.to_dict()["datasets"]
    norm = np.array([[np.nan if v is None else v for v in row["norm"]] for row in data["rows"]])
    kind = np.array([row["kind"] for row in data["rows"]])
    return [row["step"] for row in data["rows"]], [c["t"] for c in data["columns"]], norm, kind


# ---- the chart of the gradient ----


def test_the_chart_holds_the_numbers_of_the_history(run):
    h = run("plain")
    steps, _, norm, kind = cells(charts.gradient_chart(h))
    assert steps == h.steps.tolist() and (kind == -1).all()
    np.testing.assert_array_equal(norm.astype(np.float32), h.profile(0, h.n))
    *_, second, _ = cells(charts.gradient_chart(h, replica=1))
    np.testing.assert_array_equal(second.astype(np.float32), h.state_grad[:, 0, :, 1])


def test_both_parts_of_an_lstm(run):
    h = run("lstm")
    for part in (0, 1):
        *_, norm, _ = cells(charts.gradient_chart(h, part))
        np.testing.assert_array_equal(norm.astype(np.float32), h.profile(0, h.n, part))
    assert "dL/dc" in json.dumps(charts.gradient_chart(h, 1).to_dict(), ensure_ascii=False)


def test_zero_cut_nan_inf_and_nothing_are_told_apart():
    norms = np.full((3, 8), 1e-30)
    norms[1, 1:6] = [0, 0, np.nan, np.inf, ABSENT]
    e = Experiment(length=8, steps=2, replicas=1, fixes=(Truncate(6),))
    assert e.first_uncut == 2
    chart = charts.gradient_chart(made(norms, e))
    *_, norm, kind = cells(chart)
    assert kind[1].tolist() == [-1, *(KINDS.index(code) for code in (CUT, ZERO, NAN, INF, NOTHING)), -1, -1]
    assert np.isnan(norm[1, 1:6]).all() and norm[1, 0] == 1e-30  # vanished is a number
    legend = next(layer["encoding"]["color"]["scale"]["domain"] for layer in chart.to_dict()["layer"][1:])
    assert legend == ["exactly 0 (underflow)", "cut by truncation", "NaN or inf", "no word here"]


def test_the_legend_names_what_occurs_and_no_more(run):
    def named(name):
        chart = charts.gradient_chart(run(name)).to_dict()
        return [layer["encoding"]["color"]["scale"].get("domain") for layer in chart["layer"] if "color" in layer["encoding"]][1:]

    assert named("plain") == []
    assert named("cut") == [["cut by truncation"]]
    assert named("diverged") == [["NaN or inf"]]
    assert named("padded") == [["no word here"]]


def test_the_scale_is_that_of_the_live_heatmap(run):
    scale = charts.gradient_chart(run("plain")).to_dict()["layer"][0]["encoding"]["color"]["scale"]
    assert scale == {"type": "log", "domain": [1e-12, 1e4], "scheme": "viridis", "clamp": True}


def test_a_long_sequence_and_a_long_training_are_thinned_evenly_and_say_so():
    h = made(np.random.default_rng(0).lognormal(size=(301, 1000)))
    chart = charts.gradient_chart(h)
    steps, times, norm, _ = cells(chart)
    assert norm.size <= CELLS and norm.shape[1] == COLUMNS
    assert steps[0] == 0 and steps[-1] == h.steps[-1] == 300
    assert times[0].startswith("0") and times[-1].startswith("999")
    rows, columns = picked(301, len(steps)), picked(1000, COLUMNS)
    assert np.ptp(np.diff(columns)) <= 1 and np.ptp(np.diff(rows)) <= 1
    np.testing.assert_array_equal(norm.astype(np.float32), h.state_grad[rows][:, 0, columns, 0])
    text = json.dumps(chart.to_dict())
    assert "(120 of 1,000 steps drawn)" in text and f"({len(steps)} of 301 records drawn)" in text


def test_cells_cover_the_plot_without_a_gap_and_hold_their_own_step(run):
    found = charts.gradient_chart(run("plain")).to_dict()["datasets"]
    assert found["rows"][0]["from"] == 0 and found["rows"][-1]["to"] == 12
    assert all(a["to"] == b["from"] for a, b in pairwise(found["rows"]))
    assert all(row["from"] <= row["step"] <= row["to"] for row in found["rows"])
    assert [found["columns"][0]["left"], found["columns"][-1]["right"]] == [-0.5, 9.5]


def test_a_run_that_has_just_begun_and_one_that_has_not():
    h = made(np.ones((5, 8)))
    h.n = 1
    assert cells(charts.gradient_chart(h))[0] == [0]
    h.n = 0
    for make in (charts.gradient_chart, handout):
        with pytest.raises(ValueError, match="at least one record"):
            make(h)


# ---- pictures ----


def pixels(data):
    """(H, W, channels) of a PNG of 8 bits, all rows' filters undone."""
    at, packed, head = 8, b"", b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        chunk = data[at + 8 : at + 8 + size]
        head, packed = (chunk if kind == b"IHDR" else head), packed + (chunk if kind == b"IDAT" else b"")
        at += 12 + size
    width, height, depth, colours = struct.unpack(">IIBB", head[:10])
    assert depth == 8
    n = {2: 3, 6: 4}[colours]
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * n)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return width, height, rows


@pytest.fixture(scope="module")
def drawn(run):
    """{name: (svg, png)} of all figures of the run that was cut, from one process."""
    h = run("cut")
    every = figures(h)
    files = images.images([(pictured(f, h), form) for f in every for form in ("svg", "png")])
    return {f.name: (files[2 * i], files[2 * i + 1]) for i, f in enumerate(every)}


def test_every_figure_as_a_file(drawn):
    assert list(drawn) == ["gradient-h", "loss", "accuracy", "weights"]
    for svg, png in drawn.values():
        root = ET.fromstring(svg)
        assert root.tag.endswith("svg") and float(root.get("width")) > images.WIDTH
        width, height, rows = pixels(png)
        assert width == pytest.approx(images.SCALE * float(root.get("width")), abs=2)
        assert height == pytest.approx(images.SCALE * float(root.get("height")), abs=2)
        assert len(np.unique(rows)) > 10


def test_an_svg_has_its_cells_its_title_and_its_words(drawn):
    root = ET.fromstring(drawn["gradient-h"][0])
    texts = ["".join(e.itertext()) for e in root.iter() if e.tag.endswith("text")]
    assert "Gradient dL/dh through time (median of 2 networks)" in texts and "cut by truncation" in texts
    assert "tanh: agreement, 10 steps · 2 networks, seeds 0 to 1" in texts
    groups = [e for e in root.iter() if "mark-rect role-mark" in e.get("class", "")]
    assert sum(len(group) for group in groups) == 13 * 10
    grey = [p for group in groups for p in group if p.get("fill") == "#dde3e9"]
    assert len(grey) == 13 * RUNS["cut"].first_uncut


def test_light_and_dark(run):
    chart = charts.loss_chart(steps=3)
    light, dark = (images.standalone(chart, dark=d) for d in (False, True))
    assert light["background"] == "#ffffff" and dark["background"] == images.DARK["background"]
    assert images.standalone({"width": 10})["width"] == 10 and light["width"] == images.WIDTH
    assert light["config"]["axis"]["labelFontSize"] == 14, "the chart's own settings stay"
    assert images.DARK["background"] in images.svg(chart, dark=True)


@pytest.mark.parametrize("spec", [{"mark": "nonsense"}, {"mark": "bar", "data": {"url": "https://example.org/x.csv"}}])
def test_what_cannot_be_drawn_says_so(spec):
    with pytest.raises(images.ImageError, match=r"the picture could not be made: .+"):
        images.svg(spec)


def test_a_picture_that_takes_too_long_is_given_up():
    with pytest.raises(images.ImageError, match=r"not ready within 0\.01 s"):
        images.images([({"mark": "bar"}, "svg")], seconds=0.01)
    assert not images._turn.locked()


def test_one_picture_at_a_time():
    with images._turn, pytest.raises(images.ImageError, match=r"waited 0\.01 s"):
        images.images([({"mark": "bar"}, "svg")], seconds=0.01)


def test_a_process_that_dies_without_a_word(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(images.ImageError, match="ended with 1"):
        images.png({"mark": "bar"})


def test_the_server_never_loads_the_engine_or_torch(in_fresh_python):
    code = (
        "import sys\nfrom rnnkit.export import figures, handout, images, tables\n"
        "images.svg({'mark': 'point', 'data': {'values': [{}]}})\n"
        "print('vl_convert' in sys.modules, 'torch' in sys.modules)"
    )
    assert in_fresh_python(code).split() == ["False", "False"]


# ---- tables ----


@pytest.fixture
def odd():
    """A run with all that a number can be."""
    norms = np.ones((2, 7))
    norms[0, :4], norms[1, :4] = [1e-38, 0, 0.1, 3.4e38], [np.nan, np.inf, ABSENT, 1 / 3]
    h = made(norms)
    h.loss[:, 0], h.accuracy[1], h.diverged[1] = [np.inf, np.nan], np.nan, 1
    h.causes = [("",), ('h at "t = 3", <b>',)]
    return h


@pytest.mark.parametrize("form", tables.FORMATS)
def test_tables_give_the_numbers_back(odd, form):
    read = (
        (lambda data: pd.read_csv(io.BytesIO(data), keep_default_na=False, na_values=["nan"]))
        if form == "csv"
        else pd.read_parquet
    )
    wrap = (lambda data: data) if form == "csv" else io.BytesIO
    records = read(wrap(tables.records(odd, form)))
    assert list(records) == ["step", "replica", *tables.COLUMNS, "cause"]
    for name, attribute in tables.COLUMNS.items():
        np.testing.assert_array_equal(records[name], getattr(odd, attribute)[:, 0], err_msg=name)
    assert records["cause"].tolist() == ["", 'h at "t = 3", <b>']
    gradients = read(wrap(tables.gradients(odd, form)))
    assert list(gradients) == ["step", "part", "t", "replica", "norm"]
    assert gradients[["step", "t"]].to_numpy().tolist() == [[i, t] for i in (0, 1) for t in range(7) if (i, t) != (1, 2)]
    there = odd.state_grad[odd.state_grad != ABSENT]
    np.testing.assert_array_equal(gradients["norm"].to_numpy().astype(np.float32), there)


@pytest.mark.parametrize("name", ["lstm", "padded", "long"])
def test_gradients_of_real_runs(run, name, monkeypatch):
    monkeypatch.setattr(tables, "AT_ONCE", 500)  # several pieces
    h = run(name)
    table = pd.read_parquet(io.BytesIO(tables.gradients(h, "parquet")))
    again = np.full_like(h.state_grad[: h.n], ABSENT)
    row = {step: i for i, step in enumerate(h.steps)}
    part = [h.parts.index(p) for p in table["part"]]
    again[table["step"].map(row), part, table["t"], table["replica"]] = table["norm"]
    np.testing.assert_array_equal(again, h.state_grad[: h.n])
    assert (again == ABSENT).any() == (name == "padded")
    assert len(pd.read_csv(io.BytesIO(tables.gradients(h, "csv")))) == len(table)


def test_a_parquet_file_carries_its_experiment(run):
    for write in (tables.records, tables.gradients):
        schema = pyarrow.parquet.read_schema(io.BytesIO(write(run("lstm"), "parquet")))
        assert Experiment.from_json(schema.metadata[b"rnnkit.experiment"].decode()) == RUNS["lstm"]


@pytest.mark.parametrize("form", tables.FORMATS)
def test_tables_of_nothing(form):
    h = History(SMALL)
    assert tables.records(h, form) and tables.gradients(h, form)
    with pytest.raises(ValueError, match="unknown form 'xls'"):
        tables.records(h, "xls")


# ---- the handout ----


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


def test_a_handout_opens_from_disk_and_shows_exact_numbers_on_hover(run, opened):
    h = run("plain")
    page = opened(handout(h, link="https://example.org/?v=1&task=agreement"))
    assert page.locator("h1").inner_text() == "tanh: agreement, 10 steps"
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
    assert (tip["training step"], tip["t"]) == ("6", f"0 “{RUNS['plain'].bound_task.example(10)[0]}”")
    assert np.float32(tip["‖dL/dhₜ‖"]) == h.profile(6, 7)[0, 0]
    tip = hover(page, 1, 0.5, 0.2)
    assert tip["training step"] == "6" and float(tip["median"]) == pytest.approx(np.median(h.loss[6]), rel=1e-6)
    assert page.locator("a").get_attribute("href") == "https://example.org/?v=1&task=agreement"


def test_the_policy_forbids_every_request(run, opened):
    page = opened(handout(run("plain")))
    assert page.evaluate("fetch('https://example.org').then(() => '', error => String(error))")
    assert len(opened.wrong) == 2 and all("default-src" in text or "Security Policy" in text for text in opened.wrong)
    opened.wrong.clear()
    policy = page.locator("meta[http-equiv]").get_attribute("content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe-eval" not in policy


@pytest.mark.parametrize("name", ["lstm", "diverged", "padded", "long", "reservoir"])
def test_handouts_of_all_kinds_of_runs(run, opened, name):
    h = run(name)
    page = opened(handout(h))
    expected = len(h.parts) + (2 if name == "reservoir" else 3)
    assert page.locator(".chart svg").count() == expected
    labels = page.locator(".chart").evaluate_all("all => all.map(c => [c.getAttribute('role'), c.getAttribute('aria-label')])")
    assert all(role == "img" and label.startswith("Chart: ") for role, label in labels)
    assert page.locator("section[aria-labelledby=numbers] tr").count() == 1 + h.e.replicas
    if name == "diverged":
        assert "became NaN" in page.locator(".finding").first.inner_text() and hover(page, 0, 0.5, 0.9)["‖dL/dhₜ‖"] == "NaN"
    if name == "padded":
        assert hover(page, 0, 0.01, 0.5)["‖dL/dhₜ‖"] == "no word here"


def test_headings_language_and_widths(run, opened):
    page = opened(handout(run("lstm"), script="import torch"), viewport={"width": 390, "height": 844}, color_scheme="dark")
    levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in pairwise(levels))
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    words = page.locator("p, td, th, figcaption, code, svg text")
    assert min(words.evaluate_all("all => all.map(e => parseFloat(getComputedStyle(e).fontSize))")) >= 16
    assert page.evaluate("getComputedStyle(document.querySelector('svg text')).fill") == "rgb(230, 234, 238)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('svg text')).fill") == "rgb(38, 48, 58)"


def test_what_users_write_stays_text(opened):
    lines = [f"the {EVIL} x{i} cats\t{'plural' if i % 2 else 'singular'}" for i in range(400)]
    corpus = read_corpus("\n".join(["prefix\tlabel", *lines]).encode(), "<img src=x onerror=evil=3>.tsv")
    name = data.keep(corpus)
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
        data.drop(name)


def test_the_policy_would_stop_what_escaping_missed(run, opened):
    html = handout(run("plain")).replace(
        "</main>", "<script>window.evil = 1</script><img src=x onerror='window.evil = 2'></main>"
    )
    page = opened(html)
    assert page.evaluate("typeof evil") == "undefined"
    assert len([text for text in opened.wrong if "Content Security Policy" in text]) >= 2
    opened.wrong.clear()
    opened.asked.pop()  # for the picture beside the file


def test_a_run_that_goes_on_meanwhile(run):
    h = copy(run("plain"))
    h.n = 4
    html = handout(h)
    assert "at training step 3 of 12" in html and "at step 3 (median)" in html


def test_a_handout_is_small_and_complete_without_its_script(run):
    html = handout(run("plain"))
    assert len(html.encode()) < 1.5e6
    assert html.count(images.javascript()) == 1
    body = html[: html.index('<script type="application/json"')]
    assert "of what it is at the verb" in body and "<noscript>" in body
    assert json.loads(body[body.index("{&quot;version") :].partition("</code>")[0].replace("&quot;", '"'))["length"] == 10


def test_the_charts_are_vega_lite_that_others_can_read(run):
    html = handout(run("padded"))
    specs = json.loads(html.partition('id="specs">')[2].partition("</script>")[0])
    assert [isinstance(alt.Chart.from_dict(spec), alt.LayerChart) for spec in specs] == [True] * 4
