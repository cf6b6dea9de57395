"""Short texts of values for error messages.

Values are cut before they are written: text of megabytes, numbers of thousands of digits, and deeply nested lists, where
repr() raises RecursionError.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from itertools import islice

MAX_REPR_CHARS = 60

_short = reprlib.Repr()
_short.maxlevel, _short.maxstring, _short.maxother, _short.maxlong = 3, *[MAX_REPR_CHARS] * 3


def shorten_repr(value: object, max_chars: int = MAX_REPR_CHARS) -> str:
    """Returns repr(value), cut to max_chars."""
    try:
        text = repr(value[: max_chars + 1]) if isinstance(value, str | bytes) else _short.repr(value)
    except ValueError:  # Python refuses to write a number of so many digits
        text = "a number of thousands of digits"
    return text if len(text) <= max_chars else text[: max_chars - 3] + "..."


def join_names(names: Iterable[object], max_names: int = 8) -> str:
    """Returns the first max_names names, each cut to 30 characters, and how many there are in all."""
    names = list(names)
    shown = ", ".join(shorten_repr(name, 30).strip("'\"") for name in islice(names, max_names))
    return shown if len(names) <= max_names else f"{shown}, ... ({len(names)} in all)"
