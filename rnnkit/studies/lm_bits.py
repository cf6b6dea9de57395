"""A language model on text that it has never seen: bits a symbol beside models that only count, and what it writes by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from rnnkit.corpus.ngrams import fitted
from rnnkit.engine import bptt
from rnnkit.engine.bptt import Params
from rnnkit.engine.cells import CELLS
from rnnkit.engine.trainer import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.studies.networks import Network, Part, network
from rnnkit.tasks.text_symbols import beginning, joined, pieces, unknown
from rnnkit.tasks.texts import NextSymbol

TESTED = 20_000  # symbols of the test part that are read, from its beginning
COUNTED = 1_000_000  # symbols of the training part that the counting models learn from, its last ones
WINDOW = 500  # symbols read at once; the state goes on to the next ones
ORDERS = {"unigram": 1, "bigram": 2, "five-gram": 5}
LONGEST, MOST_WRITTEN = 1000, 2000  # characters of a prompt, symbols that are written
HOTTEST = 5.0


def language(e: Experiment, step: int, replica: int = 0) -> Iterator[Part]:
    """Network `replica` after `step` training steps reads the test part once, its state carried through: `judged`.

    Raises ValueError if the task is not the next symbol of a text.
    """
    for state in network(e, step, replica):
        if isinstance(state, Network):
            yield {"progress": 0.8}
            yield judged(e, state.p) | {"diverged": state.diverged}
        else:
            yield {"progress": 0.8 * state}


def judged(e: Experiment, p: Params) -> Part:
    """The first of the networks with these weights on the test part, beside the models that only count (ngrams.py).

    bits: mean of -log2 p of each of its `symbols` symbols but the first, given all before; what is not known is one catch-all
        symbol; perplexity = 2^bits;
    unigram, bigram, five-gram: the same bits of the models that only count; uniform: log2 of the number of symbols;
    known: all of these over the known symbols alone, None where none is; unknown: the share of the others;
    accuracy: share of symbols that were the most probable, never of a catch-all;
    coverage: share that is known in training, validation and test part; different: how many symbols are known;
    remarks: sentences about the text.
    """
    task = text_task(e)
    train, validation, test = task.parts
    test = test[:TESTED]
    log_p, right = scores(e, {name: W[:1].double().cpu() for name, W in p.items()}, test)
    counted = fitted(train[-COUNTED:], validation[:TESTED], test, task.n_in, list(ORDERS.values()))
    bits = {"bits": -log_p / np.log(2), **{name: counted[order][1:] for name, order in ORDERS.items()}}
    bits["uniform"] = np.full(len(log_p), np.log2(task.n_in))
    known = test[1:] < task.named
    found = {name: float(each.mean()) for name, each in bits.items()}
    return found | {
        "perplexity": float(2 ** found["bits"]),
        "known": {name: float(each[known].mean()) for name, each in bits.items()} if known.any() else None,
        "unknown": float(1 - known.mean()),
        "accuracy": float((right & known).mean()),
        "symbols": len(test),
        "coverage": task.coverage,
        "different": task.named,
        "remarks": task.remarks(e.length),
    }


def scores(e: Experiment, p: Params, symbols: np.ndarray, window: int = WINDOW) -> tuple[np.ndarray, np.ndarray]:
    """(n - 1,) log p of symbols 1 ... n - 1 given all before, and whether each was the most probable."""
    cell, log_p, right = CELLS[e.cell], [], []
    x = torch.from_numpy(symbols)
    with no_grad_no_denormals():
        tape, s = bptt.Tape(cell, p, window, 1), None
        for start in range(0, len(x) - 1, window):
            now, following = x[start : min(start + window, len(x) - 1)], x[start + 1 : start + 1 + window]
            tape.forward(p, now[:, None, None], s)
            s = tuple(part[len(now) - 1].clone() for part in tape.s)
            z = bptt.readout(p, tape.h[: len(now)])[:, 0, 0].log_softmax(-1)
            log_p.append(z.gather(1, following[:, None])[:, 0].numpy())
            right.append((z.argmax(1) == following).numpy())
    return np.concatenate(log_p), np.concatenate(right)


def sample(
    e: Experiment, step: int, replica: int = 0, prompt: str = "", n: int = 200, temperature: float = 1.0, seed: int = 0
) -> Iterator[Part]:
    """What network `replica` writes after the prompt: n symbols, each from softmax(z / temperature); 0 takes the most probable.

    text: what it wrote; after: the prompt as it was read; unknown: what of the prompt is not in the alphabet. The same seed
    writes the same. Raises ValueError for what is out of range.
    """
    task = text_task(e)
    _within("n", n, 1, MOST_WRITTEN, whole=True)
    _within("temperature", temperature, 0, HOTTEST)
    _within("seed", seed, 0, 2**31 - 1, whole=True)
    if not isinstance(prompt, str) or len(prompt) > LONGEST:
        raise ValueError(f"prompt must be a text of at most {LONGEST} characters, got {prompt!r:.60}")
    asked = pieces(task, prompt)
    for state in network(e, step, replica):
        if isinstance(state, Network):
            written = write(e, state.p, task.known.encode([beginning(task), *asked]), n, temperature, seed)
            yield {
                "text": joined(task, task.known.decode(written), before=asked),
                "after": joined(task, asked),
                "unknown": unknown(task, asked),
                "diverged": state.diverged,
            }
        else:
            yield {"progress": state}


def write(e: Experiment, p: Params, prompt: np.ndarray, n: int, temperature: float, seed: int) -> np.ndarray:
    """(n,) symbols that follow the prompt (at least one symbol), one drawn after the other."""
    cell, rng = CELLS[e.cell], np.random.default_rng(seed)
    drawn = np.zeros(n, np.int64)
    with no_grad_no_denormals():
        read = bptt.forward(cell, p, torch.from_numpy(prompt)[:, None, None])
        s, tape = tuple(part[-1].clone() for part in read.s), bptt.Tape(cell, p, 1, 1)
        for i, u in enumerate(rng.random(n)):
            drawn[i] = choose(bptt.readout(p, s[0][None])[0, 0, 0].double().numpy(), temperature, u)
            tape.forward(p, torch.from_numpy(drawn[i : i + 1])[:, None, None], s)
            s = tuple(part[0].clone() for part in tape.s)
    return drawn


def choose(z: np.ndarray, temperature: float, u: float) -> int:
    """The symbol at quantile u of softmax(z / temperature), z (O,); the most probable one where the temperature is 0."""
    if temperature == 0:
        return int(z.argmax())
    with np.errstate(over="ignore"):
        p = np.exp((z - z.max()) / temperature)
    return min(int(np.searchsorted(np.cumsum(p), u * p.sum(), side="right")), len(z) - 1)


# ---- which network ----


def text_task(e: Experiment) -> NextSymbol:
    """The Experiment's task; raises ValueError where it is not the next symbol of a text."""
    task = e.bound_task
    if not isinstance(task, NextSymbol):
        raise ValueError(f"this needs the task 'characters' or 'words', got '{e.task}'")
    return task


def _within(name: str, value: Any, low: float, high: float, whole: bool = False) -> None:
    sound = isinstance(value, int if whole else int | float) and not isinstance(value, bool) and low <= value <= high
    if not sound:
        raise ValueError(f"{name} must be a {'whole ' if whole else ''}number from {low:g} to {high:g}, got {value!r:.60}")
