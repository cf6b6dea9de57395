"""Accuracy of an agreement network by distance, attractors and the subject's position; by distance also the gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from rnnkit.engine import probes
from rnnkit.engine.bptt import Params
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.generalization import Generalization
from rnnkit.studies.ablation import accuracy, affordable
from rnnkit.studies.networks import both_ways, network
from rnnkit.studies.word_by_word import MAX_LENGTH
from rnnkit.tasks import require
from rnnkit.tasks.agreement import Agreement
from rnnkit.tasks.sentences import FRAME, MIN_CLAUSE_WORDS, baselines, build, max_adverbs
from rnnkit.thinning import evenly

MAX_SENTENCES, MAX_GRADIENT_SENTENCES = 500, 16
LENGTHS = (7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
BEYOND = 2.5  # lengths up to so many times the trained one
ATTRACTORS = range(4)
MAX_PLACES = 8  # of the subject, at most
TRAINING = 0.6  # of the progress
MEGABYTES = 64  # of a Tape

Test = tuple[str, float, str, dict[str, Any]]  # kind, x, relation, how the sentences are built


def study(e: Experiment, step: int = 0) -> Iterator[Progress | Generalization]:
    """Measures network 0 after `step` training steps on up to 500 new sentences a point. Yields the partial result after each.

    Points with more attractors than fit the clause are left out. Sentences of the trained length are held-out ones. Raises
    ValueError where the task is not an agreement task or the step is out of range.
    """
    task = require(Agreement, e.task)
    exact, _ = yield from network(e, step, share=TRAINING)
    p = {name: W.float() for name, W in exact.items()}
    points: list[dict[str, Any]] = []
    rules: list[list[int]] = []
    tests = [*_by_distance(e, task), *_by_attractors(e), *_by_place(e, task)]
    work = np.cumsum([how["length"] for *_, how in tests], dtype=float)
    for (kind, x, relation, how), done in zip(tests, work / work[-1], strict=True):
        rng = np.random.default_rng([3, len(points)])
        n = affordable(e, MAX_SENTENCES, how["length"])
        batch = build(task, n=n, rng=rng, held_out=how["length"] == e.length, **how)
        right = round(float(accuracy(e, p, batch.x, batch.y[0])[0]) * n)
        point = {"kind": kind, "x": x, "relation": relation, "length": how["length"], "right": right, "sentences": n}
        point["reach"] = _reach(e, exact, batch.x, batch.y[0]) if kind == "distance" else np.nan
        points.append(point)
        columns: dict[str, Any] = {name: [point[name] for point in points] for name in point}
        columns |= {name: np.array(values) for name, values in columns.items() if not isinstance(values[0], str)}
        guesses = baselines(batch.x)
        rules.append([int((answers == batch.y[0]).sum()) for answers in guesses.values()])
        yield Generalization(**columns, rules=list(guesses), rules_right=np.array(rules).T)
        yield Progress(TRAINING + (1 - TRAINING) * float(done))


def _by_distance(e: Experiment, task: Agreement) -> Iterator[Test]:
    """Yields sentences of several lengths with the subject at word 1 (the second) and attractors as in the task."""
    longest = min(MAX_LENGTH, round(BEYOND * e.length))
    for length in sorted({e.length, *(n for n in LENGTHS if task.min_length <= n <= longest)}):
        yield "distance", length - 3, "", {"length": length, "adverbs": 0}


def _by_attractors(e: Experiment) -> Iterator[Test]:
    room = (e.length - FRAME) // MIN_CLAUSE_WORDS
    for k in ATTRACTORS:
        for relation in ("opposite", "same"):
            if k <= room:
                yield "attractors", k, relation, {"length": e.length, "attractors": k, "relation": relation}


def _by_place(e: Experiment, task: Agreement) -> Iterator[Test]:
    """Yields the positions of the subject in sentences of the same length: a later subject has a shorter clause."""
    most = max_adverbs(e.length) if task.varying else 0
    for adverbs in evenly(most + 1, MAX_PLACES) if most else ():
        yield "place", int(adverbs) + 1, "", {"length": e.length, "adverbs": int(adverbs)}


def _reach(e: Experiment, p: Params, x: np.ndarray, y: np.ndarray) -> float:
    """Returns ||dL/ds|| at the subject (step 1) over that at the last step, for the last part of the state."""
    each = 8 * len(x) * e.hidden * CELLS[e.cell].floats_per_unit
    some = max(1, min(MAX_GRADIENT_SENTENCES, MEGABYTES * 2**20 // each))
    symbols = torch.from_numpy(x[:, :some])[:, None].contiguous()
    with no_grad_no_denormals(), np.errstate(all="ignore"):
        tape, _ = both_ways(e, p, symbols, torch.from_numpy(y[:some])[None, None])
        norm = probes.state_gradient_norms(tape)[-1, :, 0]
        return float(norm[1] / norm[-1])
