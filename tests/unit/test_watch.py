"""rnnkit.watch against autograd: the gradient of every step of an unfused loop, of all kinds of layers."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hostile_input import SEEDS, fuzz
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence
from unfused import Unfused, one_step

import rnnkit
from rnnkit.watch import measure

KINDS = {
    "tanh": nn.RNN,
    "relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}


@dataclass
class Case:
    kind: str = "lstm"
    layers: int = 1
    bidirectional: bool = False
    packed: bool = False
    batch_first: bool = False
    bias: bool = True
    proj: int = 0
    dropout: float = 0.0
    initial: bool = True
    loss: str = "all"  # what it reads: the outputs and final states, the outputs, the last output, the final states
    T: int = 6
    B: int = 3
    H: int = 4
    seed: int = 0

    def made(self):
        """The module, its input (time first, or packed), and h0, c0 (or None)."""
        torch.manual_seed(self.seed)
        more = {"proj_size": self.proj} if self.proj else {}
        module = KINDS[self.kind](
            3, self.H, self.layers, bias=self.bias, batch_first=self.batch_first, dropout=self.dropout,
            bidirectional=self.bidirectional, **more,
        ).double()  # fmt: skip
        x = torch.randn(self.T, self.B, 3, dtype=torch.float64)
        n = self.layers * (2 if self.bidirectional else 1)
        h0 = torch.randn(n, self.B, self.proj or self.H, dtype=torch.float64) * self.initial
        c0 = torch.randn(n, self.B, self.H, dtype=torch.float64) * self.initial if self.kind == "lstm" else None
        if self.packed:
            lengths = torch.randint(1, self.T + 1, (self.B,))
            lengths[self.seed % self.B] = self.T
            x = pack_padded_sequence(x, lengths, enforce_sorted=False)
        return module, x, h0, c0

    def value(self, output, *final):
        """The loss: a sum with random weights of what it reads."""
        generator = torch.Generator().manual_seed(self.seed)

        def weighted(x):
            return (x * torch.randn(x.shape, generator=generator, dtype=x.dtype)).sum()

        outputs = output.data if isinstance(output, PackedSequence) else output
        read = {"all": [outputs, *final], "outputs": [outputs], "last": [outputs[-1]], "final": final}
        return sum(weighted(x) for x in read[self.loss])


def fused(case):
    """The module's gradients with a watch on it, and the watch."""
    module, x, h0, c0 = case.made()
    watch = rnnkit.watch(module, every=1)
    x = x.transpose(0, 1) if case.batch_first and not case.packed else x
    state = () if not case.initial else ((h0, c0) if case.kind == "lstm" else h0,)
    torch.manual_seed(case.seed + 1)
    output, final = module(x, *state)
    if case.batch_first and not case.packed:
        output = output.transpose(0, 1)
    case.value(output, *(final if isinstance(final, tuple) else (final,))).backward()
    watch.step()
    return module, watch


def unfused(case):
    module, x, h0, c0 = case.made()
    torch.manual_seed(case.seed + 1)
    loop = Unfused(module, x, h0, c0)
    case.value(loop.output, *(s for s in (loop.h_n, loop.c_n) if s is not None)).backward()
    return module, loop


