"""What rnnkit must agree with: the same networks and remedies once more, plainly, one network at a time, through autograd.

Nothing of rnnkit's cells, backward pass or fixes is used here. A cell or fix that has no entry in STEPS or REMEDIES is still
covered by the tests that need none (finite differences, one network alone against the stack, purity).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, Fix, parse_fix
from rnnkit.tasks import TASKS

Penalty = Callable[[Tensor], Tensor]
States = tuple[Tensor, ...]  # the parts of one state

R, B, H = 2, 3, 4  # networks, sequences, units
DOUBLE = torch.float64
STRENGTHS = {  # strong enough to act on the small networks of the tests
    "truncate": "4",
    "l1": "0.01",
    "l2": "0.02",
    "omega": "0.7",
    "ar": "3",
    "tar": "2",
    "freeze": "W_rec+b",
    "clip-norm": "0.01",
    "clip-value": "0.002",
    "weight-decay": "2:W_rec+W_out",
}


def active(name: str) -> Fix:
    return FIXES[name].parse(STRENGTHS.get(name, ""))


def parse_all(names: str) -> list[Fix]:
    return [parse_fix(part) for part in names.split(",") if part]


# ---- networks and data


def random_params(cell_name: str, n_in: int, n_out: int, seed: int = 0, hidden: int = H, replicas: int = R) -> dict[str, Tensor]:
    """Stacked weights in float64, biases too, all different from zero."""
    g = torch.Generator().manual_seed(seed)
    cell = CELLS[cell_name]
    width = cell.gates * hidden
    shapes = {
        "W_in": (n_in, width, 0.6), "W_rec": (hidden, width, 0.6), "b": (1, width, 0.4),
        "W_out": (hidden, n_out, 0.8), "b_out": (1, n_out, 0.3),
    }  # fmt: skip
    if not cell.recurrent:
        del shapes["W_rec"]
    if cell.recurrent_bias:
        shapes["b_rec"] = (1, width, 0.4)
    shapes |= {name: (1, hidden, 0.5) for name in cell.own_weights}
    if cell.second_product:
        shapes[cell.second_matrix] = (hidden, width, 0.6)
    p = {k: scale * torch.randn(replicas, m, n, generator=g, dtype=DOUBLE) for k, (m, n, scale) in shapes.items()}
    if cell.reservoir:
        p["leak"] = 0.3 + 0.6 * torch.rand(replicas, 1, 1, generator=g, dtype=DOUBLE)
    return p


def random_batch(task_name: str, length: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """x (T, R, B[, I]) and targets (K, R, B[, O]) of a task, drawn for each network apart."""
    drawn = [TASKS[task_name].sample(length, B, np.random.default_rng([seed, r])) for r in range(R)]
    return tuple(torch.stack([torch.as_tensor(getattr(b, part)) for b in drawn], 1) for part in "xy")


# ---- one network through autograd


def tanh(p, a, u, h):
    return (torch.tanh(a + u),)


def skip(p, a, u, h):
    """a holds the product with W_skip."""
    return tanh(p, a, u, h)


def sigmoid(p, a, u, h):
    return (torch.sigmoid(a + u),)


def relu(p, a, u, h):
    return (torch.relu(a + u),)


def linear(p, a, u, h):
    return (a + u,)


def lstm(p, a, u, h, c, phi=torch.tanh):
    i, f, g, o = (a + u).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * phi(g)
    return torch.sigmoid(o) * phi(c), c


def lstm_relu(p, a, u, h, c):
    return lstm(p, a, u, h, c, torch.relu)


def gru_relu(p, a, u, h):
    return gru(p, a, u, h, torch.relu)


def gru(p, a, u, h, phi=torch.tanh):
    a_r, a_z, a_n = a.chunk(3, -1)
    u_r, u_z, q = (u + p["b_rec"]).chunk(3, -1)
    z = torch.sigmoid(a_z + u_z)
    return ((1 - z) * phi(a_n + torch.sigmoid(a_r + u_r) * q) + z * h,)


def janet(p, a, u, h):
    a_f, a_g = (a + u).chunk(2, -1)
    return (torch.sigmoid(a_f) * h + (1 - torch.sigmoid(a_f - 1)) * torch.tanh(a_g),)


def mingru(p, a, u, h):
    z, g = a.chunk(2, -1)
    return (torch.sigmoid(z) * h + (1 - torch.sigmoid(z)) * g,)


def lru(p, a, u, h, im):
    s = torch.exp(torch.complex(-p["nu"].exp(), p["theta"].exp())) * torch.complex(h, im) + torch.complex(*a.chunk(2, -1))
    return s.real, s.imag


def minlstm(p, a, u, h):
    a_f, a_i, g = a.chunk(3, -1)
    f, i = torch.sigmoid(a_f), torch.sigmoid(a_i)
    return ((f * h + i * g) / (f + i),)


def gated_linear(p, a, u, h):
    decay, v = a.chunk(2, -1)
    return (torch.sigmoid(decay) * h + v,)


def gated_linear_signed(p, a, u, h):
    decay, v = a.chunk(2, -1)
    return (torch.tanh(decay / 2) * h + v,)


def slstm(p, a, u, h, m, n, c):
    """With the logarithms of f and i; no gradient passes m."""
    i, f, z, o = (a + u).chunk(4, -1)
    f = F.logsigmoid(f) + m.detach()
    m = torch.where(n == 0, i, torch.maximum(f, i)).detach()
    i, f = torch.exp(i - m), torch.exp((f - m).clamp(max=0))
    n, c = f * n + i, f * c + i * torch.tanh(z)
    return torch.sigmoid(o) * c / n, m + 0 * i, n, c  # 0 * i: a tensor that can be asked for its gradient


def slstm_unstabilized(p, a, u, h, n, c):
    i, f, z, o = (a + u).chunk(4, -1)
    i, f = torch.exp(i), torch.sigmoid(f)
    n, c = f * n + i, f * c + i * torch.tanh(z)
    return torch.sigmoid(o) * c / n, n, c


def antisymmetric(p, a, u, h):
    return (h + 0.01 * torch.tanh(a + u),)


def exprnn(p, a, u, h):
    return (torch.sign(a + u) * torch.relu((a + u).abs() + p["threshold"]),)


def cornn(p, a, u, h, z):
    z = z + 0.042 * (torch.tanh(a + u + z @ p["W_z"]) - 2.7 * h - 4.7 * z)
    return h + 0.042 * z, z


def attention(p, a, u, h, r, n):
    r = torch.tanh(a + u)
    n = n + (w := torch.exp(p["q"] * r))
    return h + (r - h) * w / (1 + n), r, n


def esn(p, a, u, h):
    return ((1 - p["leak"]) * h + p["leak"] * torch.tanh(a + u),)


STEPS = {
    f.__name__.replace("_", "-"): f
    for f in (
        tanh, sigmoid, relu, linear, lstm, lstm_relu, gru, gru_relu, janet, mingru, lru, minlstm,
        gated_linear, gated_linear_signed, slstm, slstm_unstabilized, antisymmetric, exprnn, cornn, skip, attention, esn,
    )
}  # fmt: skip


def exponential(S: Tensor) -> Tensor:
    """exp(S), beside a rotation by 1: for a norm of .05 alone torch.matrix_exp (2.13) takes too few terms, and is 2e-10 off."""
    rotation = torch.tensor([[0, 1], [-1, 0]], dtype=S.dtype)
    return torch.matrix_exp(torch.block_diag(S, rotation))[: len(S), : len(S)]


MATRICES: dict[str, Callable[[Tensor], Tensor]] = {  # cell -> the matrix that it builds from W_rec
    "antisymmetric": lambda W: W - W.T - 0.01 * torch.eye(len(W), dtype=W.dtype),
    "exprnn": lambda W: exponential(W - W.T),
}


WITH_W_REC = [name for name, cell in CELLS.items() if cell.recurrent]


def product(cell_name: str, p: dict[str, Tensor], h: Tensor) -> Tensor:
    """h_{t-1} W_rec of one network, or h_{t-1} M with the matrix that the cell builds; 0 where there is none."""
    return h @ MATRICES.get(cell_name, lambda W: W)(p["W_rec"]) if "W_rec" in p else torch.zeros(())


def step(cell_name: str, p: dict[str, Tensor], x_t: Tensor, earlier: list[States]) -> tuple[list[States], Tensor]:
    """From the last `lag` states, the latest at the end, to those after step t, and the product h_{t-1} W_rec."""
    u, a = product(cell_name, p, earlier[-1][CELLS[cell_name].recurrent_part]), x_t @ p["W_in"] + p["b"]
    a = a + earlier[0][0] @ p["W_skip"] if "W_skip" in p else a
    return [*earlier[1:], STEPS[cell_name](p, a, u, *earlier[-1])], u


def stabilized(a: Sequence[Tensor]) -> Tensor:
    """The forget gate of sLSTM from its columns of all steps."""
    m, gates = a[0][0], [torch.exp((F.logsigmoid(a[1][0]) - a[0][0]).clamp(max=0))]
    for a_i, a_f in zip(a[0][1:], a[1][1:], strict=True):
        before, m = F.logsigmoid(a_f) + m, torch.maximum(F.logsigmoid(a_f) + m, a_i)
        gates.append(torch.exp(before - m))
    return torch.stack(gates)


KEEPS: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {  # cell -> the gate that keeps the memory, from its columns
    "minlstm": lambda a: torch.sigmoid(a[0]) / (torch.sigmoid(a[0]) + torch.sigmoid(a[1])),
    "slstm": stabilized,
    "gated-linear-signed": lambda a: torch.tanh(a[0] / 2).abs(),
}


def keeping_gate(cell_name: str, a: Sequence[Tensor]) -> Tensor:
    """From the columns a_t of all steps."""
    return KEEPS.get(cell_name, lambda a: torch.sigmoid(a[CELLS[cell_name].forget_gate]))(a)


@dataclass
class Run:
    """One network's pass: every state and every product u_t = h_{t-1} W_rec keeps its gradient."""

    p: dict[str, Tensor]
    states: list[tuple[Tensor, ...]] = field(default_factory=list)
    products: list[Tensor] = field(default_factory=list)
    loss: Tensor | None = None

    def state_gradients(self) -> Tensor:
        """(P, T, B, H): total derivatives dL/ds_t."""
        return torch.stack([torch.stack([_grad(part) for part in parts]) for parts in zip(*self.states, strict=True)])


