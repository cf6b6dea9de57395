"""rnnkit.load and rnnkit.state_dict: the weights of torch's layers as rnnkit's and back, and the same network."""

import pytest
import torch
from own_weights import KINDS
from torch import nn

import rnnkit
from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.weights import draw_weights
from rnnkit.experiment import Experiment


def model(cell, **options):
    torch.manual_seed(0)
    return nn.ModuleDict({"rnn": KINDS[cell](3, 5, **options), "out": nn.Linear(5, 2)}).double()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", KINDS)
def test_what_is_loaded_is_the_same_network(cell, bias):
    theirs = model(cell, bias=bias)
    found = rnnkit.load(theirs)
    assert found.cell == cell and set(found.params) >= {"W_in", "W_rec", "b", "W_out", "b_out"}
    x = torch.randn(7, 4, 3, dtype=torch.float64)
    tape = bptt.forward(CELLS[cell], found.params, x[:, None])
    y, _ = theirs["rnn"](x)
    torch.testing.assert_close(tape.h[:, 0], y, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(bptt.readout(found.params, tape.h)[:, 0], theirs["out"](y), rtol=1e-12, atol=1e-14)
    again = rnnkit.load(theirs.state_dict(), nonlinearity=cell if cell in ("tanh", "relu") else "tanh")
    assert again.cell == cell and torch.equal(again.params.flat, found.params.flat)


@pytest.mark.parametrize("cell", KINDS)
def test_weights_are_equal_after_the_round_trip(cell):
    found = rnnkit.load(model(cell))
    other = nn.ModuleDict({"rnn": KINDS[cell](3, 5), "out": nn.Linear(5, 2)}).double()
    other.load_state_dict(rnnkit.state_dict(*found))
    assert torch.equal(rnnkit.load(other).params.flat, found.params.flat)
    for name in ("weight_ih_l0", "weight_hh_l0"):
        assert torch.equal(getattr(other["rnn"], name), getattr(model(cell)["rnn"], name))


@pytest.mark.parametrize("cell", KINDS)
def test_the_weights_of_an_experiment_as_a_state_dict(cell):
    e = Experiment(cell=cell, hidden=6, length=7)
    drawn = {name: torch.from_numpy(values)[None] for name, values in draw_weights(e, 3).items()}
    theirs = nn.ModuleDict({"rnn": KINDS[cell](drawn["W_in"].shape[1], 6), "out": nn.Linear(6, drawn["W_out"].shape[2])}).double()
    theirs.load_state_dict(rnnkit.state_dict(cell, drawn))
    x = torch.randn(5, 2, drawn["W_in"].shape[1], dtype=torch.float64)
    torch.testing.assert_close(theirs["rnn"](x)[0], bptt.forward(CELLS[cell], drawn, x[:, None]).h[:, 0], rtol=1e-12, atol=1e-14)
    assert {name: torch.equal(values, drawn[name]) for name, values in rnnkit.load(theirs, cell).params.items()} == dict.fromkeys(
        rnnkit.load(theirs).params, True
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            nn.Linear(2, 3),
            "expected one nn.RNN, nn.LSTM or nn.GRU of one layer and direction, got no weight_hh_l0 among weight, bias",
        ),
        (nn.LSTM(2, 3, 2), "got weight_hh_l0, weight_hh_l1"),
        (nn.LSTM(2, 3, bidirectional=True), "got weight_hh_l0, weight_hh_l0_reverse"),
        (nn.LSTM(2, 5, proj_size=3), "expected weight_hh of H, 3 H or 4 H rows"),
    ],
)
def test_what_cannot_be_loaded_says_why(source, words):
    with pytest.raises(ValueError, match="expected") as raised:
        rnnkit.load(source)
    assert words in str(raised.value)


def test_a_cell_that_torch_does_not_have_is_named():
    with pytest.raises(ValueError, match=r"expected a cell that torch\.nn has \(tanh, relu, lstm, gru\), got 'esn'"):
        rnnkit.state_dict("esn", {})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("weights.npz", "expected a torch module or its state_dict, got 'weights.npz'"),
        (None, "expected a torch module or its state_dict, got None"),
        ({"rnn.weight_hh_l0": [[1.0]]}, r"expected tensors by name, got \[\[1\.0\]\] for 'rnn\.weight_hh_l0'"),
    ],
)
def test_what_is_no_module_is_refused_in_words(source, message):
    with pytest.raises(TypeError, match=message):
        rnnkit.load(source)


@pytest.mark.parametrize(
    ("left_out", "options", "message"),
    [
        (("W_in", "W_rec", "b", "W_out", "b_out"), {}, "expected the weights W_in, W_rec, b, got none"),
        (("W_rec",), {}, "expected the weights W_in, W_rec, b, b_out, got W_in, b, W_out, b_out"),
        (("b_out",), {}, "expected the weights W_in, W_rec, b, b_out, got W_in, W_rec, b, W_out"),
        ((), {"replica": 1}, "expected a replica from 0 to 0, got 1"),
    ],
)
def test_weights_that_are_not_there_are_named(left_out, options, message):
    params = {name: values for name, values in rnnkit.load(model("lstm")).params.items() if name not in left_out}
    with pytest.raises(ValueError, match=message):
        rnnkit.state_dict("lstm", params, **options)
