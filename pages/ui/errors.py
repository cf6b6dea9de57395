"""Shows a plain message in place of a part that raised an exception, and writes the traceback to the server's log.

Streamlit would show the traceback, also where a host forces showErrorDetails=false (Community Cloud), which hides the message
alone. `--client.showErrorDetails full` shows it on the page, as the tests do. Exceptions of callbacks are not caught here.
Streamlit reports them without details.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import streamlit as st

from pages.state import navigation

LOG = logging.getLogger("rnnkit.pages")


def _detailed() -> bool:
    return str(st.get_option("client.showErrorDetails")).lower() in ("full", "true")


if not _detailed():
    st.set_option("client.showErrorDetails", "none")


@contextmanager
def net(failed: Callable[[str], None] = lambda message: None) -> Iterator[None]:
    """Catches an exception, logs it under a number, shows a message and calls `failed` with it."""
    try:
        yield
    except Exception as error:
        if _detailed():
            raise
        number = f"{secrets.randbelow(10**6):06}"
        LOG.error("trouble %s: %s: %s", number, type(error).__name__, error, exc_info=error)
        message = (
            "**This part of the page failed; it is not your fault.** Reload the page: its address holds your settings. Should it "
            f"fail again, open another page or story, and tell whoever runs this server the number {number}: it marks the place "
            "in the log."
        )
        failed(message)
        _show(message)


_after: list[Callable[[], None]] = []


def after_fragments(do: Callable[[], None]) -> None:
    """Registers a callback for the end of every fragment."""
    if do not in _after:
        _after.append(do)


def fragment(draw: Callable[..., None], run_every: float | None = None) -> Callable[..., None]:
    """Like st.fragment. After an exception it repeats the message until the next full rerun."""
    failures: list[str] = []

    @wraps(draw)
    def caught(*args: Any) -> None:
        navigation.leave_fragment()
        if failures:
            _show(failures[0])
            return
        with net(failures.append):
            draw(*args)
            for do in _after:
                do()

    return st.fragment(caught, run_every=run_every)


def _show(message: str) -> None:
    with st.container(key="trouble"):
        st.error(message, icon=":material/error:")
