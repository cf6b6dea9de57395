"""Snapshots of all that a viewer has set and of the place in the run, for the browser's Back and the end of a tour."""

from __future__ import annotations

import copy

from pages.state import page_settings, session, viewer_state
from pages.state.viewer_state import Snapshot


def take() -> Snapshot:
    """Returns a snapshot of the present state."""
    state = viewer_state.current()
    controls, playback = copy.deepcopy(state.controls), copy.copy(state.playback)
    return Snapshot(session.current(), session.pinned(), controls, playback, dict(state.settings.chosen))


def restore(snapshot: Snapshot) -> bool:
    """Restores everything but the pace. Returns False where it would change a setting that a lesson keeps."""
    session.pin(None)
    if not session.load(snapshot.experiment, play=False, pinned=snapshot.pinned):
        return False
    session.restore(copy.deepcopy(snapshot.controls), snapshot.playback)
    if snapshot.chosen is not None:
        page_settings.restore(snapshot.chosen)
    return True