def _grad(x: Tensor) -> Tensor:
    return torch.zeros_like(x) if x.grad is None else x.grad


def loss_of(name: str, z: Tensor, y: Tensor) -> Tensor:
    """Of one network: z (K, B, O), classes y (K, B) or numbers y (K, B, O)."""
    if name == "cross_entropy":
        return F.cross_entropy(z.flatten(0, 1), y.flatten())
    return F.mse_loss(z, F.one_hot(y, z.shape[-1]).to(z.dtype) if y.dtype == torch.int64 else y)


def run(
    cell_name: str,
    params: dict[str, Tensor],
    r: int,
    x: Tensor,
    y: Tensor,
    loss: str,
    piece: int = 0,
    penalty: Penalty | None = None,
) -> Run:
    """Network r over its x (T, R, B[, I]), backwards through autograd; `piece` > 0 detaches every so many steps.

    The weights' gradients are of loss and penalty, a function of h (T, B, H). Those of the states are of the loss alone.
    """
    p = {k: v[r].clone().requires_grad_() for k, v in params.items()}
    x, y, done = x[:, r], y[:, r], Run(p)
    x = F.one_hot(x, p["W_in"].shape[0]).to(DOUBLE) if x.dtype == torch.int64 else x
    s = tuple(torch.zeros(x.shape[1], p["W_out"].shape[0], dtype=DOUBLE) for _ in CELLS[cell_name].parts)
    earlier = [s] * CELLS[cell_name].lag
    for t, x_t in enumerate(x):
        if piece and t in range(len(x) - piece, 0, -piece):
            earlier = [tuple(part.detach() for part in s) for s in earlier]
        earlier, u = step(cell_name, p, x_t, earlier)
        done.states.append(earlier[-1])
        if CELLS[cell_name].recurrent:
            done.products.append(u)
    h = torch.stack([h for h, *_ in done.states])
    if penalty:
        penalty(h).backward(retain_graph=True)
    for kept in (*done.products, *(part for s in done.states for part in s)):
        kept.retain_grad()
    z = h[-len(y) :] @ p["W_out"] + p["b_out"]
    done.loss = loss_of(loss, z, y)
    done.loss.backward()
    for part in p.values():
        part.grad = _grad(part)
    return done


