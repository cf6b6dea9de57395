"""What is a recurrent network? One drawing of the sidebar's network on a real sentence, which folds and unfolds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.components.network import PLACE, network, picture, things
from pages.state import page_settings, session
from pages.ui import layout, own_weights, study_view
from rnnkit.analysis.activations import example, read
from rnnkit.corpus.notes import count
from rnnkit.engine.cells import CELLS
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment
from rnnkit.stories.presets import PRESETS
from rnnkit.tasks import Batch

TITLE = "Network"
CONTROLS = ("task", "length", "cell", "hidden", "init", "gain", "input_scale", "bias", "r_min", "r_max", "seed")
LINKED = {
    "network_trained": page_settings.Choice(("untrained", "trained")),
    "network_number": page_settings.Choice(("singular", "plural")),
    **PLACE,
}
TOUR_TARGETS = {
    "drawing": "network_drawing",
    "weights": "network_trained",
    "subject": "network_number",
}
READY = (".network[data-fold='0.00']",)
DRAWING = (".network canvas", "ArrowLeft", ".network data-t")
MAX_STEPS = 200  # training steps; the sidebar's number if that is less

MATHEMATICS = """
**Feed-forward.** One input, one hidden layer, one answer; row vectors, $\\phi$ the cell's function:

$$h = \\phi(x\\,W_{{in}} + b), \\qquad z = h\\,W_{{out}} + b_{{out}}$$

**Recurrent.** The same weights at every step $t$, and one more term, the network's own last state (0 before the
first):

$$h_t = \\phi(x_t\\,W_{{in}} + h_{{t-1}}\\,W_{{rec}} + b), \\qquad z_t = h_t\\,W_{{out}} + b_{{out}}$$

**This cell ({title}),** for each unit; `{columns}` {are} $x_t W_{{in}} + h_{{t-1}} W_{{rec}} + b${apart}, and `_prev` is one step
earlier:

{equations}

**Parameters.** {counted}. All time steps share them: with 10 {things} or with 1,000 it is the same network with the same
{total:,} numbers.
"""


def page() -> None:
    layout.opening(
        "What is a recurrent network?",
        "The same neurons and the same weights at every step, **connected to themselves through time.**",
    )
    e = session.current()
    if not layout.equally_long(e):
        return
    number, batch, trained = _choices(e)
    study_view.answers(
        [session.ask("weights", e, step=min(e.steps, MAX_STEPS), replica=0)] if trained else [],
        partial(_drawn, e, number, batch),
        early=True,
        waiting="training; until then the untrained network is drawn ...",
        failed="The network could not be trained",
    )
    layout.mathematics(_mathematics(e))
    layout.try_next(*SUGGESTIONS)


def _choices(e: Experiment) -> tuple[str, Batch, bool]:
    """Draws the choices above the drawing. Returns the sequence's name, the sequence, and whether the weights are trained."""
    task, original = e.bound_task, example(e)
    numbers = task.versions(original)
    nouns = {n: " ".join(task.labels(b.x[t])[0] for t in task.landmarks(b.x[:, 0])) for n, b in numbers.items()}
    options: dict[str, Any] = {"label_visibility": "collapsed"}
    with st.container(horizontal=True, gap="medium"):
        kinds = {
            "untrained": f"{own_weights.first(e)} weights",
            "trained": f"after {count(min(e.steps, MAX_STEPS), 'training step')}",
        }
        weights = page_settings.segmented(
            "Weights", list(kinds), "network_trained", "untrained", format_func=lambda kind: kinds[kind], **options
        )
        trained = weights == "trained"
        if not numbers:
            return "", original, trained
        its_own = next(n for n, b in numbers.items() if np.array_equal(b.x, original.x))
        number = page_settings.segmented(
            "Subject", list(numbers), "network_number", its_own, format_func=lambda n: f"{n}: {nouns[n]}", **options
        )
    return number, numbers[number], trained


def _drawn(e: Experiment, number: str, batch: Batch, found: list[list[dict[str, np.ndarray]]], done: bool) -> str:
    """Draws the network, untrained until the trained one has come. Returns what was measured on it."""
    ready = done and any(found)
    weights = found[0][-1] if ready else draw_weights(e, e.seed)
    drawn = _picture(e.key, number, ready, e, batch, weights)
    network(drawn, captions=_captions(e, drawn["other"]), summary=_summary(e, drawn, ready), key="network_drawing")
    return _measured(e.key, ready, e, weights) if done else ""


