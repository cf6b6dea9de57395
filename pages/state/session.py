"""What the server keeps for a viewer and what all share: st.session_state and the run pool.

Other files touch st.session_state for what is a page's own alone, under keys that begin with the page's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import streamlit as st

from pages.state import run_list, uploads, view_options
from pages.state.playback import Playback
from rnnkit.analysis.describe import LABELS
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, Fix, GradientFix
from rnnkit.experiment import FIELDS, Experiment, ExperimentError, applies
from rnnkit.export.run_list import dump
from rnnkit.export.run_list import load as load_shelf
from rnnkit.serving.limits import Limits
from rnnkit.serving.process import Answer
from rnnkit.serving.run_pool import Run, RunPool
from rnnkit.stories.presets import PRESETS, Preset, named
from rnnkit.tasks import TASKS

OWN = "own"  # in the menu of presets: the viewer's own settings


@st.cache_resource(show_spinner=False)
def pool() -> RunPool:
    """One for the whole server; it starts a worker at once, so that the first Train finds it warm."""
    return RunPool()


def limits() -> Limits:
    return pool().limits


def presets() -> dict[str, Preset]:
    """The stories that this server's limits allow; the first is where a visitor without a link begins."""
    return _allowed(limits())


@lru_cache(maxsize=1)
def _allowed(limits: Limits) -> dict[str, Preset]:
    return {name: preset for name, preset in PRESETS.items() if not limits.check(preset.experiment)}


def default() -> Experiment:
    return next((preset.experiment for preset in presets().values()), limits().smallest())


# ---- the experiment: controls "c_<field>"; the fixes are a list of names, each with a strength "s_<name>" and a first step
# "f_<name>" ----


def key(name: str) -> str:
    """The widget key of a control. A new one whenever all controls are set at once, which then begin with what is remembered: a
    slow browser that still shows the old ones would send their old values back, and these would count as the viewer's choice.
    """
    generation = st.session_state.generation
    return f"{name}~{generation}" if generation else name


def start(e: Experiment, pinned: Experiment | None) -> None:
    """At a session's first run."""
    st.session_state.memory = {}
    _set(e, True, pinned)


def from_link(query: Mapping[str, str]) -> tuple[Experiment, list[str]]:
    """The Experiment that a link names, and what is wrong with it; without one, the default."""
    e, messages = Experiment.from_query(query, objections) if query else (default(), [])
    return default() if objections(e) else e, messages  # a server that refuses even the package's defaults


def objections(e: Experiment) -> dict[str, str]:
    """field -> why this viewer cannot have this Experiment here."""
    refusal = uploads.refusal(e.data)
    return {"data": refusal} if refusal else limits().check(e)


def refusal(e: Experiment) -> str:
    """Why this viewer cannot load this Experiment now, "" where they can: for buttons, which are then disabled with this help."""
    return "; ".join([*objections(e).values(), *_against_lesson(e)])


def _against_lesson(e: Experiment) -> list[str]:
    """What a lesson hides or locks keeps its value, whatever would load another one."""
    changed = [
        LABELS[name] for name in FIELDS if view_options.kept(name) and applies(e, name) and getattr(e, name) != _held(name)
    ]
    return [f"this lesson keeps {', '.join(changed)}, and here it would change"] if changed else []


def _held(name: str) -> Any:
    """A field's value in the controls, shown or not."""
    memory = st.session_state.memory
    if name != "fixes":
        return memory[name]
    return tuple(_fix(memory, fix) for fix in (*memory["fixes"], *memory["hidden_fixes"]))


def ask(study: str, e: Experiment, **options: Any) -> Answer:
    """A study of this Experiment by a worker; all viewers share its answer."""
    return pool().ask(study, e, **options)


def load(e: Experiment, play: bool = True, pinned: Experiment | None = None) -> bool:
    """Sets every control to this Experiment; what does not apply to it keeps the viewer's last value.

    False where a lesson keeps a setting that would change: then nothing is loaded, and the next drawing says why (`notice`).
    Stories, pairs, remedies, the shelf, the tour and Back all come here.
    """
    if refused := _against_lesson(e):
        st.session_state.notice = f"Not opened: {refused[0]}."
        return False
    _set(e, play, pinned)
    return True