# ---- remedies, each acting on run.p[...].grad


def _weights(run: Run) -> list[Tensor]:
    return [v for k, v in run.p.items() if k.startswith("W")]


def _trained(run: Run) -> list[Tensor]:
    return [v for k, v in run.p.items() if k != "leak"]


def l1(run: Run, alpha: float) -> None:
    (alpha * sum(W.abs().sum() for W in _weights(run))).backward()


def l2(run: Run, alpha: float) -> None:
    (alpha / 2 * sum(W.square().sum() for W in _weights(run))).backward()


def omega(run: Run, alpha: float) -> None:
    """The formula in Omega's docstring, with delta_t and da_t (autograd's own) as constants."""
    squares, counts = [], []
    for (h, *_), u in zip(run.states, run.products, strict=True):
        delta = _grad(h).square().sum(-1)
        counted = delta >= 1e-20
        transported = (_grad(u) @ run.p["W_rec"].mT).square().sum(-1)
        ratio = torch.where(counted, transported / delta.clamp(min=1e-20), torch.ones_like(delta))
        squares.append((ratio - 1).square().mean())
        counts.append(counted.double().mean())
    (alpha * sum(squares) / sum(counts)).backward()


def freeze(run: Run, names: str) -> None:
    for name in run.p.keys() & {*names.split("+")}:
        run.p[name].grad.zero_()
    if "b_rec" in run.p and "b" in names.split("+"):
        run.p["b_rec"].grad.zero_()


