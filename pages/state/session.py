"""A viewer's experiment, its run and the pinned one, and the run pool that all viewers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import streamlit as st

from pages.state import navigation, uploads, view_options, viewer_state, widgets
from pages.state.controls import Controls
from pages.state.playback import Playback
from pages.state.widgets import VersionedKey
from rnnkit.engine.backends import BackendError
from rnnkit.experiment import FIELDS, GIVEN, Experiment, ExperimentError
from rnnkit.export.run_list import dump
from rnnkit.export.run_list import load as load_run_list
from rnnkit.serving.limits import Limits
from rnnkit.serving.process import Answer
from rnnkit.serving.recordings import Recordings
from rnnkit.serving.run_pool import Run, RunPool
from rnnkit.stories.presets import PRESETS, Preset, named
from rnnkit.sweep.digest import program_digest, with_backend
from rnnkit.sweep.store_file import store_folder
from rnnkit.tasks import TASKS

OWN = "own"  # in the menu of presets: the viewer's own settings


@st.cache_resource(show_spinner=False)
def pool() -> RunPool:
    """Returns the server's run pool. A worker starts at once, so that it is ready at the first Train.

    What was trained to its end is recorded beside the results store (RNNKIT_STORE).
    """
    folder = store_folder()
    return RunPool(recordings=Recordings(folder / "recordings", _digest()) if folder else None)


def _digest() -> str:
    """Returns the digest of the workers' program. They train with PyTorch where RNNKIT_BACKEND names no backend."""
    try:
        return program_digest()
    except BackendError:
        return with_backend("torch")


def limits() -> Limits:
    """Returns the limits of this server."""
    return pool().limits


def presets() -> dict[str, Preset]:
    """Returns the presets that this server's limits allow. A viewer without a link begins with the first."""
    return _allowed(limits())


@lru_cache(maxsize=1)
def _allowed(limits: Limits) -> dict[str, Preset]:
    return {name: preset for name, preset in PRESETS.items() if not limits.check(preset.experiment)}


def default() -> Experiment:
    """Returns the Experiment of a viewer without a link."""
    return _default(limits())


@lru_cache(maxsize=1)
def _default(limits: Limits) -> Experiment:
    """Returns the first allowed preset's. The others are not checked: the first page of a server does not wait for them."""
    allowed = (preset.experiment for preset in PRESETS.values() if not limits.check(preset.experiment))
    return next(allowed, None) or limits.smallest()


# ---- the experiment ----


def key(name: str) -> str:
    """Returns the widget key of a control. It is a new one whenever all controls are set at once."""
    return viewer_state.current().control_keys[name].key


def started() -> bool:
    """Returns whether this session has read its link."""
    return viewer_state.current().run is not None


def start(e: Experiment, pinned: Experiment | None, linked: bool = False) -> None:
    """Sets the Experiment of a session at its first rerun. `linked`: its link names it."""
    state = viewer_state.current()
    state.experiment, state.linked = e, linked
    _set(e, True, pinned)


def from_link(query: Mapping[str, str]) -> tuple[Experiment, list[str]]:
    """Returns the Experiment of a link, or the default, and messages about what is wrong with the link."""
    e, messages = Experiment.from_query(query, objections) if query else (default(), [])
    return default() if objections(e) else e, messages  # a server that refuses even the package's defaults


def objections(e: Experiment) -> dict[str, str]:
    """Returns field -> why this server does not train this Experiment for this viewer."""
    refused = {name: refusal for name in GIVEN if (refusal := uploads.refusal(getattr(e, name)))}
    return refused or limits().check(e)


def refusal(e: Experiment) -> str:
    """Returns why this viewer cannot load this Experiment now, "" where they can.

    Buttons are disabled with this text as their help.
    """
    return "; ".join([*objections(e).values(), *_against_lesson(e)])


def _against_lesson(e: Experiment) -> list[str]:
    """Returns why the lesson refuses this Experiment. Hidden and locked fields keep their values."""
    controls, kept = viewer_state.current().controls, view_options.kept()
    changed = [
        spec.label
        for name, spec in FIELDS.items()
        if name in kept and spec.fits(e) and getattr(e, name) != controls.of_field(name)
    ]
    return [f"this lesson keeps {', '.join(changed)}, and here it would change"] if changed else []


