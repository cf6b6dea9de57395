"""A text drawn from a language model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from rnnkit.engine import bptt
from rnnkit.engine.bptt import Params
from rnnkit.engine.cells import CELLS
from rnnkit.engine.trainer import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.lm_sample import LmSample
from rnnkit.studies.lm_bits import text_task
from rnnkit.studies.networks import network
from rnnkit.tasks.text_symbols import beginning, joined, pieces, unknown

MAX_PROMPT_CHARS, MAX_SAMPLE_SYMBOLS = 1000, 2000  # characters of a prompt, symbols that are written
MAX_TEMPERATURE = 5.0


def study(
    e: Experiment, step: int, replica: int = 0, prompt: str = "", n: int = 200, temperature: float = 1.0, seed: int = 0
) -> Iterator[Progress | LmSample]:
    """Draws n symbols after the prompt from network `replica`, each from softmax(z / temperature); 0 takes the most probable.

    Raises ValueError for what is out of range, and if the task is not the next symbol of a text.
    """
    task = text_task(e)
    _within("n", n, 1, MAX_SAMPLE_SYMBOLS, whole=True)
    _within("temperature", temperature, 0, MAX_TEMPERATURE)
    _within("seed", seed, 0, 2**31 - 1, whole=True)
    if not isinstance(prompt, str) or len(prompt) > MAX_PROMPT_CHARS:
        raise ValueError(f"prompt must be a text of at most {MAX_PROMPT_CHARS} characters, got {prompt!r:.60}")
    asked = pieces(task, prompt)
    p, diverged = yield from network(e, step, replica)
    written = write(e, p, task.known.encode([beginning(task), *asked]), n, temperature, seed)
    yield LmSample(joined(task, task.known.decode(written), before=asked), joined(task, asked), unknown(task, asked), diverged)


def write(e: Experiment, p: Params, prompt: np.ndarray, n: int, temperature: float, seed: int) -> np.ndarray:
    """Draws n symbols, (n,), after the prompt (at least one symbol), each given all before."""
    cell, rng = CELLS[e.cell], np.random.default_rng(seed)
    drawn = np.zeros(n, np.int64)
    with no_grad_no_denormals():
        read = bptt.forward(cell, p, torch.from_numpy(prompt)[:, None, None])
        s, tape = read.end, bptt.Tape(cell, p, 1, 1)
        for i, u in enumerate(rng.random(n)):
            drawn[i] = choose(bptt.readout(p, s[0][-1:])[0, 0, 0].double().numpy(), temperature, u)
            s = tape.forward(p, torch.from_numpy(drawn[i : i + 1])[:, None, None], s).end
    return drawn


def choose(z: np.ndarray, temperature: float, u: float) -> int:
    """Returns the symbol at quantile u of softmax(z / temperature), z (O,); the most probable one at temperature 0."""
    if temperature == 0:
        return int(z.argmax())
    with np.errstate(over="ignore"):
        p = np.exp((z - z.max()) / temperature)
    return min(int(np.searchsorted(np.cumsum(p), u * p.sum(), side="right")), len(z) - 1)


def _within(name: str, value: Any, low: float, high: float, whole: bool = False) -> None:
    sound = isinstance(value, int if whole else int | float) and not isinstance(value, bool) and low <= value <= high
    if not sound:
        raise ValueError(f"{name} must be a {'whole ' if whole else ''}number from {low:g} to {high:g}, got {value!r:.60}")
