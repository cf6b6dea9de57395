"""rnnkit.watch where states are carried, layers used several times, loops hand-written, models compiled."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import rnnkit

KINDS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def whole(rnn, x):
    """The norms of one pass over all of x, by the watch that test_watch.py holds against autograd."""
    watch = rnnkit.watch(rnn, every=1)
    rnn.zero_grad()
    rnn(x)[0][-1].square().sum().backward()
    watch.step()
    watch.close()
    return watch.frame()


# ---- states


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_carried_within_the_graph_makes_one_heatmap(kind):
    rnn, x = KINDS[kind](3, 5, 2).double(), torch.randn(9, 2, 3, dtype=torch.float64)
    watch = rnnkit.watch(rnn, every=1)
    state, y = None, None
    for piece in x.split([4, 3, 2]):
        y, state = rnn(piece, state)
    y[-1].square().sum().backward()
    watch.step()
    assert watch.problem == ""
    table, expected = watch.frame(), whole(rnn, x)
    keys = ["layer", "part", "t"]
    assert set(table.call) == {0}
    np.testing.assert_allclose(table.sort_values(keys).norm, expected.sort_values(keys).norm, rtol=1e-10)
    assert not any(p.cut for p in watch.run.profiles)


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_backpropagation_ends_at_a_cut(kind):
    rnn, x = KINDS[kind](3, 5).double(), torch.randn(8, 2, 3, dtype=torch.float64)
    watch = rnnkit.watch(rnn, every=1)
    state = None
    for piece in x.split(4):
        y, state = rnn(piece, state)
        y[-1].square().sum().backward()
        watch.step()
        state = tuple(s.detach() for s in state) if kind == "lstm" else state.detach()
    assert watch.problem == "" and set(watch.frame().t) == {0, 1, 2, 3}
    assert {(p.step, p.cut) for p in watch.run.profiles} == {(0, False), (1, True)}
    assert "The graph ends there: the state was carried over without its graph." in watch.verdict()
    spec = watch.chart().to_dict()
    first = spec["datasets"]["rows"]
    assert first[0]["kind"][0] != first[1]["kind"][0] and "cut: the state" in json.dumps(spec)
    assert [column["t"] for column in spec["datasets"]["columns"]][:2] == ["-1 “the graph ends”".split(" ")[0], "0"]


def test_a_given_initial_state_that_is_learnt_is_no_cut():
    rnn, h0 = nn.GRU(3, 5), nn.Parameter(torch.randn(1, 2, 5))
    watch = rnnkit.watch(rnn, every=1)
    rnn(torch.randn(4, 2, 3), h0)[0].sum().backward()
    watch.step()
    assert not any(p.cut for p in watch.run.profiles)


def test_a_layer_that_is_used_twice_in_one_pass():
    torch.manual_seed(0)
    rnn = nn.GRU(5, 5).double()
    watch = rnnkit.watch(rnn, every=1)
    x = torch.randn(6, 2, 5, dtype=torch.float64)
    rnn(rnn(x)[0])[0][-1].sum().backward()
    watch.step()
    assert watch.problem == "" and watch.run.checks[0]["gru.l0"] < 1e-12
    assert watch.frame().groupby("call").t.max().to_dict() == {0: 5, 1: 5}
    assert set(watch.lags().call) == {0, 1} and ", use 2:" in watch.verdict()


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_a_hand_written_loop_hands_its_states_over(cell):
    torch.manual_seed(0)
    one, x = cell(3, 5).double(), torch.randn(7, 2, 3, dtype=torch.float64)
    layer = {nn.RNNCell: nn.RNN, nn.LSTMCell: nn.LSTM, nn.GRUCell: nn.GRU}[cell](3, 5).double()
    layer.load_state_dict({f"{name}_l0": value for name, value in one.state_dict().items()})
    watch = rnnkit.watch(one, every=2)
    for _ in range(3):
        state = torch.zeros(2, 5, dtype=torch.float64)
        state = (state, state) if cell is nn.LSTMCell else state
        for x_t in x:
            state = watch.state(one(x_t, state))
        (state[0] if cell is nn.LSTMCell else state).square().sum().backward()
        watch.step()
    assert watch.problem == "" and "from autograd itself" in watch.verdict()
    table, expected = watch.frame(), whole(layer, x)
    assert set(table.step) == {0, 2} and set(table.layer) == {"state"}
    keys = ["part", "t"]
    np.testing.assert_allclose(table[table.step == 2].sort_values(keys).norm, expected.sort_values(keys).norm, rtol=1e-10)
    assert watch.lags().empty and watch.scalars()["watch/state/forward/h/reach"] >= 0


# ---- compiled and distributed models


class Model(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.embed, self.rnn, self.out = nn.Linear(4, 5), KINDS[kind](5, 6, 2, batch_first=True), nn.Linear(6, 2)

    def forward(self, x):
        return self.out(self.rnn(torch.tanh(self.embed(x)))[0][:, -1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("when", ["before", "after", "after a run"])
def test_a_compiled_model(kind, when):
    torch._dynamo.reset()
    torch.manual_seed(0)
    model = Model(kind)
    watch = rnnkit.watch(model, every=2) if when == "before" else None
    compiled = torch.compile(model, backend="eager")
    if when == "after a run":
        compiled(torch.randn(3, 7, 4)).sum().backward()
    watch = watch or rnnkit.watch(compiled, every=2)
    for _ in range(3):
        model.zero_grad()
        compiled(torch.randn(3, 7, 4)).square().sum().backward()
        watch.step()
    assert watch.problem == "" and set(watch.frame().step) == {0, 2} and set(watch.frame().layer) == {"rnn.l0", "rnn.l1"}
    torch._dynamo.reset()


def test_a_distributed_model_of_one_process(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        model = DistributedDataParallel(Model("lstm"))
        watch = rnnkit.watch(model, every=1)
        model(torch.randn(3, 7, 4)).square().sum().backward()
        watch.step()
        assert watch.problem == "" and set(watch.frame().layer) == {"rnn.l0", "rnn.l1"}
    finally:
        torch.distributed.destroy_process_group()
