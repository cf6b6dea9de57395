"""The ledger against the engine and autograd, and every equation it shows against the number that stands beside it."""

import ast
import math
import re

import numpy as np
import pytest
import reference
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference import DOUBLE, random_params

from rnnkit.analysis import ledger
from rnnkit.analysis.ledger import Ledger, Ref, evaluate, forward
from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import Truncate
from rnnkit.engine.losses import LOSSES, one_hot
from rnnkit.rounding import significant

N_IN, N_OUT, T, H = 6, 3, 7, 3


def weights(p, r=0):
    return {name: W[r].numpy() for name, W in p.items()}


def sequence(symbols, seed=0, T=T):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(N_IN, (T, 1, 1), generator=g) if symbols else torch.randn(T, 1, 1, N_IN, generator=g, dtype=DOUBLE)


def book(name, seed=0, y=1, loss="cross_entropy", cut=0, symbols=True, T=T, H=H):
    p = random_params(name, N_IN, N_OUT, seed, H, 1)
    return Ledger(name, weights(p), sequence(symbols, seed, T)[:, 0, 0].numpy(), y, loss, cut)


def assert_equal(got, expected, what, tolerance=1e-10):
    expected = np.asarray(expected)
    assert np.shape(got) == expected.shape, what
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * np.abs(expected).max(initial=1e-6), err_msg=what)


def entries(book):
    """Every number of the table: (name, t, unit) -> value."""
    names = (*book.forward_names, *book.backward_names)
    found = {(name, t, u): book.values[name][t][u] for name in names for t in range(book.T) for u in range(book.H)}
    found |= {(name, book.T, k): v for name, values in book.outcome.items() for k, v in enumerate(values)}
    norms = {f"norm d{part}": np.linalg.norm(book.values[f"d{part}"], axis=1) for part in book.cell.parts}
    return found | {(name, t, 0): v for name, values in norms.items() for t, v in enumerate(values)}


# ---- numbers ----


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_names_everything_the_ledger_needs(name):
    cell = CELLS[name]
    assert set(dict(cell.apart)) <= set(cell.columns)
    assert {part for part, _ in cell.direct_terms} <= set(cell.parts)
    assert set(cell.parts) <= set(dict(cell.equations))