def open_run(e: Experiment, play: bool = True, pinned: Experiment | None = None) -> None:
    """`load` as a callback."""
    load(e, play, pinned)


def notice() -> str:
    """Why nothing was loaded; once."""
    return st.session_state.pop("notice", "")


def _set(e: Experiment, play: bool, pinned: Experiment | None) -> None:
    memory = st.session_state.memory
    st.session_state.generation = st.session_state.get("generation", -1) + 1
    for name, f in FIELDS.items():
        if name != "fixes":
            memory[name] = getattr(e, name) if applies(e, name) else memory.get(name, f.default)
    memory["given"] = memory.get("given", {}) | ({TASKS[e.task].data: e.data} if applies(e, "data") else {})
    defaults = {name: fix.default for name, fix in FIXES.items()}
    memory["strengths"] = defaults | memory.get("strengths", {}) | {fix.name: fix.strength for fix in e.fixes}
    memory["since"] = dict.fromkeys(FIXES, 0) | {fix.name: fix.start_step for fix in e.fixes if isinstance(fix, GradientFix)}
    memory["fixes"] = [fix.name for fix in e.fixes] if applies(e, "fixes") else memory.get("fixes", [])
    memory["hidden_fixes"] = []  # chosen, but not defined for the present cell: back when the cell is
    if pinned is not None or "pinned" not in st.session_state:
        pin(pinned)
    _turn_to(e, play)


def pin(e: Experiment | None) -> None:
    """Keeps the run of e beside whatever comes; None lets go of it."""
    state = st.session_state
    if state.get("pinned"):
        pool().leave(state.pinned, viewer("pinned"))
    state.pinned = pool().get(e) if e else None


def viewer(role: str) -> str:
    """Under this name the viewer watches other runs than the present one: the pinned run, those of a page."""
    return f"{st.session_state.viewer} {role}"


def pinned() -> Experiment | None:
    return st.session_state.pinned.experiment if st.session_state.pinned else None


def pinned_run() -> Run | None:
    """The pinned run, which is trained to its end; None where nothing is pinned."""
    state = st.session_state
    if state.pinned is None:
        return None
    if uploads.refusal(state.pinned.experiment.data):  # forgotten meanwhile
        pin(None)
        return None
    state.pinned = pool().adopt(state.pinned)
    pool().watch(state.pinned, viewer("pinned"), state.pinned.rows)
    return state.pinned


def _turn_to(e: Experiment, play: bool) -> None:
    """This viewer looks at the run of e from its beginning, and no longer at the one before."""
    state = st.session_state
    pace = state.playback.pace if "playback" in state else Playback.pace
    state.messages = []  # the link has been left behind
    if "run" in state:
        pool().leave(state.run, state.viewer)
    state.run, state.playback = pool().get(e), Playback(playing=play, pace=pace)


def value(control: str) -> Any:
    """What a control holds. It must also be the control's default: Streamlit tells the browser of a value set here only once,
    and a browser that is still busy with the run before never hears of it and answers with the default, for all controls.
    """
    state, there = st.session_state, key(control)
    if there not in state:
        state[there] = _remembered(control)
    return state[there]


def heard(key: str) -> Any:
    """What a widget tells its callback; None where it is no longer there.

    A look that a browser asks for before it hears of another page comes with the widgets of the page before, which Streamlit has
    let go of: all of them then count as changed.
    """
    return st.session_state.get(key)


def _remembered(control: str) -> Any:
    memory, (kind, _, name) = st.session_state.memory, control.partition("_")
    return {"c": memory, "s": memory["strengths"], "f": memory["since"]}[kind][name]


