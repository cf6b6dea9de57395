"""Forward and backward, step by step: every number of one sentence's pass through a network of two to four units."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.components.ledger import PLACE, contents, ledger
from pages.state import page_settings, session
from pages.ui import layout, nudge, scan_tree, study_view
from rnnkit.analysis.ledger import FUNCTIONS, NAME, Ledger, forward
from rnnkit.engine import weights
from rnnkit.engine.cells import CELLS, Cell
from rnnkit.experiment import Experiment
from rnnkit.rounding import percent
from rnnkit.stories.presets import PRESETS
from rnnkit.tasks import TASKS
from rnnkit.tasks.agreement import PLURAL, SINGULAR, WORDS

TITLE = "Steps"
CONTROLS = ()

TASK = TASKS["agreement"]
ANSWERS = [TASK.answer(np.array([k])) for k in range(TASK.n_out)]
UNITS, LENGTHS, SENTENCES = (2, 3, 4), range(7, 13), 5
START = {"hidden": 3, "length": 8}
LINKED = {
    "steps_cell": page_settings.Choice(CELLS),
    "steps_units": page_settings.Choice(UNITS),
    "steps_words": page_settings.Number(LENGTHS[0], LENGTHS[-1]),
    "steps_sentence": page_settings.Choice(range(SENTENCES)),
    "steps_number": page_settings.Choice(("singular", "plural")),
    "steps_weights": page_settings.Choice(("untrained", "trained")),
    "steps_cut": page_settings.Number(0, LENGTHS[-1]),
    **PLACE,
    **nudge.LINKED,
}
TOUR_TARGETS = {
    "controls": "steps_controls",
    "table": "steps_ledger",
    "sentence": "steps_sentence",
    "weights": "steps_weights",
    "cut": "steps_cut",
}
READY = (".ledger[data-at]",)
DRAWING = (".ledger .scroll", "ArrowLeft", ".ledger data-at")
STEPS = 150
N_TEST_SENTENCES = 256
RESERVOIR = "The recurrent weights of a reservoir are not trained: this is the gradient that would reach them."


def page() -> None:
    layout.opening(
        "What does a network compute, word by word, and what flows back?",
        "Each word makes a new state. Back from the verb, the gradient is multiplied at every word: "
        "**the bars show what is left.**",
    )
    e, x, plural, cut, trained = _controls()
    cell = CELLS[e.cell]
    untrained = weights.draw_weights(e, e.seed)
    refused = "; ".join(session.limits().check(e).values())
    if trained and not refused:
        asked, note = [session.ask("weights", e, step=STEPS, replica=0)], "Not trained."
    else:
        asked, note = [], f"Not trained: {refused or 'weights as they were drawn'}."
    draw = partial(_drawn, e, x, plural, cut, untrained, note)
    study_view.answers(asked, draw, early=True, waiting="", failed="The network could not be trained")
    layout.caption(
        "Play, or press the arrow keys: → and ← step, ↑ and ↓ choose another number, Home and End jump, space plays. Click any "
        "number: below stands the equation that gave it, and the numbers it was made of are framed. Blue is below 0, orange "
        "above. Gradients have the heatmap's colours, from dark (tiny) to yellow (large), on a log scale; dh is dL/dh. A bar "
        "half as high is half the gradient; between two bars stands what the step back multiplies its norm by. Pale bars are "
        "still to come. Words, times and units count from 1." + (f" {RESERVOIR}" if cell.reservoir else "")
    )
    now = asked[0].found[-1] if asked and asked[0].found else untrained
    nudge.check(e, x, plural, cut, now, TASK.labels(x), ANSWERS)
    scan_tree.section(Ledger(e.cell, now, x, plural, e.loss), TASK.labels(x))
    _lab_memory()
    layout.mathematics(_equations(cell), f"The mathematics of this cell: {cell.title}")
    _suggestions(e)


# ---- controls ----


def _controls() -> tuple[Experiment, np.ndarray, int, int, bool]:
    """Returns the Experiment, the sentence's symbols and number, the truncation, and whether the network is trained."""
    now = session.current()
    with st.sidebar, st.container(key="steps_controls"):
        cell = page_settings.selectbox("Cell", list(CELLS), "steps_cell", now.cell, format_func=lambda name: CELLS[name].title)
        H = page_settings.segmented("Units", UNITS, "steps_units", now.hidden if now.hidden in UNITS else START["hidden"])
        length = now.length if now.length in LENGTHS else START["length"]
        words, after = st.columns(2)
        with words:
            T = page_settings.number("Words", LENGTHS[0], LENGTHS[-1], "steps_words", length)
        about = "Truncated backpropagation: let the gradient flow back so many time steps and no further. 0 cuts nothing."
        with after:
            cut = page_settings.number("Cut after", 0, LENGTHS[-1], "steps_cut", 0, help=about)
        texts = [_text(x) for x in sentences(T)]
        row = page_settings.selectbox("Sentence", range(SENTENCES), "steps_sentence", 0, format_func=texts.__getitem__)
        number = page_settings.segmented("Subject", ("singular", "plural"), "steps_number", "plural")
        state = page_settings.segmented("Weights", ("untrained", "trained"), "steps_weights", "untrained")
    e = Experiment(length=T, hidden=H, cell=cell, replicas=1, steps=STEPS, **dict(CELLS[cell].suited))
    x, plural = sentences(T)[row].copy(), int(number == "plural")
    x[TASK.evidence_step(T)] = _subjects(x)[plural]
    return e, x, plural, cut, state == "trained"


