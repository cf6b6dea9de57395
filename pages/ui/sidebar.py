"""The sidebar: the controls of an Experiment. Draws those that apply, each from the FieldSpec of its field."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import streamlit as st

from pages.server.streamlit_private import resolve
from pages.state import controls, session, view_options
from pages.ui import layout, own_weights
from pages.ui.markdown import plain
from rnnkit import glossary
from rnnkit.analysis.describe import difference, summary
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, Fix, StartableFix
from rnnkit.engine.fixes.field import FixesField
from rnnkit.experiment import FIELDS, Experiment
from rnnkit.fields import ChoiceField, NumberField, SubsetField, lower_first
from rnnkit.stories.presets import PRESETS

# Streamlit may keep the place of the previous page's sidebar until the next rerun. Narrow windows have their menu in it.
NONE = resolve("""<style>
@media (min-width: 769px) { .streamlit-sidebar:not(:has(.streamlit-element)) { display: none; } }
</style>""")


def none() -> None:
    """Hides the place of the sidebar. Called by pages that draw nothing in it."""
    st.html(NONE)


def sidebar(only: Collection[str] | None = None, note: str = "") -> None:
    """Draws every control that applies to the present Experiment, of all fields or of these, below a note of the page.

    A control that is not drawn keeps its value, also where a lesson hides it.
    """
    e = session.current()
    shown = view_options.without_hidden(name for name, f in FIELDS.items() if f.fits(e) and (only is None or name in only))
    with st.sidebar:
        if note:
            st.info(note)
        if only is None and not view_options.hidden("story"):
            _preset_menu()
        if shown and not view_options.hidden("pin"):
            _pin(e)
        _controls(e, shown, "task", "length", "cell")
        if (only is None or "init" in only) and not view_options.hidden("weights"):
            own_weights.in_sidebar(e)
        _recurrent_weights(e, shown & {"init", "gain", "leak", "density", "ridge", "r_min", "r_max"})
        _controls(e, shown, "bias", "fixes")
        _training(e, shown, folded=only is None)
        if not shown and only != ():  # all are hidden: an empty sidebar would disappear, which moves the navigation
            st.caption(summary(e))
        if session.pool().computes not in ("", "PyTorch"):
            st.caption(f"Training computes with {session.pool().computes}.")
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
    """Draws the buttons that pin the present run for comparison, unpin it and swap the two."""
    pinned, fixed = session.pinned(), view_options.locked("pin")
    with st.container(horizontal=True, key="pinning", vertical_alignment="center"):
        if pinned is None:
            about = "Keeps this run. Then change one thing: the lab shows both, trained on the same seeds and batches."
            st.button(
                "Pin this run", key="pin", on_click=session.pin, args=(e,), icon=":material/keep:", help=about, disabled=fixed
            )
            return
        st.button("Unpin", key="unpin", on_click=session.pin, args=(None,), icon=":material/keep_off:", disabled=fixed)
        swap: dict[str, Any] = {"on_click": session.open_run, "args": (pinned,), "kwargs": {"pinned": e}}
        swap |= layout.disabled_by(session.refusal(pinned)) | ({"disabled": True} if fixed or pinned == e else {})
        st.button("Swap", key="swap", icon=":material/swap_horiz:", **swap)
    sentence = "Now change one thing." if pinned == e else f"Now: {difference(pinned, e)}."
    st.caption(f"Pinned: {summary(pinned)}. {sentence}")


def _controls(e: Experiment, shown: Collection[str], *names: str) -> None:
    """Draws the controls of these fields, as far as they are shown."""
    for name in names:
        if name in shown:
            _control(e, name)


def _control(e: Experiment, name: str) -> None:
    """Draws the control of a field, by the kind of its values."""
    spec, fixed = FIELDS[name], view_options.locked(name)
    if isinstance(spec, ChoiceField):
        _choice(spec, f"c_{name}", fixed)
    elif isinstance(spec, NumberField):
        low = e.bound_task.min_length if name == "length" else spec.low
        high = getattr(session.limits(), f"max_{name}", spec.high)
        label = "Spectral radius" if name == "gain" and CELLS[e.cell].reservoir else spec.label
        _number(replace(spec, low=low, high=high, label=label), f"c_{name}", fixed, getattr(e, name))
    elif isinstance(spec, FixesField):
        _fixes(e, spec, f"c_{name}", fixed)


def _choice(spec: ChoiceField, key: str, fixed: bool) -> None:
    options = list(spec.choices)
    at = options.index(session.value(key))
    st.selectbox(
        spec.label,
        options,
        index=at,
        key=session.key(key),
        format_func=spec.words,
        help=glossary.of_control(spec.name, spec.help),
        disabled=fixed,
    )


def _number(spec: NumberField, key: str, fixed: bool, value: float) -> None:
    """Draws a number. The step of + and - depends on `value`."""
    st.number_input(
        spec.label,
        min_value=spec.least,
        max_value=spec.high,
        value=session.value(key),
        step=spec.step_at(value),
        format=spec.format,
        key=session.key(key),
        help=glossary.of_control(spec.name, spec.help),
        disabled=fixed,
    )


def _recurrent_weights(e: Experiment, shown: Collection[str]) -> None:
    """Draws the controls of the recurrent weights' initialization."""
    if "init" not in shown:
        _in_pairs(e, shown)
        return
    left, right = st.columns([3, 2]) if "gain" in shown else (st.container(), None)
    with left:
        _control(e, "init")
    if right:
        with right:
            _control(e, "gain")


