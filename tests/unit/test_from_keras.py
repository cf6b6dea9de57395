"""rnnkit.from_keras against an independent forward pass of Keras' equations in numpy, float64. Keras itself is not installed."""

import numpy as np
import pytest
import torch
from torch import nn

import rnnkit
from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS

N_IN, H, N_OUT, T, B = 3, 5, 2, 9, 4
MODULES = {"tanh": nn.RNN, "relu": lambda i, h: nn.RNN(i, h, nonlinearity="relu"), "lstm": nn.LSTM, "gru": nn.GRU}
GATES = {"tanh": 1, "relu": 1, "lstm": 4, "gru": 3}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def simple_rnn(activation):
    def forward(x, kernel, recurrent_kernel, bias):
        h, found = np.zeros((x.shape[1], H)), []
        for x_t in x:
            h = activation(x_t @ kernel + bias + h @ recurrent_kernel)
            found.append(h)
        return np.stack(found)

    return forward


def lstm(x, kernel, recurrent_kernel, bias):
    """LSTMCell.call of Keras: z0 ... z3 are i, f, the candidate and o."""
    h = c = np.zeros((x.shape[1], H))
    found = []
    for x_t in x:
        z0, z1, z2, z3 = np.split(x_t @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
        c = sigmoid(z1) * c + sigmoid(z0) * np.tanh(z2)
        h = sigmoid(z3) * np.tanh(c)
        found.append(h)
    return np.stack(found)


def gru(x, kernel, recurrent_kernel, bias):
    """GRUCell.call of Keras with reset_after=True."""
    input_bias, recurrent_bias = bias
    h, found = np.zeros((x.shape[1], H)), []
    for x_t in x:
        x_z, x_r, x_h = np.split(x_t @ kernel + input_bias, 3, axis=1)
        recurrent_z, recurrent_r, recurrent_h = np.split(h @ recurrent_kernel + recurrent_bias, 3, axis=1)
        z, r = sigmoid(x_z + recurrent_z), sigmoid(x_r + recurrent_r)
        hh = np.tanh(x_h + r * recurrent_h)
        h = z * h + (1 - z) * hh
        found.append(h)
    return np.stack(found)


KERAS = {"tanh": simple_rnn(np.tanh), "relu": simple_rnn(lambda a: np.maximum(a, 0)), "lstm": lstm, "gru": gru}


def drawn(cell, seed=0):
    """What get_weights() of the layer and of the Dense layer above it return, at random."""
    rng, G = np.random.default_rng(seed), GATES[cell]
    bias = rng.normal(size=(2, 3 * H) if cell == "gru" else G * H)
    weights = [rng.normal(size=(N_IN, G * H)), 0.5 * rng.normal(size=(H, G * H)), bias]
    return weights, [rng.normal(size=(H, N_OUT)), rng.normal(size=N_OUT)], rng.normal(size=(T, B, N_IN))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", KERAS)
def test_torch_and_rnnkit_compute_what_keras_equations_say(cell, bias):
    weights, (W, b), x = drawn(cell)
    if not bias:
        weights[2] = np.zeros_like(weights[2])
    h = KERAS[cell](x, *weights)
    found = rnnkit.from_keras(weights if bias else weights[:2], (W, b))
    model = nn.ModuleDict({"rnn": MODULES[cell](N_IN, H), "out": nn.Linear(H, N_OUT)}).double()
    model.load_state_dict(found)
    x = torch.from_numpy(x)
    y, _ = model["rnn"](x)
    np.testing.assert_allclose(y.detach().numpy(), h, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(model["out"](y).detach().numpy(), h @ W + b, rtol=1e-12, atol=1e-12)
    loaded = rnnkit.load(found, nonlinearity=cell if GATES[cell] == 1 else "tanh")
    assert loaded.cell == cell and {"W_out", "b_out"} <= set(loaded.params)
    tape = bptt.forward(CELLS[cell], loaded.params, x[:, None])
    np.testing.assert_allclose(tape.h[:, 0].numpy(), h, rtol=1e-12, atol=1e-12)


def test_the_gates_of_a_gru_are_exchanged_and_nothing_else():
    weights, _, x = drawn("gru")
    found = rnnkit.from_keras(weights)
    assert set(found) == {"rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0"}
    z, r, n = np.split(weights[0], 3, axis=1)
    np.testing.assert_array_equal(found["rnn.weight_ih_l0"].numpy().T, np.concatenate([r, z, n], axis=1))
    unchanged = nn.GRU(N_IN, H).double()  # without the exchange it is another network
    unchanged.load_state_dict(
        {
            "weight_ih_l0": torch.from_numpy(weights[0].T),
            "weight_hh_l0": torch.from_numpy(weights[1].T),
            "bias_ih_l0": torch.from_numpy(weights[2][0]),
            "bias_hh_l0": torch.from_numpy(weights[2][1]),
        }
    )
    assert np.abs(unchanged(torch.from_numpy(x))[0].detach().numpy() - gru(x, *weights)).max() > 0.1


def test_the_tensors_are_copies_of_the_same_dtype():
    weights = [w.astype(np.float32) for w in drawn("lstm")[0]]
    found = rnnkit.from_keras(weights)
    before = found["rnn.weight_ih_l0"].clone()
    weights[0][:] = 7
    assert torch.equal(found["rnn.weight_ih_l0"], before) and {w.dtype for w in found.values()} == {torch.float32}


def zeros(*shapes):
    return [np.zeros(shape) for shape in shapes]


@pytest.mark.parametrize(
    ("weights", "dense", "words"),
    [
        (zeros((3, 20)), (), r"weights: expected 2 or 3 arrays of one layer's get_weights\(\), got 1"),
        (zeros(*[(3, 20), (5, 20), 20] * 2), (), "got 6"),  # of a Bidirectional
        (zeros((3, 10), (5, 10)), (), r"G = 1 \(SimpleRNN\), 3 \(GRU\) or 4 \(LSTM\), got \(3, 10\) and \(5, 10\)"),
        (zeros((20, 3), (20, 5)), (), r"got \(20, 3\) and \(20, 5\)"),  # as torch has them
        (zeros((3, 15), (5, 20)), (), r"got \(3, 15\) and \(5, 20\)"),
        (zeros(3, 5), (), r"got \(3,\) and \(5,\)"),
        (zeros((3, 0), (0, 0)), (), r"got \(3, 0\) and \(0, 0\)"),
        (zeros((3, 15), (5, 15), 15), (), r"expected a GRU with reset_after=True, bias \(2, 15\), got \(15,\)"),
        (zeros((3, 20), (5, 20), (2, 20)), (), r"expected bias \(20,\), got \(2, 20\)"),
        (zeros((3, 20), (5, 20)), zeros((4, 2), 2), r"expected the Dense layer's kernel \(5, O\) and bias \(O,\)"),
        (zeros((3, 20), (5, 20)), zeros((5, 2)), "dense: expected 2 arrays"),
        ([[["a"]], [["b"]]], (), "expected arrays of floats, got <U1"),
        ([np.ones((3, 20), int), np.ones((5, 20), int)], (), "expected arrays of floats, got int64"),
    ],
)
def test_other_arrays_are_refused_in_one_sentence(weights, dense, words):
    with pytest.raises(ValueError, match=words):
        rnnkit.from_keras(weights, dense)