def ask(study: str, e: Experiment, **options: Any) -> Answer:
    """Asks a worker for a study of this Experiment. All viewers share the answer."""
    return pool().ask(study, e, **options)


def load(e: Experiment, play: bool = True, pinned: Experiment | None = None) -> bool:
    """Sets every control to this Experiment. A control that does not apply to it keeps the viewer's last value.

    Returns False, and loads nothing, where it would change a setting that a lesson keeps. The next rerun says why (`notice`).
    Stories, pairs, remedies, the run list, the tour and Back all call this.
    """
    if refused := _against_lesson(e):
        viewer_state.current().notice = f"Not opened: {refused[0]}."
        return False
    _set(e, play, pinned)
    return True


def open_run(e: Experiment, play: bool = True, pinned: Experiment | None = None) -> None:
    """`load` as a callback."""
    load(e, play, pinned)


def notice() -> str:
    """Returns why nothing was loaded, once. Empty afterwards."""
    state = viewer_state.current()
    text, state.notice = state.notice, ""
    return text


def _set(e: Experiment, play: bool, pinned: Experiment | None) -> None:
    state = viewer_state.current()
    state.control_keys.renew()
    state.controls.set(e)
    if pinned is not None:
        pin(pinned)
    _show_run(e, play)


def restore(controls: Controls | None, playback: Playback | None) -> None:
    """Sets the controls and the place in the run that a snapshot holds. Call it after `load` of its Experiment."""
    state = viewer_state.current()
    if controls is not None:
        state.controls = controls
    if playback is not None:
        state.playback = replace(playback, clock=None, moves=playback.moves + 1, pace=state.playback.pace)


def pin(e: Experiment | None) -> None:
    """Pins the run of e for comparison with later ones. None unpins."""
    state = viewer_state.current()
    if state.pinned:
        pool().leave(state.pinned, viewer("pinned"))
    state.pinned = pool().get(e) if e else None


def viewer(role: str) -> str:
    """Returns the name under which the viewer watches a run other than the present one, such as the pinned one."""
    return f"{viewer_state.current().id} {role}"


def watch(run: Run, role: str, low_priority: bool = False, rows: int | None = None) -> None:
    """Asks for all rows of a run, or the first `rows`. The request ends when another page is drawn."""
    pool().watch(run, viewer(role), run.rows if rows is None else rows, low_priority=low_priority)
    key = run.experiment.key
    navigation.when_left((role, key), partial(unwatch, key, role))


def unwatch(key: str, role: str) -> None:
    """Ends this viewer's request (`watch`) for the run with this key."""
    if run := pool().runs.get(key):
        pool().leave(run, viewer(role))


def pinned() -> Experiment | None:
    """Returns the pinned Experiment, None where nothing is pinned."""
    run = viewer_state.current().pinned
    return run.experiment if run else None


def pinned_run() -> Run | None:
    """Returns the pinned run and has it trained to its end. None where nothing is pinned."""
    state = viewer_state.current()
    if state.pinned is None:
        return None
    if uploads.refusal(*state.pinned.experiment.given):  # the data have been dropped meanwhile
        pin(None)
        return None
    state.pinned = pool().adopt(state.pinned)
    pool().watch(state.pinned, viewer("pinned"), state.pinned.rows)
    return state.pinned


def run() -> Run:
    """Returns the run shown to this viewer."""
    state = viewer_state.current()
    assert state.run is not None
    state.run = pool().adopt(state.run)
    return state.run


def _show_run(e: Experiment, play: bool) -> None:
    """Shows the run of e from its beginning, instead of the previous one."""
    state = viewer_state.current()
    state.messages = []  # they concern the Experiment of the link
    if state.run:
        pool().leave(state.run, state.id)
    state.run, state.playback = pool().get(e), Playback(playing=play, pace=state.playback.pace)


def value(control: str) -> Any:
    """Returns the value of a control. Pass it to the widget as its default, too.

    Streamlit sends a value that is set here to the browser only once. A browser that still handles the previous rerun misses it
    and answers with the defaults of all widgets.
    """
    return widgets.begin(key(control), viewer_state.current().controls.of_control(control))