@st.cache_data(max_entries=16, show_spinner=False)
def sentences(length: int) -> list[np.ndarray]:
    """Returns a few held-out sentences as symbols (T,)."""
    return list(TASK.draw(length, SENTENCES, np.random.default_rng(7), held_out=True).x.T)


def _subjects(x: np.ndarray) -> tuple[int, int]:
    """Returns the subject in singular and plural as symbols."""
    word = WORDS[x[TASK.evidence_step(len(x))]]
    i = (SINGULAR if word in SINGULAR else PLURAL).index(word)
    return WORDS.index(SINGULAR[i]), WORDS.index(PLURAL[i])


def _text(x: np.ndarray) -> str:
    words = TASK.labels(x)
    words[TASK.evidence_step(len(x))] = "/".join(WORDS[i] for i in _subjects(x))
    return " ".join(words).replace(" ,", ",")


# ---- the ledger ----


def _drawn(
    e: Experiment,
    x: np.ndarray,
    plural: int,
    cut: int,
    untrained: dict[str, np.ndarray],
    note: str,
    found: list[list[dict[str, Any]]],
    done: bool,
) -> None:
    """Draws the trained network, the untrained one while there is none."""
    if any(found):
        _table(e, x, plural, cut, found[0][-1], f"Trained just now, in {STEPS} training steps.")
    else:
        _table(e, x, plural, cut, untrained, note if done else "In training; until then, as it was drawn.")


def _table(e: Experiment, x: np.ndarray, plural: int, cut: int, p: dict[str, np.ndarray], note: str) -> None:
    ledger(_contents(e.cell, e.loss, x, plural, cut, p), key="steps_ledger")
    right = percent(_n_right(e.cell, e.length, p) / N_TEST_SENTENCES)
    st.markdown(f"{note} Of {N_TEST_SENTENCES} new sentences this network gets **{right}** right; guessing gets half.")


@st.cache_data(max_entries=64, show_spinner=False)
def _contents(cell: str, loss: str, x: np.ndarray, plural: int, cut: int, p: dict[str, np.ndarray]) -> dict[str, Any]:
    return contents(Ledger(cell, p, x, plural, loss, cut), words=TASK.labels(x), answers=ANSWERS, right=plural)


