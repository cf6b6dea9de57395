"""What came, for an error message: as Python writes it, but on one line and short, whatever it is.

Nothing here is written out before it is cut: not ten megabytes of text, not a number of ten thousand digits, and not a list in
a list in a list, at which repr() alone would end with a RecursionError.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from itertools import islice

MOST = 60  # characters

_short = reprlib.Repr()
_short.maxlevel, _short.maxstring, _short.maxother, _short.maxlong = 3, MOST, MOST, MOST


def shorten_repr(value: object, most: int = MOST) -> str:
    """As Python would write it, cut to `most` characters."""
    try:
        text = repr(value[: most + 1]) if isinstance(value, str | bytes) else _short.repr(value)
    except ValueError:  # Python writes no number of so many digits
        text = "a number of thousands of digits"
    return text if len(text) <= most else text[: most - 3] + "..."


def listing(names: Iterable[object], most: int = 8) -> str:
    """The first names, clipped, and how many there are in all."""
    names = list(names)
    shown = ", ".join(shorten_repr(name, 30).strip("'\"") for name in islice(names, most))
    return shown if len(names) <= most else f"{shown}, ... ({len(names)} in all)"
