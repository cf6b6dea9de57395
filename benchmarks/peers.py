"""The peers in benchmarks/step.py: torch.nn, a loop over its cells, that loop compiled, JAX. What a variant is: problem.py."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from problem import (
    BATCH,
    LR,
    Floor,
    Problem,
    Result,
    Rnnkit,
    RnnkitCompiled,
    RnnkitCompiledHeatmapAlone,
    RnnkitHeatmapAlone,
    RnnkitPlain,
)
from torch import Tensor, nn
from torch.nn import functional as F

MODULES = {"tanh": (nn.RNN, nn.RNNCell), "lstm": (nn.LSTM, nn.LSTMCell), "gru": (nn.GRU, nn.GRUCell)}
NAMES = {"W_in": "weight_ih", "W_rec": "weight_hh", "b": "bias_ih", "b_rec": "bias_hh"}


class OneNetwork(ABC):
    """What the torch peers share: autograd, clip_grad_norm_ and torch.optim.SGD, on one network."""

    single: ClassVar[bool] = True

    def __init__(self, problem: Problem) -> None:
        if problem.R != 1:
            raise ValueError(f"{type(self).__name__} trains one network at a time, got R = {problem.R}")
        self.problem = problem
        self.x, self.y = problem.batch.x[:, 0], problem.batch.y[0, 0]
        self.trained: list[Tensor] = []

    @abstractmethod
    def forward(self) -> Tensor:
        """The loss."""

    @abstractmethod
    def heatmap(self) -> Tensor | None:
        """(P, T) after the backward pass."""

    @abstractmethod
    def weights(self) -> dict[str, np.ndarray]: ...

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.trained, lr=LR)

    def __call__(self) -> Result:
        self.optimizer.zero_grad()
        loss = self.forward()
        loss.backward()
        norms = self.heatmap()
        nn.utils.clip_grad_norm_(self.trained, self.problem.clip)
        self.optimizer.step()
        return loss.detach().view(1), None if norms is None else norms.unsqueeze(-1)


class TorchNN(OneNetwork):
    """torch.nn.RNN, LSTM or GRU and a Linear: what one writes first. It does not tell dL/dh_t.

    Symbols enter as one-hot rows, so that W_in is torch's weight_ih. Where rnnkit has one bias, bias_hh stays frozen at zero.
    """

    module: ClassVar[int] = 0
    suffix: ClassVar[str] = "_l0"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        n_in, (H, n_out) = problem.params["W_in"].shape[1], problem.params["W_out"].shape[1:]
        self.eye = torch.eye(n_in, device=problem.device)
        self.rnn = MODULES[problem.cell][self.module](n_in, H).to(problem.device)
        self.linear = nn.Linear(H, n_out).to(problem.device)
        self.named = {k: getattr(self.rnn, name + self.suffix) for k, name in NAMES.items()}
        self.named |= {"W_out": self.linear.weight, "b_out": self.linear.bias}
        if "b_rec" not in problem.params:
            nn.init.zeros_(self.named.pop("b_rec").requires_grad_(False))
        with torch.no_grad():
            for k, value in self.named.items():
                value.copy_(problem.params[k][0].mT.view_as(value))
        self.trained = list(self.named.values())

    def forward(self) -> Tensor:
        h, _ = self.rnn(F.embedding(self.x, self.eye))
        return F.cross_entropy(self.linear(h[-1]), self.y)

    def heatmap(self) -> Tensor | None:
        return None

    def weights(self) -> dict[str, np.ndarray]:
        return {k: v.detach().cpu().numpy().reshape(len(v), -1).T[None] for k, v in self.named.items()}


class CellLoop(TorchNN):
    """torch.nn.RNNCell, LSTMCell or GRUCell step by step, with retain_grad on every state: the usual way to a heatmap."""

    module = 1
    suffix = ""

    def forward(self) -> Tensor:
        self.states: list[tuple[Tensor, ...]] = []
        s = None
        for x_t in F.embedding(self.x, self.eye).unbind(0):
            s = self.rnn(x_t, s)
            self.states.append(s if isinstance(s, tuple) else (s,))
            for part in self.states[-1]:
                part.retain_grad()
        return F.cross_entropy(self.linear(self.states[-1][0]), self.y)

    def heatmap(self) -> Tensor:
        norms = [torch.stack([h.grad for h in part]).flatten(1).norm(dim=1) for part in zip(*self.states, strict=True)]
        self.states = []
        return torch.stack(norms)


class Compiled(OneNetwork):
    """That loop, compiled. A compiled graph keeps no gradients inside, so a zero is added to every state: its gradient
    is dL/ds_t. All symbols look up their rows of W_in at once."""

    def __init__(self, problem: Problem, compiler: Callable[[Callable], Callable] = torch.compile) -> None:
        super().__init__(problem)
        self.p = {k: v[0].clone().requires_grad_() for k, v in problem.params.items()}
        self.trained = list(self.p.values())
        self.zeros = torch.zeros(problem.parts, problem.T, BATCH, problem.H, device=problem.device, requires_grad=True)
        torch._dynamo.reset()
        self.loss = compiler(self._loss)

    def _loss(self, p: dict[str, Tensor], zeros: Tensor) -> Tensor:
        cell = equations(torch.tanh, torch.sigmoid)[self.problem.cell]
        inputs = (F.embedding(self.x, p["W_in"]) + p["b"]).unbind(0)
        s = tuple(zero[0].detach() for zero in zeros)
        for a, *e in zip(inputs, *(zero.unbind(0) for zero in zeros), strict=True):
            u = s[0] @ p["W_rec"]
            s = cell(a, u + p["b_rec"] if "b_rec" in p else u, s, e)
        return F.cross_entropy(s[0] @ p["W_out"] + p["b_out"], self.y)

    def forward(self) -> Tensor:
        return self.loss(self.p, self.zeros)

    def heatmap(self) -> Tensor:
        norms = self.zeros.grad.flatten(2).norm(dim=2)
        self.zeros.grad = None
        return norms

    def weights(self) -> dict[str, np.ndarray]:
        return {k: v.detach().cpu().numpy()[None] for k, v in self.p.items()}


class Jax:
    """jit and scan, the heatmap as in Compiled, the old weights' memory donated to the new ones.

    On a CPU the networks run one after another inside one compiled call (lax.map), which was faster than vmap at every size
    tried, by up to 2 times; elsewhere they are stacked (vmap). Unrolling the scan or one product for dL/dW_rec at the end
    gained nothing. JAX uses its own threads.
    """

    single: ClassVar[bool] = False

    def __init__(self, problem: Problem) -> None:
        import jax
        from jax import numpy as jnp

        jax.config.update("jax_platforms", problem.device)  # not another one that JAX may like better
        jax.config.update("jax_default_matmul_precision", "float32")
        self.ready = jax.block_until_ready
        self.params = {k: jnp.asarray(v.cpu().numpy()) for k, v in problem.params.items()}
        x, y = (t.cpu().numpy().astype(np.int32) for t in (problem.batch.x, problem.batch.y))
        data = jnp.asarray(x.swapaxes(0, 1)), jnp.asarray(y[0])
        cell = equations(jnp.tanh, jax.nn.sigmoid)[problem.cell]

        def loss(p: dict, zeros: tuple, x: Any, y: Any) -> Any:
            def body(s: tuple, inputs: tuple) -> tuple:
                a, e = inputs
                u = s[0] @ p["W_rec"]
                return cell(a, u + p["b_rec"] if "b_rec" in p else u, s, e), None

            start = tuple(jnp.zeros_like(zero[0]) for zero in zeros)
            s, _ = jax.lax.scan(body, start, (p["W_in"][x] + p["b"], zeros))
            z = jax.nn.log_softmax(s[0] @ p["W_out"] + p["b_out"])
            return -jnp.take_along_axis(z, y[:, None], 1).mean()

        def one(network: tuple) -> tuple:
            p, x, y = network
            zeros = (jnp.zeros((problem.T, BATCH, problem.H)),) * problem.parts
            value, (g, ds) = jax.value_and_grad(loss, (0, 1))(p, zeros, x, y)
            norms = jnp.stack([jnp.sqrt(jnp.square(part).sum((1, 2))) for part in ds])
            norm = jnp.sqrt(sum(jnp.square(v).sum() for v in g.values()))
            scale = LR * problem.clip / jnp.maximum(norm, problem.clip)
            return {k: p[k] - scale * g[k] for k in p}, value, norms

        def all_networks(p: dict) -> tuple:
            networks = (p, *data)
            p, value, norms = jax.lax.map(one, networks) if problem.device == "cpu" else jax.vmap(one)(networks)
            return p, value, jnp.moveaxis(norms, 0, -1)

        self.step = jax.jit(all_networks, donate_argnums=0)

    def __call__(self) -> Result:
        self.params, loss, norms = self.ready(self.step(self.params))
        return loss, norms

    def weights(self) -> dict[str, np.ndarray]:
        return {k: np.asarray(v) for k, v in self.params.items()}


def equations(tanh: Callable, sigmoid: Callable) -> dict[str, Callable]:
    """One step of each cell for Compiled and Jax: a the input's share, u = h W_rec (+ b_rec), s the state, e zeros."""

    def split(x: Any, n: int) -> list:
        H = x.shape[-1] // n
        return [x[..., k * H : (k + 1) * H] for k in range(n)]

    def plain(a: Any, u: Any, s: Any, e: Any) -> tuple:
        return (tanh(a + u) + e[0],)

    def lstm(a: Any, u: Any, s: Any, e: Any) -> tuple:
        i, f, g, o = split(a + u, 4)
        c = sigmoid(f) * s[1] + sigmoid(i) * tanh(g) + e[1]
        return sigmoid(o) * tanh(c) + e[0], c

    def gru(a: Any, u: Any, s: Any, e: Any) -> tuple:
        (a_r, a_z, a_n), (u_r, u_z, q) = split(a, 3), split(u, 3)
        z = sigmoid(a_z + u_z)
        return ((1 - z) * tanh(a_n + sigmoid(a_r + u_r) * q) + z * s[0] + e[0],)

    return {"tanh": plain, "lstm": lstm, "gru": gru}


VARIANTS: dict[str, Any] = {
    "rnnkit": Rnnkit,
    "rnnkit compiled": RnnkitCompiled,
    "rnnkit compiled, heatmap alone": RnnkitCompiledHeatmapAlone,
    "rnnkit heatmap alone": RnnkitHeatmapAlone,
    "rnnkit without heatmap": RnnkitPlain,
    "torch.nn": TorchNN,
    "cell loop": CellLoop,
    "torch.compile": Compiled,
    "JAX": Jax,
    "floor": Floor,
}
