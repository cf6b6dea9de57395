"""What a network has learnt from a corpus, on the sentences kept for the test."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from rnnkit.corpus import TEST, no_last_noun, predictions, results, warnings
from rnnkit.engine import bptt
from rnnkit.engine.bptt import Params
from rnnkit.engine.cells import CELLS
from rnnkit.engine.trainer import no_grad_no_denormals, tensors
from rnnkit.experiment import Experiment
from rnnkit.studies.networks import Network, Part, network
from rnnkit.tasks.corpora import Sentences, known_words

AT_ONCE = 256  # sentences read together


def tested(e: Experiment, step: int, replica: int = 0) -> Iterator[Part]:
    """Network `replica` after `step` training steps on the test part: `examined`."""
    for state in network(e, step, replica):
        if isinstance(state, Network):
            yield examined(e, {name: W.float() for name, W in state.p.items()})
        else:
            yield {"progress": state}


def examined(e: Experiment, p: Params) -> Part:
    """The first of the networks with these weights on the test part, by attractors and distance, with the baselines.

    rows as rnnkit.corpus.results gives them; known: share of the words that the vocabulary holds, in "train" and "test";
    warnings in words. Raises ValueError if the task is not "corpus".
    """
    task = e.bound_task
    if not isinstance(task, Sentences):
        raise ValueError(f"expected the task 'corpus', got '{e.task}'")
    items = task.items(TEST)
    predicted = {"network": answers(e, task, p, items)} | predictions(task.corpus, items)
    rows = results(task.corpus, items, predicted)
    told = [*warnings(task.corpus, rows), *filter(None, [no_last_noun(task.corpus, items)])]
    return {"rows": rows, "known": known_words(task), "warnings": told}


def answers(e: Experiment, task: Sentences, p: Params, items: np.ndarray) -> np.ndarray:
    """(n,) whether the first of the networks with these weights says plural after each of the corpus' items."""
    p, said = {name: W[:1] for name, W in p.items()}, []
    with no_grad_no_denormals():
        for start in range(0, len(items), AT_ONCE):
            x, _, padding, _ = tensors([task.batch(items[start : start + AT_ONCE], e.length)], p["W_rec"].dtype)
            z = bptt.readout(p, bptt.forward(CELLS[e.cell], p, x, padding=padding).h[-1:])
            said.append(z[0, 0].argmax(-1).to(torch.bool).cpu().numpy())
    return np.concatenate(said) if said else np.zeros(0, bool)
