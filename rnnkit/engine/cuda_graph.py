"""The functions of a training step as CUDA graphs: one launch each instead of thousands, which is what a GPU waits for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from rnnkit.engine.batches import TrainingBatch
from rnnkit.engine.step import StepFunctions, StepResult


class Captured:
    """Calls `function` by replaying the kernels that were captured. It must read no value on the host, nor copy one from there.

    Every call copies its inputs into the captured ones, and returns the same tensors with new numbers in them. Before a capture
    the function has to run a few times: `state` are the tensors that it changes, which are then restored.
    """

    def __init__(self, function: Callable[..., Any], inputs: Sequence[Tensor] = (), state: Sequence[Tensor] = ()) -> None:
        self.inputs = [x.clone() for x in inputs]
        before = [s.clone() for s in state]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                function(*self.inputs)
        torch.cuda.current_stream().wait_stream(stream)
        for s, b in zip(state, before, strict=True):
            s.copy_(b)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.outputs = function(*self.inputs)

    def __call__(self, *inputs: Tensor) -> Any:
        for mine, new in zip(self.inputs, inputs, strict=True):
            mine.copy_(new)
        self.graph.replay()
        return self.outputs


class CapturedFunctions(StepFunctions):
    """Both step functions as CUDA graphs, captured where they are first called. Batches have neither padding nor weights.

    The host reads `StepResult.sound` between the two graphs.
    """

    _compute: Captured | None = None
    _update: Captured | None = None

    def begin(self, step: int) -> bool:
        changed = super().begin(step)
        if changed:  # a graph repeats what was done when it was captured
            self._compute = self._update = None
        return changed

    def compute(self, batch: TrainingBatch, s0: tuple[Tensor, ...] | None = None) -> StepResult:
        assert s0 is None and batch.padding is None and batch.weight is None
        inputs = batch.x, batch.y
        if self._compute is None:
            plain = super().compute
            self._compute = Captured(lambda x, y: plain(TrainingBatch(x, y)), inputs)
        out: StepResult = self._compute(*inputs)
        return out

    def update(self, out: StepResult, n: int | Tensor) -> None:
        if self._update is None:
            plain, count = super().update, torch.full((), float(n) - 1, dtype=torch.float64, device=out.loss.device)
            state = [count, self.params.flat, self.previous, *self.learner.memory]
            self._update = Captured(lambda: plain(out, count.add_(1)), state=state)
        self._update()
