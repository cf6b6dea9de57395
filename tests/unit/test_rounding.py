"""Numbers as text: in Python, and the same by the JavaScript of the drawings (pages/components/numbers.js)."""

import math

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from pages.ui import way_back
from rnnkit import rounding
from rnnkit.rounding import amount, compact, percent, significant, smallest

CASES = [  # function, its arguments, the text: in both languages
    *(
        ("significant", args, text)
        for args, text in {
            (0.39,): "0.390", (-12.34,): "-12.3", (0.0,): "0", (1.0,): "1.00", (4.561e-5,): "4.56e-5",
            (0.001234,): "0.00123", (999.9,): "1000", (99999.5,): "1.00e5", (-9.996e-4,): "-0.00100", (0.125, 2): "0.13",
            (-0.125, 2): "-0.13", (2.25, 2): "2.3", (8.381, 2): "8.4", (1.471e-10, 2): "1.5e-10", (12345.6, 4): "12346",
        }.items()
    ),
    *(
        ("decimals", args, text)
        for args, text in {
            (0.5,): "0.50", (-0.5,): "−0.50", (0.125,): "0.13", (-0.125,): "−0.13", (-0.001,): "−0.00", (-0.0,): "0.00",
            (-3.14159, 3): "−3.142", (12.0, 0): "12", (2.5, 0): "3", (-1.0, 1): "−1.0",
        }.items()
    ),
    *(
        ("percent", args, text)
        for args, text in {
            (1.0,): "100 %", (255 / 256,): "99.6 %", (0.9999,): "99.9 %", (0.99,): "99 %", (253 / 256,): "98.8 %",
            (0.988,): "98.8 %", (0.8999,): "89.9 %", (0.5,): "50 %", (0.625,): "62 %", (0.635,): "64 %", (0.005,): "0.5 %",
            (1e-5,): "below 0.1 %", (0.0,): "0 %", (0.5, 1): "50.0 %", (0.9, 1): "90.0 %", (1e-4, 2): "0.01 %",
        }.items()
    ),
]  # fmt: skip


@pytest.mark.parametrize("name, args, text", CASES)
def test_numbers_as_text(name, args, text):
    assert getattr(rounding, name)(*args) == text


@pytest.fixture
def javascript(browser):
    """run(function of numbers.js, list of its arguments) -> list of texts, in Chromium."""
    text, page = (ROOT / "pages" / "components" / "numbers.js").read_text("utf-8"), browser.new_page()
    yield lambda name, calls: page.evaluate(f"calls => {{ {text}; return calls.map(args => {name}(...args)); }}", calls)
    page.close()


def test_drawings_write_the_same(javascript):
    for name in ("significant", "decimals", "percent"):
        calls = [(list(args), text) for function, args, text in CASES if function == name]
        assert javascript(name, [args for args, _ in calls]) == [text for _, text in calls]


def test_drawings_write_thousands_of_numbers_as_python_does(javascript):
    """Of all sizes, halves among them; and all shares of some numbers of sentences."""
    rng = np.random.default_rng(0)
    values = (rng.choice([-1, 1], 3000) * 10.0 ** rng.uniform(-320, 308, 3000)).tolist()
    halves = (rng.integers(-4000, 4000, 1000) / 2.0 ** rng.integers(0, 12, 1000)).tolist()
    values += [*halves, 0.0, -0.0, 9.995, 0.0009995, 99999.5, 5e-324]
    for digits in (2, 3, 4):
        assert javascript("significant", [[v, digits] for v in values]) == [significant(v, digits) for v in values]
    for digits in (0, 1, 2, 3):
        assert javascript("decimals", [[v, digits] for v in halves]) == [rounding.decimals(v, digits) for v in halves]
    shares = [k / n for n in (3, 8, 200, 256, 1000, 7489) for k in range(n + 1)]
    for digits in (0, 1):
        assert javascript("percent", [[share, digits] for share in shares]) == [percent(share, digits) for share in shares]


def test_drawings_write_factors_as_the_start_page_does(javascript):
    factors = [0.0, 0.07, 0.55, 0.995, 0.996, 1.0, 1.3, 12.0, 120.0, 4.2e-4, 2e-24]
    assert javascript("times", [[factor] for factor in factors]) == [way_back.short(factor) for factor in factors]
    assert [way_back.short(factor) for factor in (0.07, 1.3)] == ["× .070", "× 1.3"]


def test_what_is_not_finite(javascript):
    assert [significant(v) for v in (np.nan, np.inf, -np.inf)] == ["nan", "inf", "-inf"]
    assert {rounding.decimals(v) for v in (np.nan, np.inf)} == {percent(np.nan)} == {"NaN"}
    not_finite = "[[NaN], [Infinity], [-Infinity]]"
    assert javascript(f"(calls => {not_finite}.map(args => significant(...args)))", [[0]]) == [["nan", "inf", "-inf"]]
    assert javascript(f"(calls => {not_finite}.map(args => decimals(...args) + percent(...args)))", [[0]]) == [["NaNNaN"] * 3]


@given(st.floats(-1e6, 1e6, allow_nan=False), st.integers(2, 6))
def test_numbers_have_so_many_significant_digits(value, digits):
    text = significant(value, digits)
    assert abs(float(text) - value) <= 0.5001 * 10.0 ** (1 - digits) * abs(value) or abs(value) < 1e-300
    assert (text == "0") == (value == 0)


def test_in_a_narrow_column():
    assert [compact(v) for v in (1.471e-10, 8.381, 0.0014715, -9.996e-4)] == ["1.5e-10", "8.38", "0.00147", "-0.00100"]


def test_no_share_is_rounded_over_a_bar_or_to_a_whole():
    for n in (256, 1000, 1024, 7489):
        for k in range(n + 1):
            for digits in (0, 1):
                text = percent(k / n, digits)
                assert (text == "100 %") == (k == n)
                if not text.startswith("below"):
                    shown = float(text.removesuffix(" %"))
                    assert (shown >= 99) == (k / n >= 0.99) and (shown >= 90) == (k / n >= 0.9) and (shown == 0) == (k == 0)


@pytest.mark.parametrize(
    "value, expected",
    [
        (0, "0"),
        (0.5, "0.5"),
        (0.0104, "0.01"),
        (99, "99"),
        (99.6, "100"),
        (2345.6, "2,346"),
        (123456, "1e5"),
        (3.2e-26, "3e-26"),
        (math.inf, "infinite"),
        (math.nan, "NaN"),
    ],
)
def test_amounts(value, expected):
    assert amount(value) == expected


def test_what_is_too_small_for_a_type():
    assert (smallest(), smallest("float64")) == ("below 1e-38", "below 2e-308")
