"""Fragments that stand on every page, at the same place."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from pages.state import navigation
from pages.ui import errors


def page_fragment(draw: Callable[..., None], run_every: float | None = None) -> Callable[..., None]:
    """Like errors.fragment, with another name on each page.

    Streamlit makes a fragment's ID of its function's name and its place. With one name a late poll of a page that has been left
    would be answered by the next page's fragment, under the address of the one before, and the browser would clear the page.
    """

    @wraps(draw)
    def named(*args: Any) -> None:
        draw(*args)

    named.__qualname__ = f"{draw.__qualname__}_{navigation.page()}"
    return errors.fragment(named, run_every)
