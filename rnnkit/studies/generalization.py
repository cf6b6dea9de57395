"""Where a network that agrees breaks: accuracy by distance, attractors and the subject's place, and by distance the gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from rnnkit.engine import probes
from rnnkit.engine.bptt import Params
from rnnkit.engine.cells import CELLS
from rnnkit.engine.trainer import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.studies.ablation import accuracy, affordable
from rnnkit.studies.networks import Network, Part, both_ways, network
from rnnkit.studies.word_by_word import LONGEST
from rnnkit.tasks import agreement_task
from rnnkit.tasks.agreement import Agreement
from rnnkit.tasks.sentences import FRAME, SHORTEST, baselines, build, most_adverbs

SENTENCES, FOR_GRADIENT = 500, 16
LENGTHS = (7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
BEYOND = 2.5  # lengths up to so many times the trained one
ATTRACTORS = range(4)
PLACES = 8  # of the subject, at most
TRAINING = 0.6  # of the progress
MEGABYTES = 64  # of a Tape

Test = tuple[str, float, str, dict[str, Any]]  # kind, x, relation, how the sentences are built


def breaks(e: Experiment, step: int = 0) -> Iterator[Part]:
    """Network 0 after `step` training steps on about 500 new sentences a point.

    Yields {"progress"}, and after every point what is found so far, with n points:

    kind (n,): "distance", "attractors" or "place"; x (n,): words between subject and verb, attractors in the clause, or words
        before the subject; relation (n,): of the attractors, "" where they are the task's own; length (n,) in words;
    right, sentences (n,): so many of so many; and under the name of every one of `baselines`, how many that gets right;
    reach (n,): ||dL/ds|| at the subject over that at the last word, s the last part of the state, in float64, over some of the
        sentences; for points of kind "distance", else NaN.
    Left out are attractors for which the clause has no room. Sentences of the trained length are held-out ones.
    """
    task = agreement_task(e.task)
    for state in network(e, step):
        if isinstance(state, Network):
            exact = state.p
        else:
            yield {"progress": TRAINING * state}
    p = {name: W.float() for name, W in exact.items()}
    points: list[dict[str, Any]] = []
    tests = [*_by_distance(e, task), *_by_attractors(e), *_by_place(e, task)]
    work = np.cumsum([how["length"] for *_, how in tests], dtype=float)
    for (kind, x, relation, how), done in zip(tests, work / work[-1], strict=True):
        rng = np.random.default_rng([3, len(points)])
        n = affordable(e, SENTENCES, how["length"])
        batch = build(task, n=n, rng=rng, held_out=how["length"] == e.length, **how)
        right = round(float(accuracy(e, p, batch.x, batch.y[0])[0]) * n)
        point = {"kind": kind, "x": x, "relation": relation, "length": how["length"], "right": right, "sentences": n}
        point |= {name: int((answers == batch.y[0]).sum()) for name, answers in baselines(batch.x).items()}
        point["reach"] = _reach(e, exact, batch.x, batch.y[0]) if kind == "distance" else np.nan
        points.append(point)
        columns = {name: [point[name] for point in points] for name in point}
        yield {name: values if isinstance(values[0], str) else np.array(values) for name, values in columns.items()}
        yield {"progress": TRAINING + (1 - TRAINING) * float(done)}


def _by_distance(e: Experiment, task: Agreement) -> Iterator[Test]:
    """Subject at word 1 (the second), and all attractors as in the task."""
    longest = min(LONGEST, round(BEYOND * e.length))
    for length in sorted({e.length, *(n for n in LENGTHS if task.min_length <= n <= longest)}):
        yield "distance", length - 3, "", {"length": length, "adverbs": 0}


def _by_attractors(e: Experiment) -> Iterator[Test]:
    room = (e.length - FRAME) // SHORTEST
    for k in ATTRACTORS:
        for relation in ("opposite", "same"):
            if k <= room:
                yield "attractors", k, relation, {"length": e.length, "attractors": k, "relation": relation}


def _by_place(e: Experiment, task: Agreement) -> Iterator[Test]:
    """The nearer the subject is to the verb, the shorter the clause: the sentence keeps its length."""
    most = most_adverbs(e.length) if task.varying else 0
    for adverbs in np.unique(np.linspace(0, most, min(most + 1, PLACES)).round().astype(int)) if most else ():
        yield "place", int(adverbs) + 1, "", {"length": e.length, "adverbs": int(adverbs)}


def _reach(e: Experiment, p: Params, x: np.ndarray, y: np.ndarray) -> float:
    """From the verb to the subject, which stands at step 1."""
    each = 8 * len(x) * e.hidden * CELLS[e.cell].floats_per_unit
    some = max(1, min(FOR_GRADIENT, MEGABYTES * 2**20 // each))
    symbols = torch.from_numpy(x[:, :some])[:, None].contiguous()
    with no_grad_no_denormals(), np.errstate(all="ignore"):
        tape, _ = both_ways(e, p, symbols, torch.from_numpy(y[:some])[None, None])
        norm = probes.state_gradient_norms(tape)[-1, :, 0]
        return float(norm[1] / norm[-1])
