"""Trains an Experiment's networks, and tests each on new sequences of other lengths."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from torch import Tensor

from rnnkit.engine import bptt
from rnnkit.engine.batches import tensors
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.engine.losses import right_answers
from rnnkit.engine.trainer import Trainer
from rnnkit.experiment import FIELDS, Experiment
from rnnkit.fields import IntField
from rnnkit.results import Progress
from rnnkit.results.other_lengths import OtherLengths
from rnnkit.studies.networks import whole
from rnnkit.studies.training_outcome import SECONDS_BETWEEN_PROGRESS, SolvedSteps, records_until
from rnnkit.tasks import TASKS, Task

MAX_LENGTHS, MAX_SEQUENCES = 32, 100_000
PORTION = 250  # sequences drawn and read at once
PIECE = 2**20  # numbers in the activations of one piece of time
TRAINING = 0.8  # of the progress


def study(
    e: Experiment, lengths: Sequence[int], n: int = 1000, task: str = "", until: str = "end", seed: int = 0
) -> Iterator[Progress | OtherLengths]:
    """Trains the networks as `training_outcome` does, then tests them. Yields Progress, and the result so far after each length.

    Each length has n sequences, the same for all networks and drawn from a random stream of (seed, length): the first ones of a
    larger n. Those of the trained length are held-out ones. `task` is the name of a task with the same inputs and outputs, whose
    sequences have one length. "" is the Experiment's own, or the one that this names (Task.of_one_length). A sequence is wrong if
    one of the answers is wrong that the accuracy counts. Weights are those after the last update.

    No states are stored but those of the last steps. Raises ValueError for options out of range and for other tasks.
    """
    name, start = task or TASKS[e.task].of_one_length or e.task, time.perf_counter()
    asked = _task(e, name)
    _check(asked, lengths, n, seed)
    with no_grad_no_denormals():
        trainer = Trainer(e, examines=False)
    solved, yielded = SolvedSteps(e), -SECONDS_BETWEEN_PROGRESS
    for _ in records_until(e, until, solved, trainer):
        if (now := time.perf_counter() - start) >= yielded + SECONDS_BETWEEN_PROGRESS:
            yield Progress(TRAINING * trainer.step / (e.steps + 1))
            yielded = now
    wrong: list[np.ndarray] = []
    for length in lengths:
        counts = np.zeros(e.replicas)
        for share, count in _wrong(e, trainer.params, asked, length, n, seed):
            counts += count
            done = (sum(lengths[: len(wrong)]) + share * length) / sum(lengths)
            yield Progress(TRAINING + (1 - TRAINING) * done)
        wrong.append(np.where(trainer.diverged < 0, counts / n, np.nan))
        yield OtherLengths(
            lengths=np.array(lengths[: len(wrong)]),
            wrong=np.stack(wrong),
            solved_step=solved.steps,
            diverged_step=trainer.diverged.astype(np.int64),
            n=n,
            task=name,
            steps=min(trainer.step, e.steps),
            seconds=time.perf_counter() - start,
        )


def _wrong(
    e: Experiment, p: Mapping[str, Tensor], task: Task, length: int, n: int, seed: int
) -> Iterator[tuple[float, np.ndarray]]:
    """Yields the share done and, of a portion of the n sequences, how many each network has wrong, (R,)."""
    rng, (R, H, _), cell = np.random.default_rng([seed, length]), p["W_out"].shape, CELLS[e.cell]
    with no_grad_no_denormals():
        tape = bptt.Tape(cell, p, min(length, max(1, PIECE // (R * PORTION * cell.gates * H))), PORTION)
    for first in range(0, n, PORTION):
        batch = task.scored(task.draw(length, PORTION, rng, held_out=length == e.length))
        counted = min(PORTION, n - first)  # of the last portion
        with no_grad_no_denormals():
            x, y, *_ = tensors([batch], p["W_out"].dtype)
            x, y = (t.expand(-1, R, *t.shape[2:]) for t in (x, y))
            z = bptt.readout(p, tape.last_states(p, x, len(y)))
            right = right_answers(z, y, task.max_squared_error).all(0)[:, :counted]
        yield (first + counted) / n, (~right).sum(1).numpy()


def _task(e: Experiment, name: str) -> Task:
    """Returns the task of this name. Raises ValueError where it does not fit the networks, or has no sequences of one length."""
    own = e.bound_task
    kind = own.n_in, own.n_out, own.loss
    fit = [k for k, t in TASKS.items() if not (t.padded or t.data) and (t.n_in, t.n_out, t.loss) == kind]
    if name not in fit:
        one_of = f"one of the tasks {', '.join(fit)}" if fit else "a task whose sequences have one length"
        raise ValueError(f"networks of the task '{e.task}' can be tested on {one_of}, got {name!r:.60}")
    return TASKS[name]


def _check(task: Task, lengths: Sequence[int], n: int, seed: int) -> None:
    longest = FIELDS["length"]
    assert isinstance(longest, IntField)
    if not isinstance(lengths, list | tuple) or not 1 <= len(lengths) <= MAX_LENGTHS:
        raise ValueError(f"lengths must be a list of 1 to {MAX_LENGTHS} whole numbers, got {lengths!r:.60}")
    for length in lengths:
        whole("a length", length, int(longest.high))
        if length < task.min_length:
            raise ValueError(f"a length must be at least {task.min_length} for the task '{task.title}', got {length}")
    whole("n", n, MAX_SEQUENCES)
    whole("seed", seed, 2**31 - 1)
    if n == 0:
        raise ValueError("n must be at least 1, got 0")