@st.cache_data(max_entries=64, show_spinner=False)
def _n_right(cell: str, length: int, p: dict[str, np.ndarray]) -> int:
    batch = TASK.draw(length, N_TEST_SENTENCES, np.random.default_rng(1), held_out=True)
    return int((forward(cell, p, batch.x)["logits"][-1].argmax(-1) == batch.y[-1]).sum())


def _lab_memory() -> None:
    """Draws the memory of a training step of the lab's network (bptt.Tape)."""
    e = session.current()
    numbers = CELLS[e.cell].floats_per_unit
    n_bytes = 4 * numbers * e.length * e.batch * e.hidden
    size = f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:,.1f} kB"
    st.caption(
        f"Each network in the lab ({CELLS[e.cell].title}) keeps {numbers} such numbers, gradients included, for every word, "
        f"sentence and unit: {e.length} words × {e.batch} sentences × {e.hidden} units × {numbers} × 4 bytes = "
        f"{size} a training step. Twice the words, twice the memory."
    )


# ---- mathematics ----

LATEX = {"phi": r"\varphi'", "sigmoid": r"\sigma", "logsigmoid": r"\log\sigma", "nonzero": "", "lam": r"\lambda"} | {
    name: rf"\mathrm{{{name}}}" for name in ("step", "sign", "abs", "im")
}
WEIGHTS = {"leak", *(name for cell in CELLS.values() for name in cell.own_weights)}  # that stand in an equation, and have no time


def _equations(cell: Cell) -> str:
    """From the cell's own text, which the ledger evaluates."""
    apart, arrives = dict(cell.apart), dict(cell.direct_terms)
    sums = []
    for name in cell.columns:
        recurrent = apart.get(name, name)
        gate = _gate(cell, name)
        bias = f"b_{{{gate[1:]}}}" if gate else "b"
        from_x, b_rec = f"x_t W_{{in{gate}}} + {bias}", f" + b_{{rec{gate}}}" if cell.recurrent_bias else ""
        from_h = f"{cell.recurrent_name}_{{t-1}} {_matrix(cell, gate)}{b_rec}"
        if part := cell.second_product:
            from_h += f" + {part}_{{t-{cell.lag}}} {_second_matrix(cell)}"
        together = recurrent == name
        sums.append((name, f"{from_x} + {from_h}" if together and cell.recurrent else from_x))
        sums += [] if together else [(recurrent, from_h)]
    forward_lines = [f"M &= {cell.matrix_equation}"] if cell.builds_matrix else []
    forward_lines += [f"{_latex(name)} &= {right}" for name, right in sums]
    forward_lines += [f"{_latex(name)} &= {_latex(text)}" for name, text in cell.equations]
    through = [
        f"{_latex(f'd{apart.get(name, name)}', 1)} {_matrix(cell, _gate(cell, name))}^T"
        for name in cell.columns
        if cell.recurrent
    ]
    if cell.lag > 1:
        through.append(f"da_{{t+{cell.lag}}} {_second_matrix(cell)}^T")
    carried = [_latex(arrives["h"], 1)] if "h" in arrives else []
    to_h = [] if cell.recurrent_part else through
    back_lines = [rf"dh_T &= dlogit\, W_{{out}}^T, \qquad dh_t = {' + '.join(to_h + carried)}"]
    for name, text in cell.derivatives:
        come = [_latex(arrives[name[1:]], 1)] if name[1:] in arrives else []
        come += [f"da_{{t+1}} {_second_matrix(cell)}^T"] if name[1:] == cell.second_product else []
        come += through if cell.recurrent_part and name[1:] == cell.recurrent_name else []
        right = _latex(re.sub(rf"\b{name}\b", "@", text)).replace("@", " + ".join(come)) if come else _latex(text)
        back_lines.append(f"{_latex(name)} &= {right}")
    side_by_side = ", ".join(_latex(f"d{apart.get(name, name)}") for name in cell.columns)
    if cell.recurrent:
        back_lines.append(rf"d{_matrix(cell)} &= \sum_t {cell.recurrent_name}_{{t-1}}^T\, da_t")
    if cell.second_product:
        back_lines.append(rf"d{_second_matrix(cell)} &= \sum_t {cell.second_product}_{{t-{cell.lag}}}^T\, da_t")
    if cell.builds_matrix:
        back_lines.append(f"dW_{{rec}} &= {cell.matrix_gradient_equation}")
    back_lines += [rf"d\mathrm{{{name}}} &= \sum_t {_latex(text)}" for name, text in cell.own_terms]
    return MATHEMATICS.format(
        forward=_aligned(forward_lines),
        backward=_aligned(back_lines),
        earlier=", as are the states before it" if cell.lag > 1 else "",
        past=f" The way over {cell.lag} steps through $W_{{skip}}$ leads past all Jacobians between." if cell.lag > 1 else "",
        da=f"$da_t$ is ${side_by_side}$ side by side. " if len(cell.columns) > 1 and cell.recurrent else "",
    )


