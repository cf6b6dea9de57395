"""A share in words, never rounded to 100 % and never over a bar."""

from __future__ import annotations

import math

FLOORED = 0.8  # from here on shares are rounded down, with a decimal


def percent(share: float, digits: int = 0) -> str:
    """`50 %`; from 80 % on with one decimal more where it is not 0, rounded down: `98.8 %` for .9888, `99.6 %` for 255 of 256.

    digits: decimals that are always written. 1 alone is "100 %", 0 alone "0 %".
    """
    if not math.isfinite(share):
        return "NaN"
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    decimals = max(digits, 1 if share >= FLOORED or 0 < share < 0.0095 else 0)
    unit = 10**-decimals
    if 0 < share < unit / 200:
        return f"below {unit:g} %"
    scaled = share * 100 / unit
    rounded = math.floor(min(scaled, 100 / unit - 1) + 1e-9) if share >= FLOORED else round(scaled)
    text = f"{rounded * unit:.{decimals}f}"
    return f"{text if digits else text.removesuffix('.0')} %"
