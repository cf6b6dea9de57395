"""A language model on held-out text: bits per symbol, beside counting models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from rnnkit.corpus.ngrams import bits_per_symbol
from rnnkit.engine import bptt
from rnnkit.engine.bptt import Params
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.lm_bits import LmBits
from rnnkit.studies.networks import network
from rnnkit.tasks import require
from rnnkit.tasks.next_symbol import NextSymbol

MAX_TEST_SYMBOLS = 20_000  # symbols of the test part that are read, from its beginning
MAX_COUNTED_SYMBOLS = 1_000_000  # symbols of the training part that the counting models learn from, its last ones
WINDOW = 500  # symbols read at once; the state goes on to the next ones
ORDERS = {"unigram": 1, "bigram": 2, "five-gram": 5}


def study(e: Experiment, step: int, replica: int = 0) -> Iterator[Progress | LmBits]:
    """Runs network `replica` after `step` training steps once over the test part, with the state carried: see `evaluate`.

    Raises ValueError if the task is not the next symbol of a text, and for a step or replica out of range.
    """
    p, diverged = yield from network(e, step, replica, share=0.8)
    yield Progress(0.8)
    yield replace(evaluate(e, p), diverged=diverged)


def evaluate(e: Experiment, p: Params) -> LmBits:
    """Evaluates the first network of these weights on the test part, beside the counting models (ngrams.py)."""
    task = text_task(e)
    train, validation, test = task.parts
    test = test[:MAX_TEST_SYMBOLS]
    log_p, right = scores(e, {name: W[:1].double().cpu() for name, W in p.items()}, test)
    counted = bits_per_symbol(train[-MAX_COUNTED_SYMBOLS:], validation[:MAX_TEST_SYMBOLS], test, task.n_in, list(ORDERS.values()))
    bits = {"network": -log_p / np.log(2), **{name: counted[order][1:] for name, order in ORDERS.items()}}
    bits["uniform"] = np.full(len(log_p), np.log2(task.n_in))
    known = test[1:] < task.named
    means = {name: float(each.mean()) for name, each in bits.items()}
    return LmBits(
        bits=means,
        known_bits={name: float(each[known].mean()) for name, each in bits.items()} if known.any() else None,
        perplexity=float(2 ** means["network"]),
        unknown=float(1 - known.mean()),
        accuracy=float((right & known).mean()),
        symbols=len(test),
        coverage=task.coverage,
        different=task.named,
        remarks=task.remarks(e.length),
    )


def scores(e: Experiment, p: Params, symbols: np.ndarray, window: int = WINDOW) -> tuple[np.ndarray, np.ndarray]:
    """Returns log p (nats) of symbols 1 ... n - 1 given all before, and whether each was the most probable: two (n - 1,)."""
    cell, log_p, right = CELLS[e.cell], [], []
    x = torch.from_numpy(symbols)
    with no_grad_no_denormals():
        tape, s = bptt.Tape(cell, p, window, 1), None
        for start in range(0, len(x) - 1, window):
            now, following = x[start : min(start + window, len(x) - 1)], x[start + 1 : start + 1 + window]
            s = tape.forward(p, now[:, None, None], s).end
            z = bptt.readout(p, tape.h[: len(now)])[:, 0, 0].log_softmax(-1)
            log_p.append(z.gather(1, following[:, None])[:, 0].numpy())
            right.append((z.argmax(1) == following).numpy())
    return np.concatenate(log_p), np.concatenate(right)


def text_task(e: Experiment) -> NextSymbol:
    """Returns the Experiment's task; raises ValueError where it is not the next symbol of a text."""
    return require(NextSymbol, e.task, e.bound_task)
