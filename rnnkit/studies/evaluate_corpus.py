"""Accuracy of a network on the test sentences of its corpus."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from rnnkit.corpus import TEST, no_last_noun, predictions, results, warnings
from rnnkit.engine import bptt
from rnnkit.engine.batches import tensors
from rnnkit.engine.bptt import Params
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.evaluate_corpus import CorpusEvaluation
from rnnkit.studies.networks import network
from rnnkit.tasks import require
from rnnkit.tasks.corpus import Sentences, known_words

MAX_BATCH = 256  # sentences read together


def study(e: Experiment, step: int, replica: int = 0) -> Iterator[Progress | CorpusEvaluation]:
    """Evaluates network `replica` after `step` training steps on the test part: see `evaluate`."""
    p, _ = yield from network(e, step, replica)
    yield evaluate(e, {name: W.float() for name, W in p.items()})


def evaluate(e: Experiment, p: Params) -> CorpusEvaluation:
    """Evaluates the first network of these weights on the test part, by attractors and distance, with the baselines.

    Raises ValueError if the task is not "corpus".
    """
    task = require(Sentences, e.task, e.bound_task)
    items = task.items(TEST)
    predicted = {"network": answers(e, task, p, items)} | predictions(task.corpus, items)
    rows = results(task.corpus, items, predicted)
    messages = [*warnings(task.corpus, rows), *filter(None, [no_last_noun(task.corpus, items)])]
    return CorpusEvaluation(rows, known_words(task), messages)


def answers(e: Experiment, task: Sentences, p: Params, items: np.ndarray) -> np.ndarray:
    """Returns (n,) bool: whether the first network of these weights answers plural to each of the corpus' items."""
    p, plural = {name: W[:1] for name, W in p.items()}, []
    with no_grad_no_denormals():
        for start in range(0, len(items), MAX_BATCH):
            x, _, padding, _ = tensors([task.batch(items[start : start + MAX_BATCH], e.length)], p["W_out"].dtype)
            z = bptt.readout(p, bptt.forward(CELLS[e.cell], p, x, padding=padding).h[-1:])
            plural.append(z[0, 0].argmax(-1).to(torch.bool).cpu().numpy())
    return np.concatenate(plural) if plural else np.zeros(0, bool)