def experiment() -> Experiment:
    """What the controls say, after this rerun's changes; the last valid Experiment where they contradict each other."""
    state, memory, generation = st.session_state, st.session_state.memory, key("")
    for name in FIELDS:
        memory[name] = state.get(f"c_{name}{generation}", memory[name])
    memory["strengths"] = {name: state.get(f"s_{name}{generation}", s) for name, s in memory["strengths"].items()}
    memory["since"] = {name: state.get(f"f_{name}{generation}", n) for name, n in memory["since"].items()}
    if not view_options.kept("length"):
        memory["length"] = max(memory["length"] or 0, TASKS[memory["task"]].min_length)
    memory["data"] = memory["given"].get(TASKS[memory["task"]].data, "")
    gates = CELLS[memory["cell"]].gates
    fit = {name: view_options.kept("fixes") or fix.applies_to(gates) for name, fix in FIXES.items()}
    chosen = [*memory["fixes"], *memory["hidden_fixes"]]
    memory["fixes"], memory["hidden_fixes"] = [n for n in chosen if fit[n]], [n for n in chosen if not fit[n]]
    for control in ("c_length", "c_fixes"):  # which have just been made to fit
        there, fitting = key(control), _remembered(control)
        if state.get(there, fitting) != fitting:  # a needless write would undo what is being typed
            state[there] = fitting
    try:
        e = _assemble(memory)
        problems = objections(e)
        if problems:
            raise ExperimentError(problems)
        state.valid, state.problem = e, ""
    except ValueError as error:
        state.problem = str(error)
    state.setdefault("valid", default())
    if uploads.refusal(state.valid.data):  # forgotten meanwhile
        state.valid = default()
    if state.valid != state.run.experiment:
        _turn_to(state.valid, play=False)
    return state.valid


def _assemble(memory: Mapping[str, Any]) -> Experiment:
    kind = Experiment(cell=memory["cell"], task=memory["task"])
    values = {name: memory[name] for name in FIELDS if name != "fixes" and applies(kind, name)}
    chosen = memory["fixes"] if applies(kind, "fixes") else ()
    return Experiment(**values, fixes=tuple(_fix(memory, name) for name in chosen))


def _fix(memory: Mapping[str, Any], name: str) -> Fix:
    kind: Callable[..., Fix] = FIXES[name]
    begins = {"start_step": memory["since"][name] or 0} if issubclass(FIXES[name], GradientFix) else {}
    return kind(memory["strengths"][name], **begins)


def current() -> Experiment:
    """The Experiment of this rerun, once the sidebar has been drawn."""
    return st.session_state.valid


def chosen_preset() -> str:
    return named(current()) or OWN


def preset_key() -> str:
    """Key of the menu of presets: a new one whenever its value is another, so that `choose_preset` can tell an old menu."""
    return f"c_preset~{chosen_preset()}~{st.session_state.get('picks', 0)}"


def choose_preset(key: str) -> None:
    """Callback of the preset menu. One that is gone can still be heard of: a browser that does not know yet of a changed
    setting sends the old menu's value with its next look at the run, and choosing that preset again would undo the change.
    """
    if key != preset_key():
        return
    st.session_state.picks = st.session_state.get("picks", 0) + 1
    if (name := heard(key)) in PRESETS:
        open_preset(name)


def problem() -> str:
    return st.session_state.problem


def messages() -> list[str]:
    """What was wrong with the link."""
    return st.session_state.messages


# ---- the list of runs, which the tab keeps, and sequences to look at ----


def kept() -> dict[str, Any]:
    """What the viewer's tab keeps of this session for the next one (frame.js)."""
    state, entries = st.session_state, run_list.shelf().entries
    return {"viewer": state.viewer, "shelf": dump(entries) if entries else "", "told": state.get("shelf_told", False)}


def bring_back() -> None:
    """Callback of the frame: the shelf that this tab had in a session before; what is wrong with it is left out."""
    if (told := heard("rnnkit_frame")) is None:
        return
    st.session_state.shelf_told = True
    entries, _ = load_shelf(str(told.shelf))
    run_list.shelf().merge([entry for entry in entries if not objections(entry.experiment)])


def example(e: Experiment) -> list[str]:
    """The words or symbols of one held-out sequence, for the time axis."""
    return _example(e.task, e.length, e.data, e.vocabulary)


@lru_cache(maxsize=64)
def _example(task: str, length: int, data: str, vocabulary: int) -> list[str]:
    return TASKS[task].bound(data, vocabulary).example(length)


def open_preset(name: str) -> None:
    load(PRESETS[name].experiment)