def take_controls() -> None:
    """Reads the sidebar's widgets and shows the run of the Experiment that they describe.

    Call it once a rerun, before `current`. Where the widgets contradict each other, the last valid Experiment stays.
    """
    state = viewer_state.current()
    for control in state.controls.take(lambda control, held: widgets.value(key(control), held), view_options.kept()):
        fitting = state.controls.of_control(control)
        if widgets.value(key(control), fitting) != fitting:
            widgets.put(key(control), fitting)
    e, state.problem = experiment(state.controls)
    if gone := uploads.refusal(state.controls.values["weights"]):
        state.controls.values["weights"], state.notice = "", f"The weights are drawn now: {gone}."
        e, state.problem = experiment(state.controls)
    state.experiment = e or state.experiment
    if uploads.refusal(*state.experiment.given):  # the data have been dropped meanwhile
        state.experiment = default()
    if state.experiment != run().experiment:
        _show_run(state.experiment, play=False)


def experiment(c: Controls) -> tuple[Experiment | None, str]:
    """Returns the Experiment that the controls describe and "", or None and the reason. Changes nothing."""
    try:
        e = c.experiment()
    except ValueError as error:
        return None, str(error)
    problems = objections(e)
    return (None, str(ExperimentError(problems))) if problems else (e, "")


def current() -> Experiment:
    """Returns the Experiment of this rerun. Call it after `take_controls`."""
    return viewer_state.current().experiment


def is_plain() -> bool:
    """Returns whether the Experiment is the default one, without a link that names it, and nothing is pinned."""
    return not viewer_state.current().linked and current() == default() and pinned() is None


def chosen_preset() -> str:
    """Returns the name of the preset that the present Experiment is, OWN where it is none."""
    return named(current()) or OWN


def preset_key() -> str:
    """Returns the key of the menu of presets. Each value has a key of its own, so `choose_preset` recognises an old menu."""
    return _preset_key().key


def _preset_key() -> VersionedKey:
    return viewer_state.current().control_keys[f"c_preset~{chosen_preset()}"]


def choose_preset(key: str) -> None:
    """Callback of the preset menu. Ignores a menu that is no longer shown.

    A browser that has not received a changed setting yet sends the old menu's value with its next poll. Choosing that preset
    again would undo the change.
    """
    if not _preset_key().is_current(key):
        return
    _preset_key().renew()
    if (name := widgets.value(key)) in PRESETS:
        open_preset(name)


def problem() -> str:
    """Returns why the controls make no Experiment, "" where they make one."""
    return viewer_state.current().problem


def messages() -> list[str]:
    """Returns what was wrong with the link."""
    return viewer_state.current().messages


def report(messages: Iterable[str]) -> None:
    """Adds messages about what is wrong with the link."""
    viewer_state.current().messages += messages


# ---- the run list, which the browser tab stores, and example sequences ----


def tab_data() -> dict[str, Any]:
    """Returns what the browser tab stores of this session for its next one (frame.js)."""
    state = viewer_state.current()
    entries = state.run_list.entries
    return {"viewer": state.id, "shelf": dump(entries) if entries else "", "told": state.tab_answered}


def bring_back() -> None:
    """Callback of the frame: merges the run list that this tab stored in an earlier session. Leaves out invalid runs."""
    if (frame := widgets.value("rnnkit_frame")) is None:
        return
    state = viewer_state.current()
    state.tab_answered = True
    entries, _ = load_run_list(str(frame.shelf))
    state.run_list.merge([entry for entry in entries if not objections(entry.experiment)])


def example(e: Experiment) -> list[str]:
    """Returns the words or symbols of one held-out sequence, for the time axis."""
    return _example(e.task, e.length, e.data, e.vocabulary)


@lru_cache(maxsize=64)
def _example(task: str, length: int, data: str, vocabulary: int) -> list[str]:
    return TASKS[task].with_data(data, vocabulary).example_labels(length)


def open_preset(name: str) -> None:
    """Callback: loads a preset."""
    load(PRESETS[name].experiment)
