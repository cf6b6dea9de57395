"""Numbers as text. pages/components/numbers.js writes them in the same way; tests/unit/test_rounding.py has the cases of both."""

from __future__ import annotations

import math
from collections.abc import Collection
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import numpy as np

FLOORED = 0.8  # from this share on, rounding is down, to one decimal


def significant(value: float, digits: int = 3) -> str:
    """Rounds to so many significant digits, halves away from 0: 0.390, -12.3, 4.56e-5, 0."""
    if value == 0 or not math.isfinite(value):
        return f"{abs(value) if value == 0 else value:g}"
    with localcontext(rounding=ROUND_HALF_UP):
        exact = Decimal(float(value))
        mantissa, _, exponent = f"{exact:.{digits - 1}e}".partition("e")
        power = int(exponent)  # after rounding
        return f"{exact:.{max(0, digits - 1 - power)}f}" if -3 <= power < 5 else f"{mantissa}e{power}"


def compact(value: float) -> str:
    """Rounds for a narrow column: to three significant digits, to two beside a power of ten."""
    text = significant(value)
    return significant(value, 2) if "e" in text else text


def decimals(value: float, digits: int = 2) -> str:
    """Rounds to so many decimals, halves away from 0, with a typographic minus sign: `−0.50`. `NaN` for what is not finite."""
    if not math.isfinite(value):
        return "NaN"
    with localcontext(rounding=ROUND_HALF_UP):
        return f"{Decimal(float(value) + 0.0):.{digits}f}".replace("-", "−")  # + 0.0: no sign before 0


def percent(share: float, digits: int = 0) -> str:
    """Returns a share as a percentage that is never rounded up to 100 % or past a threshold: `50 %`.

    From 80 % on it is rounded down, to one decimal where that is not 0: `98.8 %` for .9888, `99.6 %` for 255 of 256.
    digits: decimals that are always written. Only 1 is "100 %", only 0 is "0 %". "NaN" for what is not finite.
    """
    if not math.isfinite(share):
        return "NaN"
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    places = max(digits, 1 if share >= FLOORED or 0 < share < 0.0095 else 0)
    unit = 10**-places
    if 0 < share < unit / 200:
        return f"below {unit:g} %"
    scaled = share * 100 / unit
    rounded = math.floor(min(scaled, 100 / unit - 1) + 1e-9) if share >= FLOORED else round(scaled)
    text = f"{rounded * unit:.{places}f}"
    return f"{text if digits else text.removesuffix('.0')} %"


def amount(value: float, zero: str = "0", apart: Collection[float] = (), more: int = 0) -> str:
    """Returns a norm or a share of any size in a few characters: 0.45, 2,300, 3e-26. `zero` is the text for 0.

    apart: numbers to which no other value is rounded; up to five more digits keep them distinct. more: additional digits.
    """
    if not math.isfinite(value) or value == 0:
        return zero if value == 0 else "NaN" if math.isnan(value) else "infinite"
    texts = [_rounded(value, digits) for digits in range(more, more + 6)]
    return next((text for text in texts if float(text.replace(",", "")) not in apart or value in apart), texts[0])


def _rounded(value: float, more: int) -> str:
    """Rounds to two significant digits, one for very large or small numbers, and `more` additional ones."""
    if 1e-2 <= abs(value) < 1e5:
        return f"{value:.{2 + more}g}" if abs(value) < 99.5 else f"{value:,.{more}f}"
    digits, _, exponent = f"{value:.{more}e}".partition("e")
    return f"{digits}e{int(exponent)}"


def smallest(dtype: Any = "float32") -> str:
    """Returns the text for a gradient that has underflowed to 0: `below 1e-38` in float32, `below 2e-308` in float64."""
    return f"below {np.finfo(dtype).tiny:.0e}"