def _gate(cell: Cell, name: str) -> str:
    """What stands under the weights of one of several columns: ",z" of a_z, ",g" of g."""
    return f",{LATEX.get(sub := name.removeprefix('a_'), sub)}" if len(cell.columns) > 1 else ""


def _matrix(cell: Cell, gate: str = "") -> str:
    """The matrix that multiplies the last state, of one column of the cell."""
    return "M" if cell.builds_matrix else f"W_{{rec{gate}}}"


MATHEMATICS = r"""**Forward**, from $h_0 = 0${earlier}, for every word:

{forward}

At the verb: $logit = h_T W_{{out}} + b_{{out}}$, the loss $L$, and $dlogit = dL/dlogit$.

**Backward**, from the last word to the first; $dv$ is $dL/dv$, a total derivative:

{backward}

Products of states and gates ($\odot$) are taken unit by unit. {da}One step back multiplies the gradient with the Jacobian $J_t$
of the new state with respect to the old one; its largest singular value bounds how much the gradient can grow there.{past} The
table evaluates exactly these equations."""


def _second_matrix(cell: Cell) -> str:
    return cell.second_matrix.replace("_", "_{") + "}"


def _aligned(lines: list[str]) -> str:
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}\n$$"


def _latex(text: str, later: int = 0) -> str:
    """A cell's expression, its variables at time t (+ later)."""

    def variable(match: re.Match) -> str:
        name = match.group()
        if name in FUNCTIONS:
            return LATEX.get(name, rf"\{name}")
        if name in WEIGHTS:
            return rf"\mathrm{{{name}}}"
        t = later - name.endswith("_prev")
        base, _, sub = name.removesuffix("_prev").partition("_")
        when = "t" if t == 0 else f"t{t:+d}"
        return f"{LATEX.get(base, base)}_{{{f'{LATEX.get(sub, sub)},' if sub else ''}{when}}}"

    return re.sub(r" \*\* (\d)", r"^\1", NAME.sub(variable, text)).replace("*", r"\odot")


# ---- what next ----


def _suggestions(e: Experiment) -> None:
    small = replace(e, replicas=8)
    layout.try_next(
        layout.Try(
            f"**This very network in the lab**, with seven others beside it: {e.hidden} units, {e.length} words. Each row of the "
            "heatmap is the row ‖dh‖ of this page, over a whole batch.",
            small,
        ),
        layout.Try(
            f"**A hundred words** instead of {e.length}: as many multiplications on the way back. Watch the heatmap's left end.",
            PRESETS["forgets"].experiment,
        ),
        layout.Try(
            "**An LSTM with chrono initialization**: choose LSTM above and compare ‖dc‖ with ‖dh‖; then see both in the lab, "
            "over 50 words.",
            PRESETS["lstm-chrono"].experiment,
        ),
    )


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
