"""train(experiment): puts task, cell, initialization, fixes and optimizer together and yields what happens, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine import bptt, probes
from rnnkit.engine.cells import CELLS
from rnnkit.engine.cuda_graph import Captured
from rnnkit.engine.fixes import GradientFix, SignalFix
from rnnkit.engine.history import History
from rnnkit.engine.losses import LOSSES, correct
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.params import Bundle
from rnnkit.engine.record import Record
from rnnkit.engine.ridge import Ridge
from rnnkit.engine.weights import Stream, draw_weights, random_stream
from rnnkit.experiment import Experiment
from rnnkit.tasks import Batch
from rnnkit.tasks.texts import STATE_RESET_EVERY


def init_params(e: Experiment, dtype: torch.dtype = torch.float32, device: str = "cpu") -> dict[str, Tensor]:
    """The weights as drawn; network r depends on seed + r alone. Shapes as in bptt.py."""
    drawn = [draw_weights(e, e.seed + r) for r in range(e.replicas)]
    return {k: torch.tensor(np.stack([d[k] for d in drawn]), dtype=dtype, device=device) for k in drawn[0]}


class TrainingBatch(NamedTuple):
    """What a training step gets to see, of all networks."""

    x: Tensor  # (T, R, B) symbols or (T, R, B, I) numbers
    y: Tensor  # (K, R, B) classes or (K, R, B, O) numbers
    padding: bptt.Padding | None = None
    weight: Tensor | None = None  # (R, B)


def training_batches(e: Experiment, dtype: torch.dtype, device: str) -> Iterator[TrainingBatch]:
    """For ever; each network has a stream of its own."""
    streams = [e.bound_task.stream(e.length, e.batch, random_stream(e.seed + r, Stream.DATA)) for r in range(e.replicas)]
    for batches in zip(*streams, strict=True):
        yield tensors(batches, dtype, device)


def tensors(batches: Sequence[Batch], dtype: torch.dtype, device: str = "cpu") -> TrainingBatch:
    """One Batch a network -> the axis R behind the time."""

    def tensor(array: np.ndarray) -> Tensor:
        out = torch.from_numpy(array).to(device)
        return out.to(dtype) if out.is_floating_point() else out

    x, y = (tensor(np.stack([getattr(b, name) for b in batches], 1)) for name in ("x", "y"))
    padding = weight = None
    if batches[0].words is not None:
        starts = len(x) - np.stack([np.asarray(b.words) for b in batches])  # (R, B)
        first = int(starts.min())
        mask = np.arange(first, starts.max())[:, None, None] >= starts
        padding = bptt.Padding(first, tensor(mask[..., None].astype(np.float32)))
    if batches[0].weight is not None:
        weight = tensor(np.stack([np.asarray(b.weight) for b in batches]))
    return TrainingBatch(x, y, padding, weight)


def one_hot(y: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    return torch.nn.functional.one_hot(y, classes).to(dtype)


class Evaluation:
    """Held-out sequences, taken by all networks, in portions and pieces of time that fit the cache.

    They depend on the task and the length alone, so everybody sits the same exam.
    """

    PORTION, PIECE = 64, 2**19  # sequences; numbers in the activations of one piece of time

    def __init__(self, e: Experiment, params: Mapping[str, Tensor]) -> None:
        self.cell, self.params = CELLS[e.cell], params
        task = e.bound_task
        self.batch = task.exam(e.length, np.random.default_rng(Stream.TEST))
        R, _, width = params["W_rec"].shape
        steps = e.length if task.padded else min(e.length, max(1, self.PIECE // (R * self.PORTION * width)))
        self.tape = bptt.Tape(self.cell, params, steps, self.PORTION)

    def accuracy(self) -> np.ndarray:
        """(R,) share of right answers."""
        W, n = self.params["W_rec"], self.batch.x.shape[1]
        right = torch.zeros(len(W), dtype=torch.float64, device=W.device)
        for start in range(0, n, self.PORTION):
            rows = np.arange(start, start + self.PORTION) % n  # the last portion is filled up, and not counted
            part = self.batch.part(rows)
            x, y, padding, _ = tensors([part], W.dtype, str(W.device))
            x, y = (t.expand(-1, len(W), *t.shape[2:]) for t in (x, y))
            z = bptt.readout(self.params, self.tape.last_states(self.params, x, len(y), padding))
            counted = min(self.PORTION, n - start)
            right += correct(z[:, :, :counted], y[:, :, :counted]) * counted
        return (right / n).cpu().numpy()


class StepResult(NamedTuple):
    """What one batch gives, before anything is changed."""

    z: Tensor  # outputs of the last K steps
    target: Tensor
    loss: Tensor  # (R,)
    dz: Tensor  # dL/dz, (K, R, B, O)
    raw: Bundle  # gradients before the fixes
    grads: Bundle  # and after them
    norm_raw: Tensor  # (R,)
    norm_applied: Tensor  # (R,)
    sound: Tensor  # (R,) the loss and the gradients after the fixes are finite


@contextmanager
def _flushing_denormals() -> Iterator[None]:
    """A vanishing gradient passes through denormal numbers, which a CPU computes a hundred times slower than zero."""
    before = float(torch.tensor([1e-310], dtype=torch.float64) * 0.5) == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@contextmanager
def no_grad_no_denormals() -> Iterator[None]:
    """What every training step runs under: no autograd, no denormal numbers."""
    with torch.inference_mode(), _flushing_denormals():
        yield


Halves = tuple[Callable[..., StepResult], Callable[[StepResult, int], None]]


class Trainer:
    """The state of one run between steps: weights, optimizer memory, data stream, and which networks have diverged.

    A network diverges at the first training step at which its weights, its loss or the gradient that the optimizer would get
    (after all fixes) is not finite. It then keeps its last finite weights. What no update takes may be infinite: a gradient that
    `clip-value` limits, or that of a frozen weight.
    """

    def __init__(self, e: Experiment, dtype: torch.dtype = torch.float32, device: str = "cpu") -> None:
        self.e, self.cell = e, CELLS[e.cell]
        self.real = torch.zeros((), dtype=dtype).numpy().dtype
        self.params = Bundle.of(init_params(e, dtype, device))
        self.batches = training_batches(e, dtype, device)
        self.exam = Evaluation(e, self.params)
        self.tape = bptt.Tape(self.cell, self.params, e.length, e.batch)
        self.loss = LOSSES[e.loss]
        self.signals = [fix for fix in e.fixes if isinstance(fix, SignalFix)]
        self.gradient_fixes = [fix for fix in e.fixes if isinstance(fix, GradientFix)]
        self.active: list[GradientFix] = []  # those of them that have begun
        self.held: list[Tensor | None] = []  # (N,) of each of these: which weights it and those before it hold; None: none
        self.optimizer = OPTIMIZERS[e.optimizer]
        self.ridge = Ridge(e.ridge) if self.cell.reservoir else None
        self.fixed_radius = probes.spectral_radius(self.params["W_rec"]) if self.cell.reservoir else None
        self.memory = self.optimizer.init({"all": self.params.flat})["all"]
        self.before = self.params.flat.clone()  # the weights before the last update
        self.step = 0
        self.diverged = np.full(e.replicas, -1, np.int32)
        self.causes = [""] * e.replicas
        self.frozen = torch.zeros(e.replicas, 1, dtype=torch.bool, device=device)  # `diverged`, where the weights are
        task = e.bound_task
        self.carries = task.carries
        fixed = not (self.ridge or task.padded or task.carries)  # every step does the same with arrays of the same shapes
        self.as_graph = self.frozen.is_cuda and fixed and dtype == torch.float32  # float64's norm may need a second try
        self.compute_and_update: Halves | None = None

    def compute(self, x: Tensor, y: Tensor, padding: bptt.Padding | None = None, weight: Tensor | None = None) -> StepResult:
        """Loss and gradients of one batch. In float32 nothing is read on the host, so that a GPU can take it as one graph."""
        tape, p = self.tape, self.params
        s0 = tuple(part[-1] for part in tape.s) if self.carries and self.step else None
        for part in s0 or ():
            part[:, -self.step % STATE_RESET_EVERY :: STATE_RESET_EVERY] = 0
        tape.forward(p, x, s0, padding)
        z = bptt.readout(p, tape.h[-len(y) :])
        target = one_hot(y, z.shape[-1], z.dtype) if self.ridge and y.dim() == 3 else y
        loss, dz = self.loss(z, target, weight)
        tape.backward(dz, self.signals)
        raw = tape.gradients()
        grads = raw
        for _, changed in self._fixed(raw):
            grads = changed
        sound = (loss if self.ridge else loss + grads.norm).isfinite()  # a reservoir's gradient is not applied
        return StepResult(z, target, loss, dz, raw, grads, raw.norm, grads.norm, sound)

    def _fixed(self, grads: Bundle) -> Iterator[tuple[GradientFix, Bundle]]:
        """Every active fix with the gradients after it; those of the weights that are held so far are 0."""
        for fix, held in zip(self.active, self.held, strict=True):
            changed = fix(grads, self.tape, self.params)
            grads = changed if isinstance(changed, Bundle) else Bundle.of({k: changed[k] for k in grads})
            if held is not None:
                grads = grads.like(grads.flat.masked_fill(held, 0))
            yield fix, grads

    def update(self, out: StepResult, n: int | Tensor) -> None:
        """The n-th step of every sound network, likewise. A diverged network and a held weight do not move."""
        weights = self.params.flat
        self.before.copy_(weights)
        if self.ridge:
            self.ridge.learn(self.params, self.tape.h[-len(out.target) :], out.target)
            weights.copy_(self.before.where(self.frozen, weights))
            return
        step = self.optimizer.step(out.grads.flat, self.memory, self.e.lr, n)
        held = self.held[-1] if self.held else None  # the optimizer's memory moves a weight whose gradient is 0
        weights.sub_(step.masked_fill_(self.frozen if held is None else self.frozen | held, 0))

    def _halves(self, given: TrainingBatch) -> Halves:
        """compute and update; on a GPU each of them as one CUDA graph."""
        if not self.as_graph:
            return self.compute, self.update
        compute = Captured(self.compute, given[:2])
        n = torch.full((), float(self.step), dtype=torch.float64, device=self.frozen.device)

        def next_update() -> None:
            self.update(compute.outputs, n.add_(1))

        captured = Captured(next_update, state=[n, self.params.flat, *self.memory])
        return compute, lambda out, n: captured()

    def advance(self) -> Record | None:
        """One training step; a Record where one is due, of the weights before the step's update."""
        e = self.e
        due = self.step % e.every == 0 or self.step == e.steps
        if (self.diverged >= 0).all():  # nothing is left to compute; NaN is all there will be
            self.step += 1
            return self._nothing(self.step - 1) if due else None
        out, update = self.look()
        record = self._record(out) if due else None
        if self.step < e.steps:
            update(out, self.step + 1)
        self.step += 1
        return record

    def look(self) -> tuple[StepResult, Callable[[StepResult, int], None]]:
        """What this step's batch gives, with the function that updates the weights. Networks that diverge now are frozen."""
        self._begin([fix for fix in self.gradient_fixes if fix.start_step <= self.step])
        given = next(self.batches)
        self.compute_and_update = self.compute_and_update or self._halves(given)
        compute, update = self.compute_and_update
        out = compute(*(given[:2] if self.as_graph else given))
        self._notice_divergence(out)
        return out, update

    def _begin(self, active: list[GradientFix]) -> None:
        if active == self.active:
            return
        self.active, self.held = active, []
        self.compute_and_update = None  # a graph repeats what was done when it was captured
        names: set[str] = set()
        for fix in active:
            names |= {name for name in self.params if fix.holds(name)}
            self.held.append(self.params.columns(names) if names else None)

    def _notice_divergence(self, out: StepResult) -> None:
        newly = np.flatnonzero(~out.sound.cpu().numpy() & (self.diverged < 0))
        for r in newly:
            self.diverged[r] = self.step
            self.causes[r] = self._cause(out, int(r))
            self.frozen[r] = True
            if not self.params.flat[r].isfinite().all():
                self.params.flat[r] = self.before[r]

    def _cause(self, out: StepResult, r: int) -> str:
        """The first tensor of network r that is not finite, in the order of computation: weights, both passes, fixes."""
        if weight := probes.not_finite(self.params, r):
            return f"{weight} after the update at step {self.step - 1}"
        if found := probes.first_not_finite(self.cell, self.tape, out.z, out.loss, out.raw, r):
            return found
        for fix, grads in self._fixed(out.raw):
            if weight := probes.not_finite(grads, r):
                return f"the gradient of {weight} after {fix.name}"
        return "the gradient's norm"

    def _record(self, out: StepResult) -> Record:
        e, dead = self.e, self.diverged >= 0
        before = dead & (self.diverged < self.step)  # what a frozen network would still compute is not its history

        def blank(values: np.ndarray, which: np.ndarray) -> np.ndarray:
            values = values.copy()
            if which.any():
                values[..., which] = np.nan
            return values

        examine = self.step % e.eval_every == 0 or self.step == e.steps
        unknown = np.full(e.replicas, np.nan)
        radius = unknown
        if examine and self.cell.gates == 1:
            radius = blank(self._spectral_radius(), dead)
        of_all, of_last = self._state_gradients(out)
        paths = probes.paths(self.cell, self.params, self.tape, e.bound_task.source(e.length))
        return Record(
            step=self.step,
            loss=blank(out.loss.cpu().numpy(), before),
            accuracy=blank(self.exam.accuracy(), dead) if examine else unknown,
            state_grad=blank(of_last, before),
            state_grad_all=None if of_all is None else blank(of_all, before),
            grad_norm_raw=blank(out.norm_raw.cpu().numpy(), before),
            grad_norm_applied=blank(out.norm_applied.cpu().numpy(), before),
            spectral_radius=radius,
            diverged=self.diverged.copy(),
            causes=tuple(self.causes),
            **{name: blank(values, dead) for name, values in paths.items()},
        )

    def _state_gradients(self, out: StepResult) -> tuple[np.ndarray | None, np.ndarray]:
        """||dL/ds_t||, (P, T, R), of all K losses together (None where K is 1), and of the last one alone.

        For that a second backward pass starts at L_last, the last step's loss, mean over the batch: K times its part of L. It
        overwrites the gradients on the tape, after the training step has taken what it needs of them.
        """
        norms = probes.state_gradient_norms(self.tape)
        if len(out.dz) == 1:
            return None, norms
        self.tape.backward(out.dz[-1:] * len(out.dz), self.signals)
        return norms, probes.state_gradient_norms(self.tape)

    def _spectral_radius(self) -> np.ndarray:
        """Of W_rec now; a reservoir's never changes."""
        return probes.spectral_radius(self.params["W_rec"]) if self.fixed_radius is None else self.fixed_radius

    def _nothing(self, step: int) -> Record:
        e = self.e
        nan = np.full(e.replicas, np.nan)
        state_grad = np.full((len(self.cell.parts), e.length, e.replicas), np.nan, self.real)
        loss = nan.astype(self.real)
        of_all = state_grad if e.several_losses else None
        return Record(step, loss, nan, state_grad, nan, nan, nan, self.diverged.copy(), tuple(self.causes), of_all, nan, nan, nan)

    @property
    def done(self) -> bool:
        return self.step > self.e.steps

    def records(self) -> Iterator[Record]:
        """Trains to the end; see `train`."""
        while not self.done:
            with no_grad_no_denormals():  # not around the yield: the caller's settings are its own
                record = self.advance()
            if record is not None:
                yield record


def train(e: Experiment, dtype: torch.dtype = torch.float32, device: str = "cpu") -> Iterator[Record]:
    """Trains the Experiment's networks and yields a Record at every recorded step.

    A network that diverges (see Trainer) is frozen and its later numbers are NaN, while the others train on. The same Experiment
    gives the same Records, bit for bit, on the same CPU and number of threads. Denormal numbers are flushed to zero (by threads
    that torch started before this, only if it was told to then).

    `dtype` is torch.float32 or torch.float64, `device` "cpu", "cuda" or "cuda:1". Raises ExperimentError where the data that the
    Experiment names are not in this process.
    """
    with no_grad_no_denormals():
        trainer = Trainer(e, dtype, device)
    yield from trainer.records()


def run(e: Experiment, dtype: torch.dtype = torch.float32, device: str = "cpu") -> History:
    """Trains the Experiment's networks to the end and returns all Records in one History; see `train`."""
    return History.of(e, train(e, dtype, device))