@pytest.mark.parametrize("symbols", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_forward_is_the_engines(name, symbols):
    """With sequences side by side."""
    p, g = random_params(name, N_IN, N_OUT), torch.Generator().manual_seed(1)
    x = torch.randint(N_IN, (T, 2, 5), generator=g) if symbols else torch.randn(T, 2, 5, N_IN, generator=g, dtype=DOUBLE)
    tape = bptt.forward(CELLS[name], p, x)
    for r in range(2):
        values = forward(name, weights(p, r), x[:, r].numpy())
        for part, states in zip(CELLS[name].parts, tape.s, strict=True):
            assert_equal(values[part], states[:, r], part)
        assert_equal(values["logits"], bptt.readout(p, tape.h)[:, r], "logits")


@pytest.mark.parametrize("cut", [0, 1, 3, T])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("symbols", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_backward_is_the_engines(name, symbols, loss, cut):
    cell, p, x, y = CELLS[name], random_params(name, N_IN, N_OUT, 0, H, 1), sequence(symbols), torch.tensor([[[1]]])
    tape = bptt.forward(cell, p, x)
    target = one_hot(y, N_OUT, DOUBLE) if loss == "squared_error" else y
    value, dz = LOSSES[loss](bptt.readout(p, tape.h[-1:]), target)
    tape.backward(dz, [Truncate(cut)] if cut else [])
    b = book(name, loss=loss, cut=cut, symbols=symbols)
    assert_equal(b.outcome["loss"], value, "loss")
    assert_equal(b.outcome["dlogits"], dz[0, 0, 0], "dL/dlogits")
    for part, ds in zip(cell.parts, tape.ds, strict=True):
        assert_equal(b.values[f"d{part}"], ds[:, 0, 0], f"dL/d{part}")
    da = np.concatenate([b.values[f"d{dict(cell.apart).get(column, column)}"] for column in cell.columns], 1)
    assert_equal(da, tape.da[:, 0, 0], "dL/da")
    gradients = tape.gradients()
    assert set(b.gradients) == set(gradients)
    for key, gradient in gradients.items():
        assert_equal(b.gradients[key], gradient[0], key)


@pytest.mark.parametrize("cut", [0, 2])
@pytest.mark.parametrize("name", CELLS)
def test_backward_is_autograds(name, cut):
    reference.need(reference.STEPS, name)
    p, x = random_params(name, N_IN, N_OUT, 5, H, 1), sequence(True, 5)
    run = reference.run(name, p, 0, x, torch.tensor([[[2]]]), "cross_entropy", cut)
    b = book(name, seed=5, y=2, cut=cut)
    assert_equal(b.outcome["loss"][0], run.loss.item(), "loss")
    for part, ds in zip(CELLS[name].parts, run.state_gradients(), strict=True):
        assert_equal(b.values[f"d{part}"], ds[:, 0], f"dL/d{part}")
    for key, gradient in b.gradients.items():
        assert_equal(gradient, run.p[key].grad, key)


@pytest.mark.parametrize("name", CELLS)
def test_the_jacobian_is_the_difference_quotient_of_one_step_and_carries_the_gradient(name):
    """ds_{t-1} = ds_t J_t, where ds_t is what has come to the state from later steps; beside it a short cut's da W_skip^T.

    A part that hands no gradient on (the stabilizer of sLSTM) cancels in h: the difference quotients of h alone tell.
    """
    b, t, p, cell = book(name, seed=2), 4, random_params(name, N_IN, N_OUT, 2, H, 1), CELLS[name]
    x, s0 = sequence(True, 2), bptt.forward(cell, p, sequence(True, 2)[:t]).end

    def step(j, by):
        moved = [part.clone() for part in s0]
        moved[j // H][-1, ..., j % H] += by
        return np.concatenate([s[0, 0, 0] for s in bptt.forward(cell, p, x[t : t + 1], s0=moved).s])

    held = {*cell.parts[1:]} - {*dict(cell.direct_terms)}
    rows = slice(H if held else None)
    for j in (H * k + unit for k, part in enumerate(cell.parts) if part not in held for unit in range(H)):
        slope = (8 * (step(j, 1e-4) - step(j, -1e-4)) - step(j, 2e-4) + step(j, -2e-4)) / 12e-4
        assert_equal(b.jacobian[t][rows, j], slope[rows], f"column {j}", 1e-8)
    came = b.outcome["dlogits"] @ b.p["W_out"].T
    came = np.concatenate([came, *[np.zeros(H)] * (len(cell.parts) - 1)])
    for t in range(T - 1, 0, -1):
        came = came @ b.jacobian[t]
        if "W_skip" in b.p and t - 1 + cell.lag < T:
            came = came + b.values["da"][t - 1 + cell.lag] @ b.p["W_skip"].T
    assert_equal(came[:H], b.values["dh"][0], "dL/dh of the first step")


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.recurrent])
def test_the_gradient_of_the_recurrent_weights_adds_up_from_the_last_step(name):
    b = book(name)
    later = [*b.so_far[1:], np.zeros_like(b.so_far[0])]
    d = np.concatenate([b.values[f"d{dict(b.cell.apart).get(column, column)}"] for column in b.cell.columns], 1)
    for t in range(T):
        h = b.values[b.cell.recurrent_name][t - 1] if t else np.zeros(H)
        assert_equal(b.so_far[t] - later[t], np.outer(h, d[t]), f"step {t}")
    assert_equal(b.gradients["W_rec"], b.cell.recurrent_gradient(b.p, b.so_far[0]), "all of it")


NEEDED = {
    "tanh": "h",
    "sigmoid": "h",
    "relu": "h",
    "linear": "h",
    "lstm": "i f g o c h",
    "lstm-relu": "i f g o c h",
    "gru": "q r z n h",
    "gru-relu": "q r z n h",
    "janet": "f i g h",
    "mingru": "g z h",
    "lru": "l_re l_im h im",
    "minlstm": "g f i f_norm h",
    "gated-linear": "lam h",
    "gated-linear-signed": "lam h",
    "slstm": "a_f i f z o n c h",
    "slstm-unstabilized": "a_f i f z o n c h",
    "antisymmetric": "a h",
    "exprnn": "h",
    "cornn": "a z h",
    "skip": "h",
    "esn": "a h",
}


@pytest.mark.parametrize("name", NEEDED)
def test_what_the_way_back_reads(name):
    assert book(name).needed == tuple(NEEDED[name].split())


def test_an_equation_knows_its_variables_only():
    assert evaluate("max(a, 0) + step(a) ** 2", {"a": np.array([-1.0, 2.0])}).tolist() == [0.0, 3.0]
    for text in ("b", "__import__('os')", "open('x')"):
        with pytest.raises(NameError):
            evaluate(text, {"a": 1.0})


def test_nan_stays_nan():
    assert all(np.isnan(evaluate(f"{name}(a)", {"a": np.nan})) for name in ledger.FUNCTIONS if name != "max")
    assert np.isnan(evaluate("max(a, 0)", {"a": np.nan}))


# ---- equations ----


@pytest.mark.parametrize("cut", [0, 3])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", CELLS)
def test_every_equation_evaluated_exactly_gives_its_number(name, loss, cut):
    b = book(name, loss=loss, cut=cut)
    for (variable, t, unit), value in entries(b).items():
        template = b.template(variable, t, unit)
        text = "".join(part if isinstance(part, str) else f"({b.number(part)!r})" for part in template)
        assert math.isclose(evaluate(text, {}), value, rel_tol=1e-9, abs_tol=1e-12), (variable, t, unit, text)


class Interval:
    """All values that a shown number may stand for: rounding is the only difference allowed."""

    def __init__(self, low, high):
        self.low, self.high = min(low, high), max(low, high)

    def over(self, other, act):
        ends = [act(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(ends), max(ends))

    def under(self, function):  # all of ours are monotone
        return Interval(float(function(self.low)), float(function(self.high)))


def shown_as(text):
    """The interval of one number as it is printed."""
    mantissa, _, exponent = text.partition("e")
    whole = len(mantissa.replace(".", "").lstrip("0")) < 4  # 0, 1, 2 of the equation itself, or an exact 0
    half = 0.0 if "." not in mantissa and not exponent and whole else 0.5 * 10.0 ** -len(mantissa.partition(".")[2])
    scale = 10.0 ** int(exponent or 0)
    return Interval((float(mantissa) - half) * scale, (float(mantissa) + half) * scale)


OPERATORS = {ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b, ast.Div: lambda a, b: a / b}


def interval(node, text):
    if isinstance(node, ast.Constant):
        return shown_as(ast.get_source_segment(text, node))
    if isinstance(node, ast.UnaryOp):
        return Interval(0, 0).over(interval(node.operand, text), OPERATORS[ast.Sub])
    if isinstance(node, ast.Call):
        function, arguments = ledger.FUNCTIONS[node.func.id], [interval(a, text) for a in node.args]
        return arguments[0].under(lambda a: function(a, *[other.low for other in arguments[1:]]))
    left, right = interval(node.left, text), interval(node.right, text)
    if isinstance(node.op, ast.Pow):
        assert right.low == right.high == 2
        ends = left.low**2, left.high**2
        return Interval(0.0 if left.low < 0 < left.high else min(ends), max(ends))
    return left.over(right, OPERATORS[type(node.op)])


@given(
    st.sampled_from(sorted(CELLS)), st.sampled_from(sorted(LOSSES)), st.integers(0, 999), st.integers(1, 4), st.integers(1, 9),
    st.integers(0, 4), st.data(),
)  # fmt: skip
def test_an_equation_as_it_is_shown_gives_the_number_shown(name, loss, seed, H, T, cut, data):
    b = book(name, seed, 0, loss, cut, T=T, H=H)
    every = entries(b)
    for place in data.draw(st.lists(st.sampled_from(sorted(every)), min_size=1, max_size=12)):
        text = b.filled(b.template(*place))
        assert re.fullmatch(r"[-+*/()., \w]+", text)
        got = interval(ast.parse(text, mode="eval").body, text)
        result = significant(every[place], 4)
        sign, size = (-1, result[1:]) if result[0] == "-" else (1, result)
        shown = shown_as(size)
        low, high = sorted((sign * shown.low, sign * shown.high))
        slack = 1e-12 * max(abs(got.low), abs(got.high), 1e-300)
        assert got.low - slack <= high and low <= got.high + slack, f"{place}: {text} = {result}"


def test_negative_numbers_stand_in_brackets_where_they_must():
    b = book("lstm")
    b.values["c"][1][0], b.values["h"][0][:] = -0.5, -0.25
    assert b.filled(("tanh(", Ref("c", 1, (0,)), ")")) == "tanh(-0.5000)"
    assert b.filled(("tanh(", Ref("c", 1, (0,)), " ** 2)")) == "tanh((-0.5000) ** 2)"
    assert b.filled((Ref("c", 1, (0,)), " - ", Ref("h", 0, (1,)))) == "-0.5000 - (-0.2500)"
