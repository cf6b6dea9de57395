"""The sidebar: widgets -> Experiment. Only what applies is shown; names and help come from the registries."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from pages.state import session, view_options
from pages.ui.markdown import plain
from rnnkit.analysis.describe import LABELS, difference, summary, titles
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, GradientFix
from rnnkit.experiment import FIELDS, Experiment, applies
from rnnkit.stories.presets import PRESETS


def sidebar(only: Collection[str] | None = None) -> None:
    """Draws every control that applies, of all fields or of these; the Experiment they describe is then _session.current().

    A control that is not drawn keeps its value; so does one that a lesson's link hides.
    """
    e = session.experiment()
    shown = view_options.without_hidden(name for name in FIELDS if applies(e, name) and (only is None or name in only))
    with st.sidebar:
        if only is None and not view_options.hidden("story"):
            _preset_menu()
        if shown and not view_options.hidden("pin"):
            _pin(e)
        if "task" in shown:
            _choice("task")
        if "length" in shown:
            _number(e, "length")
        if "cell" in shown:
            _choice("cell")
        _recurrent_weights(e, shown & {"init", "gain", "leak", "density", "ridge"})
        if "bias" in shown:
            _choice("bias")
        if "fixes" in shown:
            _fixes(e)
        _training(e, shown, folded=only is None)
        if not shown and only != ():  # a lesson hides them all: never an empty sidebar, which comes and goes and moves the menu
            st.caption(summary(e))
        if session.problem():
            st.error(f"Not used: {plain(session.problem())}", icon=":material/block:")


def _preset_menu() -> None:
    now, key = session.chosen_preset(), session.preset_key()
    fit = [name for name, preset in session.presets().items() if name == now or not session.refusal(preset.experiment)]
    names = [session.OWN, *fit]
    st.selectbox(
        "Story",
        names,
        index=names.index(now),
        key=key,
        format_func=lambda name: PRESETS[name].title if name in PRESETS else "Your own settings",
        on_change=session.choose_preset,
        args=(key,),
        disabled=view_options.locked("story"),
        help="Experiments that show one thing each. Any control below makes one your own.",
    )


def _pin(e: Experiment) -> None:
    """Keeps the present run to compare with, whatever is chosen next."""
    pinned, fixed = session.pinned(), view_options.locked("pin")
    with st.container(horizontal=True, key="pinning", vertical_alignment="center"):
        if pinned is None:
            about = "Keeps this run. Then change one thing: the lab shows both, trained on the same seeds and batches."
            st.button(
                "Pin this run", key="pin", on_click=session.pin, args=(e,), icon=":material/keep:", help=about, disabled=fixed
            )
            return
        st.button("Unpin", key="unpin", on_click=session.pin, args=(None,), icon=":material/keep_off:", disabled=fixed)
        refused = session.refusal(pinned)
        swap: dict[str, Any] = {"on_click": session.open_run, "args": (pinned,), "kwargs": {"pinned": e}, "help": refused or None}
        swap["disabled"] = fixed or pinned == e or bool(refused)
        st.button("Swap", key="swap", icon=":material/swap_horiz:", **swap)
    told = "Now change one thing." if pinned == e else f"Now: {difference(pinned, e)}."
    st.caption(f"Pinned: {summary(pinned)}. {told}")


def _choice(name: str) -> None:
    named = titles(name)
    key, options = session.key(f"c_{name}"), list(named)
    at = options.index(session.value(f"c_{name}"))
    about, fixed = FIELDS[name].metadata["help"], view_options.locked(name)
    st.selectbox(LABELS[name], options, index=at, key=key, format_func=named.__getitem__, help=about, disabled=fixed)


def _number(e: Experiment, name: str) -> None:
    f = FIELDS[name]
    low, high = f.metadata["range"]
    low = e.bound_task.min_length if name == "length" else low
    high = getattr(session.limits(), f"max_{name}", high)
    whole = isinstance(f.default, int)
    label = "Spectral radius" if name == "gain" and CELLS[e.cell].reservoir else LABELS[name]
    st.number_input(
        label,
        min_value=int(low) if whole else float(low),
        max_value=int(high) if whole else float(high),
        value=session.value(f"c_{name}"),
        step=_step(name, getattr(e, name), low),
        format="%d" if whole else "%g",
        key=session.key(f"c_{name}"),
        help=f.metadata["help"],
        disabled=view_options.locked(name),
    )


def _step(name: str, value: float, low: float) -> float:
    """What + and - add: half the value, rounded to one digit, or a natural unit; 1 where that would be below `low`."""
    if isinstance(FIELDS[name].default, int):
        natural = {"length": 10, "hidden": 8, "steps": 50, "batch": 8}.get(name, 1)
        return natural if value - natural >= low else 1  # or - would be dead although there are smaller numbers
    return {"gain": 0.1, "input_scale": 0.01, "leak": 0.05, "density": 0.05}.get(name, float(f"{max(value, 1e-12) / 2:.0e}"))


def _recurrent_weights(e: Experiment, shown: Collection[str]) -> None:
    """How they are drawn."""
    if "init" not in shown:
        _in_pairs(e, shown)
        return
    left, right = st.columns([3, 2]) if "gain" in shown else (st.container(), None)
    with left:
        _choice("init")
    if right:
        with right:
            _number(e, "gain")


def _in_pairs(e: Experiment, names: Collection[str]) -> None:
    ordered = [name for name in FIELDS if name in names]
    for i in range(0, len(ordered), 2):
        for column, name in zip(st.columns(2), ordered[i : i + 2], strict=False):
            with column:
                _number(e, name)


def _fixes(e: Experiment) -> None:
    valid = [name for name, fix in FIXES.items() if fix.applies_to(CELLS[e.cell].gates)]
    chosen = st.multiselect(
        LABELS["fixes"],
        valid,
        default=session.value("c_fixes"),
        key=session.key("c_fixes"),
        format_func=lambda name: FIXES[name].title,
        help=FIELDS["fixes"].metadata["help"],
        placeholder="None",
        disabled=view_options.locked("fixes"),
    )
    for name in chosen:
        _strength(name)


def _strength(name: str) -> None:
    fix, fixed = FIXES[name], view_options.locked("fixes")
    left, right = st.columns([3, 2]) if issubclass(fix, GradientFix) else (st.container(), None)
    if fix.choices:
        about = f"{fix.about} Out of {', '.join(fix.choices)}, joined by +."
        key = f"s_{name}"
        left.text_input(fix.title, value=session.value(key), key=session.key(key), help=about, disabled=fixed)
    else:
        left.number_input(
            fix.title,
            min_value=1 if fix.is_int else 0.0,
            max_value=int(fix.high) if fix.is_int else float(fix.high),
            value=session.value(f"s_{name}"),
            step=5 if fix.is_int else float(f"{fix.default / 2:.0e}"),
            format="%d" if fix.is_int else "%g",
            key=session.key(f"s_{name}"),
            help=fix.about,
            disabled=fixed,
        )
    if right:
        about = "The training step at which this remedy begins; before, the run is the one without it."
        most, now = session.limits().max_steps, session.value(f"f_{name}")
        look: dict[str, Any] = {"key": session.key(f"f_{name}"), "help": about, "disabled": fixed}
        right.number_input("from step", min_value=0, max_value=most, value=now, **look)


def _training(e: Experiment, shown: Collection[str], folded: bool) -> None:
    """The rest, two by two; all of them together in an expander."""
    pairs = (("hidden", "input_scale"), ("optimizer", "lr"), ("batch", "steps"), ("replicas", "seed"), ("vocabulary",))
    rows = [names for pair in pairs if (names := [name for name in pair if name in shown])]
    if not rows:
        return
    with st.expander("Network and training") if folded else st.container():
        for names in rows:
            for column, name in zip(st.columns(2), names, strict=False):
                with column:
                    if name == "optimizer":
                        _choice(name)
                    else:
                        _number(e, name)