def _in_pairs(e: Experiment, names: Collection[str]) -> None:
    ordered = [name for name in FIELDS if name in names]
    for i in range(0, len(ordered), 2):
        for column, name in zip(st.columns(2), ordered[i : i + 2], strict=False):
            with column:
                _control(e, name)


def _fixes(e: Experiment, spec: FixesField, key: str, fixed: bool) -> None:
    valid = [name for name, fix in FIXES.items() if fix.applies_to(CELLS[e.cell])]
    chosen = st.multiselect(
        spec.label,
        valid,
        default=session.value(key),
        key=session.key(key),
        format_func=lambda name: FIXES[name].title,
        help=spec.help,
        placeholder="None",
        disabled=fixed,
    )
    for name in chosen:
        _fix(FIXES[name], fixed)
    for remark in e.remarks:
        st.caption(plain(remark))


def _fix(fix: type[Fix], fixed: bool) -> None:
    """Draws the controls of its parameters, and of the training step at which it begins."""
    start = fix.start() if issubclass(fix, StartableFix) else None
    left, right = st.columns([3, 2]) if start else (st.container(), None)
    with left:
        known = controls.parameters(fix)
        for name, spec in known.items():
            spec = replace(spec, label=f"{fix.title}: {lower_first(spec.label)}") if len(known) > 1 else spec
            if isinstance(spec, NumberField):
                _number(spec, f"s_{name}", fixed, spec.default)
            elif isinstance(spec, SubsetField):
                about = f"{spec.help} Out of {', '.join(spec.choices)}, joined by +."
                key = f"s_{name}"
                st.text_input(spec.label, value=session.value(key), key=session.key(key), help=about, disabled=fixed)
    if start and right:
        with right:
            _number(replace(start, high=session.limits().max_steps), f"f_{fix.name}", fixed, 0)


def _training(e: Experiment, shown: Collection[str], folded: bool) -> None:
    """Draws the remaining controls in pairs, in an expander where `folded`."""
    pairs = (
        ("hidden", "input_scale"),
        ("optimizer", "lr"),
        ("schedule", "warmup"),
        ("batch", "steps"),
        ("replicas", "seed"),
        ("vocabulary",),
    )
    rows = [names for pair in pairs if (names := [name for name in pair if name in shown])]
    if not rows:
        return
    with st.expander("Network and training") if folded else st.container():
        for names in rows:
            for column, name in zip(st.columns(2), names, strict=False):
                with column:
                    _control(e, name)