def assert_the_same(case):
    """All norms, to 1e-10 of the largest; and both networks have the same gradient, so that the loop is that module."""
    (module, watch), (other, loop) = fused(case), unfused(case)
    assert watch.problem == "", case
    for mine, theirs in zip(module.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-9, atol=1e-12)
    table = watch.frame()
    for (layer, d), parts in loop.states.items():
        for part in parts:
            place = (table.layer.str.endswith(f".l{layer}")) & (table.direction == ("forward", "reverse")[d])
            norm = table[place & (table.part == part)].sort_values("t").norm.to_numpy()
            expected = loop.norms(layer, d, part)
            np.testing.assert_allclose(norm, expected, rtol=1e-10, atol=1e-10 * max(expected.max(), 1e-300), err_msg=str(case))
    assert set(table.layer) == {f"{type(module).__name__.lower()}.l{i}" for i in range(case.layers)}
    assert all(error < 1e-12 for error in watch.run.checks[0].values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_every_part_of_every_layer_has_the_gradient_of_autograd(kind, layers, bidirectional, packed):
    case = Case(kind, layers, bidirectional, packed)
    assert_the_same(case)
    assert_the_same(replace(case, dropout=0.4 * (layers > 1), bias=False, batch_first=True, initial=False, seed=1))


@pytest.mark.parametrize("loss", ["last", "final"])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_loss_reads(kind, loss):
    assert_the_same(Case(kind, 2, True, loss=loss))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("packed", [False, True])
def test_an_lstm_with_projection(layers, packed):
    assert_the_same(Case("lstm", layers, True, packed, proj=2))


@fuzz(25, seed=SEEDS)
def test_random_models(seed):
    """25 of them in every run; make fuzz: 500, each time others."""
    rng = np.random.default_rng(seed)
    kind, packed, layers = str(rng.choice(list(KINDS))), bool(rng.integers(2)), int(rng.integers(1, 4))
    case = Case(
        kind, layers, bool(rng.integers(2)), packed, bool(rng.integers(2)), bool(rng.integers(2)),
        proj=int(rng.integers(0, 3)) if kind == "lstm" else 0,
        dropout=float(rng.choice([0, 0.3])) if layers > 1 else 0.0,
        initial=bool(rng.integers(2)),
        loss=str(rng.choice(["all", "final"] if packed else ["all", "outputs", "last", "final"])),
        T=int(rng.integers(1, 9)), B=int(rng.integers(1, 5)), H=int(rng.integers(3, 6)), seed=seed,
    )  # fmt: skip
    assert_the_same(case)


def test_an_lstm_of_tiny_states_agrees_in_float32():
    """tanh(a) has to be right relative to a: all of a and h is about 1e-6."""
    torch.manual_seed(0)
    rnn = nn.LSTM(8, 32, 2, bias=False, proj_size=16)
    with torch.no_grad():
        for w in rnn.parameters():
            w.mul_(0.01)
    watch = rnnkit.watch(rnn, every=1)
    rnn(1e-4 * torch.randn(100, 16, 8))[0][-1].square().sum().backward()
    watch.step()
    assert watch.problem == "" and len(watch.frame())


def test_one_sequence_without_a_batch():
    module, watch = nn.LSTM(3, 4, 2).double(), None
    watch = rnnkit.watch(module, every=1)
    x = torch.randn(5, 3, dtype=torch.float64)
    output, (h, c) = module(x)
    (output.sum() + h.sum() + c.sum()).backward()
    watch.step()
    assert watch.problem == "" and watch.frame().t.max() == 4
    first = watch.frame().norm
    module.zero_grad()
    output, (h, c) = module(x[:, None])
    (output.sum() + h.sum() + c.sum()).backward()
    watch.step()
    table = watch.frame()
    np.testing.assert_allclose(table[table.step == 1].norm, first, rtol=1e-12)


def test_packed_sequences_that_are_sorted_already():
    module = nn.GRU(3, 4).double()
    watch = rnnkit.watch(module, every=1)
    x = torch.randn(5, 3, 3, dtype=torch.float64)
    packed = pack_padded_sequence(x, [5, 3, 1])
    output, h = module(packed)
    assert isinstance(output, PackedSequence)
    h.square().sum().backward()
    watch.step()
    loop = Unfused(module, packed, torch.zeros(1, 3, 4, dtype=torch.float64))
    loop.h_n.square().sum().backward()
    np.testing.assert_allclose(watch.frame().norm, loop.norms(0, 0, "h"), rtol=1e-10)


# ---- shares of dL/dW_rec by lag


def explicit_shares(case, d):
    """By autograd alone, of one layer: every time step has its own copy of W_rec, and what enters at each step is sent alone."""
    module, x, h0, c0 = case.made()
    loop = Unfused(module, x, h0, c0)
    case.value(loop.output).backward()
    w_ih, w_hh, *b = module.all_weights[d]
    copies = [w_hh.detach().clone().requires_grad_() for _ in range(case.T)]
    h, c, states = h0[d], None if c0 is None else c0[d], []
    order = list(range(case.T))[:: -1 if d else 1]
    for k, t in enumerate(order):
        h, c = one_step(module, x[t], h, c, w_ih, copies[k], *b, None)
        states.append(h)
    enters = torch.autograd.grad(case.value(out := loop.output.detach().requires_grad_()), out)[0].chunk(
        1 + case.bidirectional, -1
    )[d]
    dW = torch.zeros(case.T, *w_hh.shape, dtype=torch.float64)
    for s, t in enumerate(order):
        grads = torch.autograd.grad((states[s] * enters[t]).sum(), copies[: s + 1], retain_graph=True)
        for back, grad in enumerate(grads[::-1]):
            dW[back] += grad
    whole = dW.sum(0)
    torch.testing.assert_close(whole, w_hh.grad, rtol=1e-9, atol=1e-12)
    return ((dW * whole).sum((1, 2)) / whole.square().sum()).numpy()


@pytest.mark.parametrize("loss", ["last", "outputs"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_shares_by_lag_are_the_explicit_sums(kind, bidirectional, loss):
    case = Case(kind, 1, bidirectional, loss=loss, T=7)
    _, watch = fused(case)
    table = watch.lags()
    for d, direction in enumerate(("forward", "reverse")[: 1 + bidirectional]):
        share = table[table.direction == direction].sort_values("lag").share.to_numpy()
        expected = explicit_shares(case, d)
        np.testing.assert_allclose(share, expected[: len(share)], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(expected[len(share) :], 0, atol=1e-12)
        assert share.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("packed", [False, True])
def test_shares_by_lag_sum_to_1_in_every_layer(kind, packed):
    _, watch = fused(Case(kind, 2, True, packed, dropout=0.2))
    sums = watch.lags().groupby(["layer", "direction"]).share.sum()
    assert len(sums) == 4
    np.testing.assert_allclose(sums, 1, atol=1e-11)


def test_lags_beyond_those_that_are_told_apart_are_one_row(monkeypatch):
    case = Case("tanh", loss="outputs", T=7)
    monkeypatch.setattr(measure, "MAX_LAGS", 3)
    _, watch = fused(case)
    table, expected = watch.lags(), explicit_shares(case, 0)
    np.testing.assert_allclose(table.share[:3], expected[:3], rtol=1e-9)
    assert np.isnan(table.lag.iloc[3]) and table.share.iloc[3] == pytest.approx(expected[3:].sum())


# ---- eigenvalues and singular values


@pytest.mark.parametrize("kind", KINDS)
def test_the_spectrum_is_that_of_every_gate(kind):
    module = KINDS[kind](3, 5, 2, bidirectional=True)
    table = rnnkit.watch(module).spectrum()
    gates = {"lstm": 4, "gru": 3}.get(kind, 1)
    assert len(table) == 4 * gates * 2 * 5
    W = module.weight_hh_l1_reverse.detach().double().numpy()[-5:]  # of the last gate
    here = table[table.layer.str.endswith(".l1") & (table.direction == "reverse")]
    last = here[here.gate == here.gate.iloc[-1]]
    singular = last[last.kind == "singular value"]["abs"].to_numpy()
    np.testing.assert_allclose(np.sort(singular), np.sort(np.sqrt(np.linalg.eigvalsh(W @ W.T).clip(0))), atol=1e-7)
    values = last[last.kind == "eigenvalue"]
    assert values.real.sum() == pytest.approx(np.trace(W)) and (np.diff(values["abs"]) <= 1e-12).all()
