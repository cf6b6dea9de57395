"""The gradient as a chart, and charts as files."""

import json
import struct
import sys
import xml.etree.ElementTree as ET
import zlib
from itertools import pairwise

import numpy as np
import pytest
from exported_runs import RUNS, made, run

from rnnkit import Experiment, charts
from rnnkit.charts.gradient import MAX_CELLS, MAX_COLUMNS, MEANINGS
from rnnkit.engine.fixes import Truncate
from rnnkit.engine.record import ABSENT, CUT, INF, NAN, NOTHING, ZERO
from rnnkit.export import images
from rnnkit.export.figures import figures, titled_chart
from rnnkit.export.handout import handout
from rnnkit.thinning import evenly

KINDS = list(MEANINGS)


def cells(chart):
    """What a chart of the gradient draws: steps (N,), columns' texts, norms (N, T) with NaN where there is none, kinds (N, T)."""
    data = chart.to_dict()["datasets"]
    norm = np.array([[np.nan if v is None else v for v in row["norm"]] for row in data["rows"]])
    kind = np.array([row["kind"] for row in data["rows"]])
    return [row["step"] for row in data["rows"]], [c["t"] for c in data["columns"]], norm, kind


# ---- the chart of the gradient ----


def test_the_chart_holds_the_numbers_of_the_history():
    h = run("plain")
    steps, _, norm, kind = cells(charts.gradient_chart(h))
    assert steps == h.steps.tolist() and (kind == -1).all()
    np.testing.assert_array_equal(norm.astype(np.float32), h.profile(0, h.n))
    *_, second, _ = cells(charts.gradient_chart(h, replica=1))
    np.testing.assert_array_equal(second.astype(np.float32), h.state_grad[:, 0, :, 1])


def test_both_parts_of_an_lstm():
    h = run("lstm")
    for part in (0, 1):
        *_, norm, _ = cells(charts.gradient_chart(h, part))
        np.testing.assert_array_equal(norm.astype(np.float32), h.profile(0, h.n, part))
    assert "dL/dc" in json.dumps(charts.gradient_chart(h, 1).to_dict(), ensure_ascii=False)


def test_a_run_in_float64_is_told_with_its_own_smallest_number():
    h = made([[1, 0, 1, 1, 1, 1, 1]] * 2)
    h.state_grad = h.state_grad.astype(np.float64)
    drawn = json.dumps(charts.gradient_chart(h).to_dict())
    assert "below 2e-308" in drawn and "below 1e-38" not in drawn
    assert "<td>below 2e-308</td>" in handout(h)


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
    assert legend == ["below 1e-38", "cut by truncation", "NaN or inf", "no sequence yet"]


def test_the_legend_names_what_occurs_and_no_more():
    def named(name):
        chart = charts.gradient_chart(run(name)).to_dict()
        return [layer["encoding"]["color"]["scale"].get("domain") for layer in chart["layer"] if "color" in layer["encoding"]][1:]

    assert named("plain") == []
    assert named("cut") == [["cut by truncation"]]
    assert named("diverged") == [["NaN or inf"]]
    assert named("padded") == [["no sequence yet"]]


def test_the_scale_is_that_of_the_live_heatmap():
    scale = charts.gradient_chart(run("plain")).to_dict()["layer"][0]["encoding"]["color"]["scale"]
    assert scale == {"type": "log", "domain": [1e-12, 1e4], "scheme": "viridis", "clamp": True}


def test_a_long_sequence_and_a_long_training_are_thinned_evenly_and_say_so():
    h = made(np.random.default_rng(0).lognormal(size=(301, 1000)))
    chart = charts.gradient_chart(h)
    steps, times, norm, _ = cells(chart)
    assert norm.size <= MAX_CELLS and norm.shape[1] == MAX_COLUMNS
    assert steps[0] == 0 and steps[-1] == h.steps[-1] == 300
    assert times[0].startswith("0") and times[-1].startswith("999")
    rows, columns = evenly(301, len(steps)), evenly(1000, MAX_COLUMNS)
    assert np.ptp(np.diff(columns)) <= 1 and np.ptp(np.diff(rows)) <= 1
    np.testing.assert_array_equal(norm.astype(np.float32), h.state_grad[rows][:, 0, columns, 0])
    text = json.dumps(chart.to_dict())
    assert "(120 of 1,000 steps drawn)" in text and f"({len(steps)} of 301 records drawn)" in text


def test_cells_cover_the_plot_without_a_gap_and_hold_their_own_step():
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
def drawn():
    """{name: (svg, png)} of all figures of the run that was cut, from one process."""
    h = run("cut")
    every = figures(h)
    files = images.images([(titled_chart(f, h), form) for f in every for form in ("svg", "png")])
    return {f.name: (files[2 * i], files[2 * i + 1]) for i, f in enumerate(every)}


def test_every_figure_as_a_file(drawn):
    assert list(drawn) == ["gradient-h", "loss", "accuracy", "weights", "lags"]
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
    assert "tanh: agreement, 10 time steps · 2 networks, seeds 0 to 1" in texts
    groups = [e for e in root.iter() if "mark-rect role-mark" in e.get("class", "")]
    assert sum(len(group) for group in groups) == 13 * 10
    grey = [p for group in groups for p in group if p.get("fill") == "#dde3e9"]
    assert len(grey) == 13 * RUNS["cut"].first_uncut


def test_light_and_dark():
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
    assert not images._lock.locked()


def test_one_picture_at_a_time():
    with images._lock, pytest.raises(images.ImageError, match=r"waited 0\.01 s"):
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
