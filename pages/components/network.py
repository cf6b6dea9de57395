"""A drawing of one recurrent network that unrolls: from the side, from above, with its loop, and through time.

A Streamlit component. `picture` collects the activations of one network on one sequence. `network.js` draws them and holds the
slider, the stations' captions and the playhead. `network.css` styles the elements around the canvas. The browser sends the
viewer's place when it no longer changes.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from pages.components.drawing import drawing
from pages.state import page_settings
from rnnkit.analysis.activations import Reading, gradient_norms, new_value, read, read_alone, share_left, window
from rnnkit.engine.cells import CELLS
from rnnkit.experiment import Experiment
from rnnkit.tasks import TASKS, Batch, Task
from rnnkit.thinning import evenly

HTML = """
<div class="network">
  <div class="top">
    <button class="play" type="button"></button>
    <div class="fold">
      <input type="range" min="0" max="3" step="0.01" value="0" aria-label="Fold and unfold the network">
      <div class="stations"></div>
    </div>
  </div>
  <p class="told"><b class="what"></b> <span class="how"></span></p>
  <div class="plot"><canvas role="application" aria-roledescription="drawing" tabindex="0"></canvas></div>
  <div class="foot">
    <span class="now" role="status"></span>
    <span class="legend">
      <span class="scale"><span>activation</span><span class="bar"></span></span>
      <span class="nan">NaN or inf</span>
      <span class="weights"><span>weight</span><span class="minus">negative</span><span class="plus">positive</span></span>
    </span>
  </div>
  <div class="tip" role="status" hidden><div></div><div></div></div>
