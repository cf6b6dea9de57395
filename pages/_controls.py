"""The sidebar: widgets -> Experiment. Only what applies is shown; names and help come from the registries."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

from pages import _session
from rnnkit.cells import CELLS
from rnnkit.experiment import FIELDS, Experiment, applies
from rnnkit.fixes import FIXES
from rnnkit.inits import BIASES, INITS
from rnnkit.optim import OPTIMIZERS
from rnnkit.presets import PRESETS
from rnnkit.tasks import TASKS

LABELS = {
    "task": "Task",
    "length": "Sequence length T",
    "cell": "Cell",
    "hidden": "Hidden units H",
    "init": "Initialization",
    "gain": "Gain",
    "input_scale": "Input scale",
    "bias": "Gate bias",
    "fixes": "Remedies",
    "optimizer": "Optimizer",
    "lr": "Learning rate",
    "batch": "Batch size B",
    "steps": "Training steps",
    "replicas": "Networks side by side R",
    "seed": "Seed",
    "leak": "Leak",
    "density": "Connections",
    "ridge": "Ridge penalty",
}
INIT_NAMES = {
    "xavier": "Xavier / Glorot",
    "identity": "Identity (IRNN)",
    "sparse": "Sparse, 15 inputs a unit",
    "spectral": "Spectral radius",
}
BIAS_NAMES = {"zero": "0", "forget-1": "Forget 1", "chrono": "Chrono(T)"}


def sidebar(only: Collection[str] | None = None) -> None:
    """Draws every control that applies, of all fields or of these; the Experiment they describe is then _session.current().

    A control that is not drawn keeps its value.
    """
    _session.start()
    e = _session.experiment()
    shown = {name for name in FIELDS if applies(e, name) and (only is None or name in only)}
    with st.sidebar:
        if only is None:
            _preset_menu()
        if "task" in shown:
            _choice("task", {k: t.title for k, t in TASKS.items()})
        if "length" in shown:
            _number(e, "length")
        if "cell" in shown:
            _choice("cell", {k: c.title for k, c in CELLS.items()})
        if "init" in shown:
            left, right = st.columns([3, 2])
            with left:
                _choice("init", {k: INIT_NAMES.get(k, k.capitalize()) for k in INITS})
            with right:
                _number(e, "gain")
        _in_pairs(e, shown & {"gain", "leak", "density", "ridge"} if "init" not in shown else ())
        if "bias" in shown:
            _choice("bias", {k: BIAS_NAMES.get(k, k) for k in BIASES})
        if "fixes" in shown:
            _fixes(e)
        _training(e, shown, folded=only is None)
        if _session.problem():
            st.error(f"Not used: {_session.problem()}", icon=":material/block:")
    _session.write_link(e)


def _preset_menu() -> None:
    names = [_session.OWN, *_session.presets()]
    st.selectbox(
        "Story",
        names,
        key="c_preset",
        format_func=lambda name: PRESETS[name].title if name in PRESETS else "Your own settings",
        on_change=_session.choose_preset,
        help="Experiments that show one thing each. Any control below makes one your own.",
    )


def _choice(name: str, titles: dict[str, str]) -> None:
    st.selectbox(LABELS[name], list(titles), key=f"c_{name}", format_func=titles.get, help=FIELDS[name].metadata["help"])


def _number(e: Experiment, name: str) -> None:
    f = FIELDS[name]
    low, high = f.metadata["range"]
    low = TASKS[e.task].min_length if name == "length" else low
    high = getattr(_session.limits(), f"max_{name}", high)
    whole = isinstance(f.default, int)
    label = "Spectral radius" if name == "gain" and CELLS[e.cell].reservoir else LABELS[name]
    st.number_input(
        label,
        min_value=int(low) if whole else float(low),
        max_value=int(high) if whole else float(high),
        step=_step(name, getattr(e, name)),
        format="%d" if whole else "%g",
        key=f"c_{name}",
        help=f.metadata["help"],
    )


def _step(name: str, value: float) -> float:
    """What + and - add: half the value, rounded to one digit, or a natural unit."""
    whole = {"length": 10, "hidden": 8, "steps": 50, "batch": 8}
    if isinstance(FIELDS[name].default, int):
        return whole.get(name, 1)
    return {"gain": 0.1, "input_scale": 0.01, "leak": 0.05, "density": 0.05}.get(name, float(f"{max(value, 1e-12) / 2:.0e}"))


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
        key="c_fixes",
        format_func=lambda name: FIXES[name].title,
        help=FIELDS["fixes"].metadata["help"],
        placeholder="None",
    )
    for name in chosen:
        _strength(name)


def _strength(name: str) -> None:
    fix = FIXES[name]
    key = f"s_{name}"
    if name == "freeze":
        st.text_input(fix.title, key=key, help=f"{fix.about} Out of {', '.join(fix.CHOICES)}, joined by +.")
        return
    st.number_input(
        fix.title,
        min_value=1 if fix.whole else 0.0,
        max_value=int(fix.high) if fix.whole else float(fix.high),
        step=5 if fix.whole else float(f"{fix.default / 2:.0e}"),
        format="%d" if fix.whole else "%g",
        key=key,
        help=fix.about,
    )


def _training(e: Experiment, shown: Collection[str], folded: bool) -> None:
    """The rest, two by two; all of them together in an expander."""
    pairs = (("hidden", "input_scale"), ("optimizer", "lr"), ("batch", "steps"), ("replicas", "seed"))
    rows = [names for pair in pairs if (names := [name for name in pair if name in shown])]
    with st.expander("Network and training") if folded else st.container():
        for names in rows:
            for column, name in zip(st.columns(2), names, strict=False):
                with column:
                    if name == "optimizer":
                        _choice(name, {k: o.title for k, o in OPTIMIZERS.items()})
                    else:
                        _number(e, name)