def clip_norm(run: Run, threshold: float) -> None:
    """torch divides by norm + 1e-6: in units 2^60 times as small that is nothing, and powers of two are exact."""
    for W in _trained(run):
        W.grad *= 2.0**60
    torch.nn.utils.clip_grad_norm_(_trained(run), threshold * 2.0**60)
    for W in _trained(run):
        W.grad /= 2.0**60


def clip_value(run: Run, threshold: float) -> None:
    torch.nn.utils.clip_grad_value_(_trained(run), threshold)


PENALTIES = {  # on h (T, B, H), by a strength
    "ar": lambda h, alpha: alpha * (h * h).mean(),
    "tar": lambda h, beta: beta * ((h[1:] - h[:-1]) ** 2).sum() / max(1, h[1:].numel()),  # none of one state
}
REMEDIES = {"l1": l1, "l2": l2, "omega": omega, "freeze": freeze, "clip-norm": clip_norm, "clip-value": clip_value}


def remedied(cell_name: str, params: dict[str, Tensor], r: int, x: Tensor, y: Tensor, loss: str, fixes: list[Fix]) -> Run:
    """`run` with the fixes in their order."""
    piece = next((fix.steps for fix in fixes if fix.name == "truncate"), 0)
    penalties = [fix for fix in fixes if fix.name in PENALTIES]
    penalty = (lambda h: sum(PENALTIES[fix.name](h, *fix.values) for fix in penalties)) if penalties else None
    done = run(cell_name, params, r, x, y, loss, piece, penalty)
    for fix in fixes:
        if fix.name in REMEDIES:
            REMEDIES[fix.name](done, *fix.values)
    return done


def need(table: dict, *names: str) -> None:
    """A variant that is not written down here is left to the tests that need no reference."""
    missing = [name for name in names if name not in table]
    if missing:
        pytest.skip(f"no independent version of {missing[0]!r} in tests/reference.py")


def assert_close(got: Tensor, expected: Tensor, what: str = "", tolerance: float = 1e-10) -> None:
    """Relative to the largest component; absolute only where nothing but rounding is left."""
    assert got.shape == expected.shape, f"{what}: shape {tuple(got.shape)}, expected {tuple(expected.shape)}"
    error = float((got - expected).detach().abs().max())
    bound = tolerance * float(expected.detach().abs().max()) + 1e-16
    assert error <= bound, f"{what}: off by {error:.2e}, allowed {bound:.2e}"
