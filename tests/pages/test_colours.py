"""Colours: contrast on white and on near-black, and what is left of their differences for the colour-blind."""

import re
import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from colour_contrast import XYZ, contrast, linear

from pages.components.heatmap import CODING
from rnnkit.charts import SUBJECTS, exploding, style

ROOT = Path(__file__).resolve().parents[2]
THEME = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))["theme"]
VISION = {  # Machado, Oliveira & Fernandes 2009, severity 1: of linear RGB, row by row
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
WHITE = XYZ.sum(1)
COLOURS = {name: getattr(style, name) for name in ("INK", "WARM", "VIOLET", "GREY", "BLUE", "ORANGE", "CRIMSON")}
WORDS = {
    name: re.findall("#[0-9a-f]{6}", getattr(style, name)["expr"])
    for name in ("INK_TEXT", "AXIS_TEXT", "GREY_TEXT", "CRIMSON_TEXT")
}
SERIES = {  # subject -> its series, but for those that never stand beside their like
    name: {key: line for key, line in subject.SERIES.items() if key not in getattr(subject, "NEVER_TOGETHER", {})}
    for name, subject in SUBJECTS.items()
    if hasattr(subject, "SERIES")
}
CLEAR, SEEN = 15, 8  # distances in CIE Lab: where colour alone tells two things apart, and where a dash or a texture does too


def lab(colour, vision):
    x = XYZ @ np.clip(np.asarray(VISION[vision]) @ linear(colour), 0, 1) / WHITE
    f = np.where(x > (6 / 29) ** 3, np.cbrt(x), x / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(a, b, vision):
    return float(np.linalg.norm(lab(a, vision) - lab(b, vision)))


def viridis():
    text = (ROOT / "pages/components/viridis.js").read_text("utf-8").partition("const VIRIDIS =")[2].partition(";")[0]
    return ["#" + colour for colour in re.findall("[0-9a-f]{6}", "".join(re.findall('"(.*?)"', text)))]


def test_the_measures_are_right():
    assert contrast("#ffffff", "#000000") == pytest.approx(21) and contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert lab("#ff0000", "normal") == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert distance("#ff0000", "#4b4b00", "protanopia") < 20 < distance("#ff0000", "#4b4b00", "normal")
    assert len(viridis()) == 31


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_lines_have_a_contrast_of_3_and_words_of_4_5(mode):
    theme = THEME[mode]
    back, side = theme["backgroundColor"], theme["secondaryBackgroundColor"]
    lines = COLOURS | dict(enumerate(THEME["chartCategoricalColors"])) | {"primary": theme["primaryColor"]}
    assert {name: contrast(colour, back) for name, colour in lines.items() if contrast(colour, back) < 3} == {}
    words = {name: pair[mode == "light"] for name, pair in WORDS.items()}
    words |= {name: theme[name] for name in ("textColor", "orangeTextColor", "greenTextColor")}
    assert {name: contrast(colour, back) for name, colour in words.items() if contrast(colour, back) < 4.5} == {}
    assert contrast(theme["textColor"], side) >= 4.5 and contrast("#ffffff", theme["primaryColor"]) >= 4.5


@pytest.mark.parametrize("vision", VISION)
def test_what_colour_alone_tells_apart_is_far_apart(vision):
    pairs = [("INK", "WARM"), ("INK", "VIOLET"), ("WARM", "VIOLET"), ("BLUE", "ORANGE"), ("WARM", "GREY")]
    found = {pair: distance(*(COLOURS[name] for name in pair), vision) for pair in pairs}
    for mode in ("light", "dark"):
        found[mode] = distance(THEME[mode]["orangeTextColor"], THEME[mode]["greenTextColor"], vision)
    found["NaN"] = min(distance(style.CRIMSON, colour, vision) for colour in viridis())
    assert {pair: d for pair, d in found.items() if d < CLEAR} == {}


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("series", SERIES.values(), ids=list(SERIES))
def test_series_of_a_chart_differ_in_colour_or_in_dash(series, vision):
    for a, b in combinations(series.values(), 2):
        (one, dash, *_), (other, gap, *_) = a, b
        same_dash = tuple(dash) == tuple(gap)
        assert one != other or not same_dash
        assert one == other or distance(one, other, vision) > (CLEAR if same_dash else SEEN), (a, b)


def test_roles_that_share_a_chart_differ_in_more_than_colour():
    """The network looked at has dots, those beside it are thin; NaN has a cross and the word; ranks are ordered by position."""
    spec = exploding.curve_chart(steps=10, wide=False).to_dict()
    marks = [layer["mark"] for layer in spec["layer"]]
    assert {mark.get("strokeWidth") for mark in marks if mark["type"] == "line"} == {1, 3}
    assert any(mark.get("text") == "NaN" for mark in marks) and any(mark.get("shape") == "cross" for mark in marks)
    assert set(CODING) >= {"zero", "cut", "nan"}  # textures in viridis.js
    text = (ROOT / "pages/components/viridis.js").read_text("utf-8")
    assert "hatch" in text and "crosses" in text and "dots" in text
