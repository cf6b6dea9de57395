"""The cell whose readout attends to all states: what it averages, and how its gradient goes back, exactly."""

import torch
from reference import DOUBLE, B, H, R, assert_close, random_batch, random_params

from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS

T = 30


def passed(p, length=T):
    x, _ = random_batch("temporal-order", length)
    tape = bptt.forward(CELLS["attention"], p, x)
    dz = torch.randn(1, R, B, p["W_out"].shape[2], generator=torch.Generator().manual_seed(1), dtype=DOUBLE)
    tape.backward(dz)
    return tape, (dz @ p["W_out"].mT)[0]


def test_what_is_read_is_the_softmax_average_of_all_states_the_initial_one_included():
    p = random_params("attention", 6, 4)
    tape, _ = passed(p)
    h, r, n = tape.s
    states = torch.cat([torch.zeros_like(r[:1]), r])
    alpha = torch.softmax(states * p["q"], 0)
    assert_close(h[-1], (alpha * states).sum(0), "h_T", 1e-13)
    assert_close(1 + n[-1], torch.exp(states * p["q"]).sum(0), "1 + n_T", 1e-13)
    assert_close(tape.h, h, "what the readout takes", 0)


def test_without_a_recurrence_each_state_has_a_way_of_its_own():
    """dL/dr_t = alpha_t (1 + q (r_t - h_T)) dL/dh_T, and the average of the states before counts (1 + n_t) / (1 + n_T)."""
    p = random_params("attention", 6, 4)
    p["W_rec"].zero_()
    tape, dh = passed(p)
    (h, r, n), (found, dr, _) = tape.s, tape.ds
    alpha = torch.exp(p["q"] * r) / (1 + n[-1])
    assert_close(dr, alpha * (1 + p["q"] * (r - h[-1])) * dh, "dL/dr_t", 1e-12)
    assert_close(found, (1 + n) / (1 + n[-1]) * dh, "dL/dh_t", 1e-12)


def test_as_drawn_it_is_the_mean_and_the_gradient_is_level():
    p = random_params("attention", 6, 4)
    p["W_rec"].zero_(), p["q"].zero_()
    tape, dh = passed(p)
    assert_close(tape.h[-1], tape.s[1].sum(0) / (T + 1), "h_T", 1e-13)
    assert_close(tape.ds[1], (dh / (T + 1)).expand(T, R, B, H), "dL/dr_t", 1e-13)
