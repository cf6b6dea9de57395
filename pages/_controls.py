"""The sidebar: widgets -> Experiment. Only what applies is shown; names and help come from the registries."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

from pages import _session, _view
from pages._plain import plain
from rnnkit.cells import CELLS
from rnnkit.experiment import FIELDS, Experiment, applies
from rnnkit.fixes import FIXES, GradientFix
from rnnkit.presets import PRESETS
from rnnkit.words import LABELS, TITLES, difference, summary


def sidebar(only: Collection[str] | None = None) -> None:
    """Draws every control that applies, of all fields or of these; the Experiment they describe is then _session.current().

    A control that is not drawn keeps its value; so does one that a lesson's link hides.
    """
    e = _session.experiment()
    shown = _view.without_hidden(name for name in FIELDS if applies(e, name) and (only is None or name in only))
    with st.sidebar:
        if only is None and not _view.hidden("story"):
            _preset_menu()
        if shown and not _view.hidden("pin"):
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
        if _session.problem():
            st.error(f"Not used: {plain(_session.problem())}", icon=":material/block:")


def _preset_menu() -> None:
    now, key = _session.chosen_preset(), _session.preset_key()
    fit = [name for name, preset in _session.presets().items() if name == now or not _session.refusal(preset.experiment)]
    names = [_session.OWN, *fit]
    st.selectbox(
        "Story",
        names,
        index=names.index(now),
        key=key,
        format_func=lambda name: PRESETS[name].title if name in PRESETS else "Your own settings",
        on_change=_session.choose_preset,
        args=(key,),
        disabled=_view.locked("story"),
        help="Experiments that show one thing each. Any control below makes one your own.",
    )


def _pin(e: Experiment) -> None:
    """Keeps the present run to compare with, whatever is chosen next."""
    pinned, fixed = _session.pinned(), _view.locked("pin")
    with st.container(horizontal=True, key="pinning", vertical_alignment="center"):
        if pinned is None:
            about = "Keeps this run. Then change one thing: the lab shows both, trained on the same seeds and batches."
            st.button(
                "Pin this run", key="pin", on_click=_session.pin, args=(e,), icon=":material/keep:", help=about, disabled=fixed
            )
            return
        st.button("Unpin", key="unpin", on_click=_session.pin, args=(None,), icon=":material/keep_off:", disabled=fixed)
        refused = _session.refusal(pinned)
        swap = {"on_click": _session.load, "args": (pinned,), "kwargs": {"pinned": e}, "help": refused or None}
        swap["disabled"] = fixed or pinned == e or bool(refused)
        st.button("Swap", key="swap", icon=":material/swap_horiz:", **swap)
    told = "Now change one thing." if pinned == e else f"Now: {difference(pinned, e)}."
    st.caption(f"Pinned: {summary(pinned)}. {told}")


def _choice(name: str) -> None:
    titles = TITLES[name]
    key, options = _session.key(f"c_{name}"), list(titles)
    at = options.index(_session.value(f"c_{name}"))
    about, fixed = FIELDS[name].metadata["help"], _view.locked(name)
    st.selectbox(LABELS[name], options, index=at, key=key, format_func=titles.get, help=about, disabled=fixed)


def _number(e: Experiment, name: str) -> None:
    f = FIELDS[name]
    low, high = f.metadata["range"]
    low = e.bound_task.min_length if name == "length" else low
    high = getattr(_session.limits(), f"max_{name}", high)
    whole = isinstance(f.default, int)
    label = "Spectral radius" if name == "gain" and CELLS[e.cell].reservoir else LABELS[name]
    st.number_input(
        label,
        min_value=int(low) if whole else float(low),
        max_value=int(high) if whole else float(high),
        value=_session.value(f"c_{name}"),
        step=_step(name, getattr(e, name)),
        format="%d" if whole else "%g",
        key=_session.key(f"c_{name}"),
        help=f.metadata["help"],
        disabled=_view.locked(name),
    )


def _step(name: str, value: float) -> float:
    """What + and - add: half the value, rounded to one digit, or a natural unit."""
    whole = {"length": 10, "hidden": 8, "steps": 50, "batch": 8}
    if isinstance(FIELDS[name].default, int):
        return whole.get(name, 1)
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
    valid = [name for name, fix in FIXES.items() if fix(fix.default).applies_to(CELLS[e.cell].gates)]
    chosen = st.multiselect(
        LABELS["fixes"],
        valid,
        default=_session.value("c_fixes"),
        key=_session.key("c_fixes"),
        format_func=lambda name: FIXES[name].title,
        help=FIELDS["fixes"].metadata["help"],
        placeholder="None",
        disabled=_view.locked("fixes"),
    )
    for name in chosen:
        _strength(name)


def _strength(name: str) -> None:
    fix, fixed = FIXES[name], _view.locked("fixes")
    left, right = st.columns([3, 2]) if issubclass(fix, GradientFix) else (st.container(), None)
    if name == "freeze":
        about = f"{fix.about} Out of {', '.join(fix.CHOICES)}, joined by +."
        key = f"s_{name}"
        left.text_input(fix.title, value=_session.value(key), key=_session.key(key), help=about, disabled=fixed)
    else:
        left.number_input(
            fix.title,
            min_value=1 if fix.whole else 0.0,
            max_value=int(fix.high) if fix.whole else float(fix.high),
            value=_session.value(f"s_{name}"),
            step=5 if fix.whole else float(f"{fix.default / 2:.0e}"),
            format="%d" if fix.whole else "%g",
            key=_session.key(f"s_{name}"),
            help=fix.about,
            disabled=fixed,
        )
    if right:
        about = "The training step at which this remedy begins; before, the run is the one without it."
        most, now = _session.limits().max_steps, _session.value(f"f_{name}")
        look = {"key": _session.key(f"f_{name}"), "help": about, "disabled": fixed}
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