@st.cache_data(max_entries=64, show_spinner=False)
def _picture(
    key: str, number: str, trained: bool, _e: Experiment, _batch: Batch, _weights: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    return picture(_e, _weights, _batch)


def _captions(e: Experiment, other: str) -> list[tuple[str, str]]:
    """Returns title and sentence of each of the four stations. other: the word that the other version of the sequence has."""
    forward = f"the pulse fades as the difference from “{other}” does; " if other else ""
    one, cell = "word" if things(e.task) == "words" else "input", CELLS[e.cell]
    second = " Beside it runs the cell state, kept by a gate instead of weights." if "c" in cell.parts else ""
    second += f" Not drawn: each state enters once more {cell.lag} steps later." if cell.lag > 1 else ""
    loop = "Each keeps a share of its last state, which comes"
    if cell.recurrent:
        loop = f"{'M' if cell.builds_matrix else 'W_rec'} brings their last state"
    return [
        (
            "A feed-forward network, from the side.",
            f"One {one} comes in, every line multiplies by a weight, every neuron adds up.",
        ),
        (
            "The same network, from above.",
            f"Each layer is now one stack of neurons, each fan of lines one arrow. Still one {one} at a time.",
        ),
        (
            "The neurons connect to themselves through time.",
            f"{loop} back to them; without it they know one {one}, and nothing of those before.{second} "
            f"Press Play: the same neurons, {one} after {one}.",
        ),
        (
            "The loop, drawn out in time.",
            f"One column for each {one}, the same weights in every column. Press Play: {forward}back from the last {one}, the "
            f"gradient is multiplied at every {one}.",
        ),
    ]


def _summary(e: Experiment, drawn: Mapping[str, Any], trained: bool) -> str:
    output = drawn["lanes"][-1]
    outputs = ", ".join(f"{name} {v:.2f}" for name, v in zip(output["units"], output["loop"][-1], strict=True) if v is not None)
    kind = "trained" if trained else own_weights.first(e)
    return (
        f"{CELLS[e.cell].title} network, {kind}, with {e.hidden} hidden units, on {e.length} {drawn['things']}. "
        f"Its answer at the end: {outputs}. Right: {drawn['answer']}."
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _measured(key: str, trained: bool, _e: Experiment, _weights: Mapping[str, np.ndarray]) -> str:
    """Returns in words how far the states of the two versions differ, after the subject and at the end."""
    task = _e.bound_task
    numbers = task.versions(example(_e))
    if not numbers:
        return f"{task.about}"
    one, many = (batch.x[:, 0] for batch in numbers.values())
    (subject,) = task.landmarks(one)
    readings = [read(_e, _weights, x) for x in (one, many)]
    with np.errstate(invalid="ignore"):  # inf - inf
        apart = np.abs(readings[0].parts["h"] - readings[1].parts["h"]).max(1)
    singular, plural = (f"“{task.labels(x)[subject]}”" for x in (one, many))
    answers = " and ".join(f"{r.outputs[-1, 0]:.2f}" for r in readings)
    kind = "probability" if _e.loss == "cross_entropy" else "score"
    at_subject, at_end = _difference(apart[subject]), _difference(apart[-1])
    return (
        f"{singular} or {plural}? The unit that differs most, of all {_e.hidden}, differs by {at_subject} at the subject and by "
        f"{at_end} at the last word. With the loop, the {kind} of “{task.answer(np.array([0]))}” is then {answers}."
    )


def _difference(of: float) -> str:
    return "nothing but rounding" if of < 1e-15 else f"{of:.2g}"


def _mathematics(e: Experiment) -> str:
    cell, weights = CELLS[e.cell], draw_weights(e, e.seed)
    sizes = {name: W.shape for name, W in weights.items() if name != "leak"}
    counted = ", ".join(f"`{name}` {' x '.join(map(str, shape if shape[0] > 1 else shape[1:]))}" for name, shape in sizes.items())
    apart = "".join(f" (`{name}` without $h_{{t-1}} W_{{rec}} + b_{{rec}}$, which is `{alone}`)" for name, alone in cell.apart)
    return MATHEMATICS.format(
        title=cell.title,
        columns="`, `".join(cell.columns),
        are="is" if len(cell.columns) == 1 else "are, column by column,",
        apart=apart,
        equations="\n".join(f"    {name} = {text}" for name, text in cell.equations),
        counted=counted,
        total=sum(int(np.prod(shape)) for shape in sizes.values()),
        things=things(e.task),
    )


SUGGESTIONS = (
    layout.Try(
        "Unroll 10 words and train: the plural travels from the subject to the verb, and the network learns to use it.",
        PRESETS["remembers"].experiment,
    ),
    layout.Try(
        "The same network with 100 words in between: watch how little of the gradient comes back to the subject.",
        PRESETS["forgets"].experiment,
    ),
    layout.Try(
        "An LSTM has a second lane, the cell state c. With chrono initialization it keeps the number over 50 words.",
        PRESETS["lstm-chrono"].experiment,
    ),
)


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
