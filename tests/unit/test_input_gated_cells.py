"""Cells whose gates see the input alone: their gradient is the product of their gates, and their values are exact."""

from dataclasses import replace

import pytest
import torch
from reference import DOUBLE

from rnnkit import Experiment
from rnnkit.engine import backends, bptt
from rnnkit.engine.backends.compiled import build
from rnnkit.engine.cells import CELLS
from rnnkit.engine.probes import openness
from rnnkit.studies import STUDIES

LINEAR = [name for name, cell in CELLS.items() if not cell.recurrent and cell.forget_gate is not None]


def one_unit(columns, dtype=DOUBLE):
    """Weights of one unit with one input for each column, which it sees as it is."""
    n = len(columns)
    zero = torch.zeros(1, 1, n, dtype=dtype)
    return {"W_in": torch.eye(n, dtype=dtype)[None], "b": zero, "W_out": zero[..., :1], "b_out": zero[..., :1]}


@pytest.fixture(params=["torch", "compiled"])
def backend(request):
    """Both read: PyTorch's formulas, and the equations as text."""
    if request.param == "compiled" and build.missing():
        pytest.skip(build.missing())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(backends.VARIABLE, request.param)
        yield


def read(name, rows, dtype=DOUBLE):
    """The tape of one unit of the cell, after it has read these columns, a row a time step."""
    x = torch.tensor(rows, dtype=dtype)[:, None, None]
    return bptt.forward(CELLS[name], one_unit(CELLS[name].columns, dtype), x)


@pytest.mark.parametrize("bias", ["zero", "chrono"])
@pytest.mark.parametrize("cell", LINEAR)
def test_the_measured_gradient_is_the_product_of_the_gates(cell, bias):
    e = replace(Experiment(cell=cell, bias=bias), length=50, hidden=12, replicas=1, batch=4, fixes=(), input_scale=0.3)
    *_, found = STUDIES["gradient_flow"](e)
    torch.testing.assert_close(torch.tensor(found.norm[0]), torch.tensor(found.straight), rtol=1e-13, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
@pytest.mark.parametrize(("a_f", "a_i"), [(-200.0, -201.0), (0.5, -0.5), (-1000.0, -1000.0), (300.0, 300.0), (-30.0, 30.0)])
def test_the_gates_of_minlstm_are_exact_where_both_underflow(backend, a_f, a_i, dtype):
    """f' = f / (f + i) with f and i in float64 logarithms; f + i is 0 in float32 from -104 on."""
    log_f, log_i = (torch.nn.functional.logsigmoid(torch.tensor(a, dtype=DOUBLE)) for a in (a_f, a_i))
    tape = read("minlstm", [[-500.0, 500.0, 3.0], [a_f, a_i, 7.0]], dtype)
    f_norm = torch.exp(log_f - torch.logaddexp(log_f, log_i)).item()
    assert openness(CELLS["minlstm"], tape)[1].item() == pytest.approx(f_norm, rel=1e-6)
    assert tape.h.flatten().tolist() == pytest.approx([3.0, f_norm * 3 + (1 - f_norm) * 7], rel=1e-6)


def test_a_decay_of_minus_one_holds_parity_exactly():
    """h = -h + 1 where the input is 1, h = h where it is 0: after 2000 steps still 0 or 1. A decay in (0, 1) cannot be -1."""
    bits = torch.randint(2, (2000,), generator=torch.Generator().manual_seed(0)).tolist()
    h = read("gated-linear-signed", [[-200.0, 1.0] if bit else [200.0, 0.0] for bit in bits], torch.float32).h.flatten()
    assert h.tolist() == (torch.tensor(bits).cumsum(0) % 2).tolist()


@pytest.mark.parametrize(("cell", "low"), [("gated-linear", 0.0), ("gated-linear-signed", -1.0)])
def test_the_decay_goes_from_its_lower_end_to_one(cell, low):
    tape = read(cell, [[0.0, 1.0], *([a, 0.0] for a in (-200.0, 0.0, 0.5))])
    half = 0.5 * (low + 1)
    decay = [low, half, low + (1 - low) / (1 + 2.718281828459045**-0.5)]
    assert tape.h.flatten().tolist() == pytest.approx([1.0, decay[0], decay[0] * decay[1], decay[0] * decay[1] * decay[2]])
    assert openness(CELLS[cell], tape).flatten()[1:].tolist() == pytest.approx([abs(value) for value in decay])