</div>
"""
COLUMNS = (10, 8, 6)  # steps and gaps that are drawn, on wide to narrow screens
TITLES = {"h": "hidden", "c": "cell state", "im": "imaginary part"}
MAX_UNITS, MAX_CLASSES, MAX_PLAYED = 8, 5, 120  # of a state's part, of the output, and steps of the playhead

_component = drawing(
    "rnnkit_network",
    ("drawing.js", "numbers.js", "viridis.js", "place.js", "network.js", "network_pulse.js", "network_draw.js"),
    HTML,
    "network.css",
)
PLACE = {  # settings of the page: where its viewer is in the drawing
    "network_fold": page_settings.Number(0.0, 3.0),  # from the side view to the unrolled network
    "network_time": page_settings.Number(0, 9_999),
}


def network(drawn: Mapping[str, Any], *, captions: Sequence[tuple[str, str]], summary: str, key: str) -> None:
    """Draws what `picture` returns. captions: title and sentence of the four stations. summary: for screen readers."""
    steps, key = drawn["steps"], page_settings.drawing(key)
    place = {
        "fold": page_settings.value("network_fold", 0.0),
        "t": page_settings.value("network_time", drawn["first"], steps.__contains__, drawn["length"]),
    }
    data = {**drawn, "captions": list(captions), "summary": summary, "place": place}
    _component(key=key, data=data, on_place_change=page_settings.of_component(key, network_time=drawn["length"]))


def picture(e: Experiment, weights: Mapping[str, np.ndarray], batch: Batch) -> dict[str, Any]:
    """Returns the activations of this network on the one sequence of `batch`, as plain values.

    lanes: input, the parts of the state, output, from below; each with its units' names, and the rows `loop` (recurrent) and
    `alone` (feed-forward) of their activations at the times `steps`. windows: the steps to draw, for each of COLUMNS. first: the
    step to begin with, and the last on the way back. For each part of the state at `steps`: gradient, the norm of the gradient of
    the last step's loss, and left, the share of the difference from the `other` sequence that is left; both empty without one.
    """
    cell, task, x = CELLS[e.cell], e.bound_task, batch.x[:, 0]
    important = task.landmarks(x)
    windows = [window(e.length, important, columns) for columns in COLUMNS]
    steps = sorted({*chain(*windows), *evenly(e.length, MAX_PLAYED).tolist()})
    loop, alone = read(e, weights, x), read_alone(e, weights, x)
    units = list(range(min(MAX_UNITS, e.hidden)))
    entered, inputs = _input_lane(e, x, windows[0], steps)
    classes, output = _output_lane(e, batch.y[:, 0], loop, alone, steps)
    parts = [
        {
            "name": part,
            "title": f"{TITLES.get(part, part)} {part}_t",
            "kind": "units",
            "size": e.hidden,
            "units": [f"[{i}]" for i in units],
            "loop": plain(loop.parts[part][np.ix_(steps, units)]),
            "alone": plain(alone.parts[part][np.ix_(steps, units)]),
        }
        for part in reversed(cell.parts)
    ]
    columns = new_value(cell) * e.hidden + np.array(units)
    return {
        "length": e.length,
        "steps": steps,
        "words": [task.labels(x)[t] for t in steps],
        "things": things(e.task),
        "windows": windows,
        "important": important,
        "first": important[0] if important else 0,
        "gradient": {part: plain(norms[steps]) for part, norms in gradient_norms(e, weights, x, batch.y[-1, 0]).items()},
        **_left(e, weights, batch, loop, steps),
        "asked": e.length - task.n_targets(e.length),
        "answer": _answer(task, batch.y[:, 0], classes),
        "lanes": [inputs, *parts, output],
        "kept": {part: text.removeprefix(f"d{part} * ") for part, text in cell.direct_terms if not cell.recurrent or part != "h"},
        "matrix": ("M" if cell.builds_matrix else "W_rec") if cell.recurrent else "",
        "W_in": plain(weights["W_in"][np.ix_(np.array(entered, int), columns)]),
        "W_out": plain(weights["W_out"][np.ix_(units, classes)]),
        "into": cell.columns[new_value(cell)] if cell.gates > 1 else "",
    }


def _left(e: Experiment, weights: Mapping[str, np.ndarray], batch: Batch, loop: Reading, steps: list[int]) -> dict[str, Any]:
    """Returns `left`, and `other`: the word that the other sequence has instead. Both are empty where there is no other one."""
    x, task = batch.x[:, 0], e.bound_task
    others = [other.x[:, 0] for other in task.versions(batch).values() if not np.array_equal(other.x, batch.x)]
    if not others:
        return {"left": {}, "other": ""}
    (first,) = task.landmarks(x)
    left = share_left(loop, read(e, weights, others[0]), first)
    return {"left": {part: plain(share[steps]) for part, share in left.items()}, "other": task.labels(others[0])[first]}


def _input_lane(e: Experiment, x: np.ndarray, drawn: list[int], steps: list[int]) -> tuple[list[int], dict[str, Any]]:
    """Returns the indices of the inputs that are drawn, and their lane: the symbols of the drawn steps, or the first numbers."""
    task = e.bound_task
    if x.dtype.kind in "iu":
        entered = list(dict.fromkeys(int(x[t]) for t in drawn))
        kind, names = "words" if things(e.task) == "words" else "symbols", [task.labels(np.array([s]))[0] for s in entered]
        values = (x[steps, None] == np.array(entered)).astype(int)
    else:
        entered = list(range(min(MAX_UNITS, task.n_in)))
        values = x[np.ix_(steps, entered)]
        kind, names = "numbers" if task.n_in > 1 else "number", [f"[{i}]" for i in entered]
    lane = {"name": "x", "title": "input x_t", "kind": kind, "size": task.n_in, "units": names}
    return entered, {**lane, "loop": plain(values), "alone": plain(values)}


def _output_lane(
    e: Experiment, y: np.ndarray, loop: Reading, alone: Reading, steps: list[int]
) -> tuple[list[int], dict[str, Any]]:
    """Returns the outputs that are drawn, and their lane: the right one and the most probable ones, or the first numbers."""
    task, end = e.bound_task, loop.outputs[-1]
    one_of = y.dtype.kind in "iu"
    ranked = [*y[-1:].tolist(), *np.argsort(-end, kind="stable").tolist()] if one_of else list(range(len(end)))
    classes = sorted(list(dict.fromkeys(ranked))[:MAX_CLASSES])
    return classes, {
        "name": "y",
        "title": "output y",
        "kind": f"{'answers' if one_of else 'number' if len(end) == 1 else 'numbers'}; right: {_answer(task, y, classes)}",
        "size": len(end),
        "units": [task.answer(np.array([k])) for k in classes]
        if one_of
        else [f"y[{k}]" if len(end) > 1 else "y" for k in classes],
        "right": classes.index(int(y[-1])) if one_of else -1,
        "share": e.loss == "cross_entropy",
        "loop": plain(loop.outputs[np.ix_(steps, classes)]),
        "alone": plain(alone.outputs[np.ix_(steps, classes)]),
    }


def _answer(task: Task, y: np.ndarray, outputs: list[int]) -> str:
    """Returns the right answer of the last step as text; of numbers those of these outputs, as the network is asked for them."""
    return task.answer(y[-1:]) if y.dtype.kind in "iu" else ", ".join(f"{v:.3f}" for v in y[-1, outputs])


def things(task: str) -> str:
    """Returns what the time steps of a task are called."""
    return "words" if TASKS[task].samples == "sentences" else "steps"


def plain(values: np.ndarray) -> list[Any]:
    """Returns nested lists of numbers, with None for what is not finite, because JSON has no NaN."""
    exact = np.asarray(values, float if values.dtype.kind == "f" else int)
    return np.where(np.isfinite(exact), exact.astype(object), np.array(None, object)).tolist()
