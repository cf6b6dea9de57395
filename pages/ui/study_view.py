"""Parts of a page that are drawn again while a worker computes: results of studies, and parts that wait for a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import streamlit as st

from pages.state import session, transport
from pages.ui import errors
from rnnkit.experiment import Experiment
from rnnkit.serving.process import Answer

MAX_SILENT_WAIT = 0.25  # seconds that a page waits for an answer before it shows progress
POLL_SECONDS = 0.2  # between two polls of an answer


def polled(draw: Callable[[], Any], interval: Callable[[], float | None], owner: Callable[..., Any] | None = None) -> None:
    """Draws a part of the page now and every interval() seconds, where that is not None.

    The whole page is rerun once interval() has changed. The fragment is named by `owner` or `draw`, a function of the page.
    A late poll of a page that has been left then finds no fragment of the next page.

    A part that is not polled is no fragment: its widgets rerun the whole page, as the sidebar's do. The browser sends all widgets
    that change in one moment as one message for one fragment, so changes in two of them would be lost in one.
    """
    every, named = interval(), owner or draw
    if every is None:
        with st.container(), errors.net():
            draw()
        return
    while isinstance(named, partial):
        named = named.func

    @wraps(named)
    def poll() -> None:
        draw()
        if interval() != every:
            st.rerun()

    errors.fragment(poll, run_every=every)()


def computed(study: str, e: Experiment, draw: Callable[[list[Any], bool], None], **options: Any) -> None:
    """Asks a worker for a study (rnnkit/studies/) and calls draw(results so far, whether the last is complete) until it is.

    The results are of the study's class in rnnkit/results/. Shows progress as a bar. Draws nothing before the first result.
    """
    answers([session.ask(study, e, **options)], partial(_alone, draw))


def _alone(draw: Callable[[list[Any], bool], None], found: list[list[Any]], done: bool) -> None:
    draw(found[0], done)


def answers(
    asked: Sequence[Answer],
    draw: Callable[[list[list[Any]], bool], str | None],
    *,
    early: bool = False,
    waiting: str = "computing ...",
    failed: str = "This could not be computed",
) -> None:
    """Calls draw(the results so far of each answer, whether all are complete) until all are complete.

    Draws nothing before each answer has a result, or after a failure. With `early` draw is called in every case, so that its
    drawing keeps its place on the page. Below the drawing are the progress with the text `waiting` ("": none), or the text
    `failed` with a button to try again, or in the end the text that draw returned.
    """
    for answer in asked:
        answer.ended.wait(MAX_SILENT_WAIT)
    polled(partial(_answers, asked, draw, early, waiting, failed), lambda: None if _ended(asked) else POLL_SECONDS, draw)


def _ended(asked: Sequence[Answer]) -> bool:
    return all(answer.ended.is_set() for answer in asked)


def _answers(asked: Sequence[Answer], draw: Callable[..., str | None], early: bool, waiting: str, failed: str) -> None:
    done = _ended(asked)  # before the results are read: more may still come
    found = [answer.found for answer in asked]
    trouble = next((answer for answer in asked if answer.error), None)
    place, below, text = st.container(), st.empty(), None
    if early or (all(found) and not trouble):
        with place:
            text = draw(found, done)
    if trouble:
        below.error(f"{failed}: {trouble.error}.", icon=":material/error:")
        if st.button("Try again", key=f"again_{id(trouble)}", on_click=session.pool().forget, args=(trouble,)):
            st.rerun()
    elif not done and waiting:
        below.progress(min(1.0 if answer.ended.is_set() else answer.progress for answer in asked), text=waiting)
    elif text:
        below.markdown(text)


def until_trained(draw: Callable[[], None] = lambda: None) -> None:
    """Draws every second while the present run is trained, and reruns the whole page once it is done.

    Call it before asking whether the run is done.
    """
    polled(draw, lambda: None if transport.run().done else 1.0)
