"""When the program itself is wrong: a plain message in place of what could not be drawn, and the traceback in the server's log.

Streamlit would show the traceback, also where a host forces showErrorDetails=false (Community Cloud): that hides the message
alone. Who wants it on the page starts with --client.showErrorDetails full, as the tests do. A callback that fails is not caught
here; Streamlit then says so without details.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import streamlit as st

LOG = logging.getLogger("rnnkit.pages")


def _detailed() -> bool:
    return str(st.get_option("client.showErrorDetails")).lower() in ("full", "true")


if not _detailed():
    st.set_option("client.showErrorDetails", "none")


@contextmanager
def net(failed: Callable[[str], None] = lambda message: None) -> Iterator[None]:
    """What fails within is logged under a number, and told; `failed` hears the message, too."""
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
        _tell(message)


_after: list[Callable[[], None]] = []


def after_fragments(do: Callable[[], None]) -> None:
    """Has this called whenever a fragment has been drawn."""
    if do not in _after:
        _after.append(do)


def fragment(draw: Callable[..., None], run_every: float | None = None) -> Callable[..., None]:
    """As st.fragment; one that has failed repeats its message, and is tried again when the whole page is drawn."""
    said: list[str] = []

    @wraps(draw)
    def caught(*args: Any) -> None:
        if said:
            _tell(said[0])
            return
        with net(said.append):
            draw(*args)
            for do in _after:
                do()

    return st.fragment(caught, run_every=run_every)


def _tell(message: str) -> None:
    with st.container(key="trouble"):
        st.error(message, icon=":material/error:")
