"""A page that needs another task opens on its example. Where the viewer leaves it as it is, their own Experiment comes back.

A page has an example where its module has `opens_on(e)`, which returns the Experiment to open instead of e, None where e will do.
What the viewer changes, opens or brings on the page is theirs, and stays.
"""

from __future__ import annotations

from collections.abc import Callable

from pages.state import session, snapshots, viewer_state
from pages.state.viewer_state import PageExample
from rnnkit.experiment import Experiment


def arrive(page: str, opens_on: Callable[[Experiment], Experiment | None] | None) -> bool:
    """Opens the example of this page, or ends that of another one. Returns whether the Experiment is another one now.

    Call it once the controls have been read. Where the server or a lesson refuses the example, or the controls say what is
    wrong, the page stays without one.
    """
    state, e = viewer_state.current(), session.current()
    opened, changed = state.page_example, False
    if opened and opened.page != page:
        state.page_example = None
        changed = opened.experiment == e and snapshots.restore(opened.before)
        e = opened.before.experiment if changed else e
    it = opens_on(e) if opens_on else None
    if it is None or session.problem() or session.refusal(it):
        return changed
    state.page_example = PageExample(page, it, snapshots.take())
    messages = session.messages()
    session.load(it)
    session.report(messages)
    return True
