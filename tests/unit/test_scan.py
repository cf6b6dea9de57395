"""The parallel scan against the loop, forward and back, of every cell that is linear in its state."""

import altair as alt
import numpy as np
import pytest

from rnnkit import Experiment
from rnnkit.analysis import scan
from rnnkit.analysis.ledger import Ledger
from rnnkit.charts.scan import scan_chart, scan_tables
from rnnkit.engine.cells import CELLS
from rnnkit.engine.weights import draw_weights


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9, 33])
def test_rounds_are_the_loop(length):
    rng = np.random.default_rng(length)
    J, v, direct = (rng.standard_normal((length, *shape)) for shape in ((3, 3), (3,), (3,)))
    s, ds, states, gradients = np.zeros(3), np.zeros(3), [], []
    for t in range(length):
        s = s @ J[t] + v[t]
        states.append(s)
    for t in reversed(range(length)):
        ds = (ds @ J[t + 1].T if t + 1 < length else 0) + direct[t]
        gradients.append(ds)
    forward, back = scan.rounds(J, v), scan.backward_rounds(J, direct)
    assert len(forward) == len(back) == 1 + int(np.ceil(np.log2(length)))
    np.testing.assert_allclose(forward[-1], states, rtol=1e-10, atol=1e-10 * np.abs(states).max())
    np.testing.assert_allclose(back[-1], gradients[::-1], rtol=1e-10, atol=1e-10 * np.abs(gradients).max())
    pairs = scan.partners(length)
    assert len(pairs) == len(forward) - 1
    reached = {t: {t} for t in range(length)}
    for of_round in pairs:
        reached = {t: reached[t].union(*(reached[a] for a, b in of_round if b == t)) for t in reached}
    assert all(reached[t] == set(range(t + 1)) for t in reached), "the last round has taken in every step before"


@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if scan.is_linear(cell)])
def test_a_cells_states_and_gradients(cell):
    e = Experiment(cell=cell, length=21, hidden=3, replicas=1, **dict(CELLS[cell].suited))
    book = Ledger(cell, draw_weights(e, 5), e.bound_task.example(21).x[:, 0], 1)
    step = scan.of_ledger(book)
    states = np.concatenate([book.values[part] for part in book.cell.parts], 1)
    np.testing.assert_allclose(scan.rounds(step.J, step.v)[-1], states, atol=1e-13 * np.abs(states).max())
    gradients = np.concatenate([book.values[f"d{part}"] for part in book.cell.parts], 1)
    np.testing.assert_allclose(scan.backward_rounds(step.J, step.direct)[-1], gradients, atol=1e-13 * np.abs(gradients).max())


def test_which_cells_are_linear_in_their_state():
    linear = {name for name, cell in CELLS.items() if scan.is_linear(cell)}
    assert {"mingru", "lru"} <= linear and not linear & {"tanh", "lstm", "gru", "janet", "esn"}


def test_the_tree_leads_from_every_word_to_the_last_one():
    words = [f"w{t}" for t in range(8)]
    tables = scan_tables([np.arange(8.0) + k for k in range(4)], words)
    nodes, edges = tables["nodes"], tables["edges"]
    assert nodes.done.groupby(nodes["round"]).sum().tolist() == [1, 2, 4, 8] and len(nodes) == 32
    reached = {(7, 3)}
    for k in (2, 1, 0):
        rows = edges[edges["round"] == k]
        reached |= {(row.t, k) for row in rows.itertuples() if (row.to, k + 1) in reached}
    assert {t for t, k in reached if k == 0} == set(range(8))
    assert {(row.t, row["round"]) for _, row in edges[edges.path].iterrows()} == {(t, k) for t, k in reached if k < 3}
    alt.Chart.from_dict(scan_chart(tuple(words), 3).to_dict())
