"""A user's weights: their files, the Experiment that begins with them, what is refused, and the way to a worker and the CLI."""

import contextlib
import io
import json
import random
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from command_line import start
from hypothesis import given
from hypothesis import strategies as st
from own_weights import KINDS, TASK, model, npz
from pool_runs import SHORT, assert_same, wait
from torch import nn

import rnnkit
from rnnkit.analysis.describe import difference, summary
from rnnkit.corpus import CorpusError, read_text
from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.torch_layout import read_weights
from rnnkit.engine.trainer import Trainer, init_params, run
from rnnkit.experiment import Experiment, ExperimentError, changed
from rnnkit.export.script import missing
from rnnkit.serving.limits import Limits
from rnnkit.serving.recordings import Recordings
from rnnkit.serving.run_pool import RunPool
from rnnkit.studies import STUDIES
from rnnkit.sweep.sweep import Sweep
from rnnkit.tasks.data import STORE, DataStore
from rnnkit.tasks.weights import Weights


def safetensors(arrays):
    """arrays: name -> (dtype as the format names it, shape, bytes)."""
    head, body = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, shape, data) in arrays.items():
        head[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + body


def of_module(module, dtype=torch.float32, name="F32"):
    tensors = {k: v.to(dtype) for k, v in module.state_dict().items()}
    as_bytes = {k: (v.view(torch.int16) if dtype == torch.bfloat16 else v).numpy().tobytes() for k, v in tensors.items()}
    return safetensors({k: (name, v.shape, as_bytes[k]) for k, v in tensors.items()})


@pytest.fixture
def lstm(nothing_given):
    return rnnkit.load(model()).experiment(length=8, steps=4, replicas=2, batch=4)


# ---- files


@pytest.mark.parametrize("cell", KINDS)
def test_both_files_give_what_load_gives(cell):
    kind = cell if cell in ("tanh", "relu") else "tanh"
    found = [read_weights(data, "mine", kind) for data in (npz(model(cell)), of_module(model(cell)))]
    loaded = rnnkit.load(model(cell))
    for weights in found:
        assert weights.cell == cell and weights.hidden == 6 and set(weights.arrays) == set(loaded.params)
        for name, values in weights.arrays.items():
            assert values.dtype == np.float32 and np.array_equal(values, loaded.params[name][0].numpy()), name
        assert weights == Weights.from_bytes(weights.to_bytes())
    assert found[0].digest == found[1].digest


@pytest.mark.parametrize(("dtype", "name"), [(torch.float64, "F64"), (torch.float16, "F16"), (torch.bfloat16, "BF16")])
def test_numbers_of_every_precision_are_exact(dtype, name):
    expected = model().state_dict()["rnn.weight_hh_l0"].to(dtype).double().numpy().T
    found = read_weights(of_module(model(), dtype, name), "mine").arrays["W_rec"]
    assert found.dtype == (np.float64 if name == "F64" else np.float32) and np.array_equal(found, expected)


def test_doubles_of_the_other_byte_order_are_exact_and_halves_are_added_in_float32():
    swapped = read_weights(npz(model().double(), lambda v: v.astype(">f8")), "mine")
    assert all(v.dtype == np.float64 for v in swapped.arrays.values())
    assert swapped.digest == read_weights(npz(model().double()), "mine").digest
    halves = {k: v.half().double().numpy() for k, v in model().state_dict().items()}
    found = read_weights(npz(model(), lambda v: v.astype(np.float16)), "mine").arrays["b"][0]
    assert np.array_equal(found, (halves["rnn.bias_ih_l0"] + halves["rnn.bias_hh_l0"]).astype(np.float32))


def test_a_readout_without_a_bias_and_columns_first():
    module = model()
    module["out"] = nn.Linear(6, 2, bias=False)
    weights = read_weights(npz(module, np.asfortranarray), "mine")
    assert np.array_equal(weights.arrays["W_out"], module["out"].weight.detach().numpy().T) and not weights.arrays["b_out"].any()
    assert np.array_equal(weights.arrays["W_in"], module["rnn"].weight_ih_l0.detach().numpy().T)


def pickled():
    file = io.BytesIO()
    torch.save(model().state_dict(), file)
    return file.getvalue()


def archive(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in members.items():
            z.writestr(name, data)
    return file.getvalue()


def objects():
    file = io.BytesIO()
    np.savez(file, **{"rnn.weight_hh_l0": np.array([{}], object)})
    return file.getvalue()


def huge():
    """A header that claims 8 TB."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)})
    return archive(**{"rnn.weight_hh_l0.npy": file.getvalue()})


def short(name="rnn.weight_ih_l0", shape=(24, 50)):
    """A state_dict with one array of another shape."""
    arrays = {k: ("F32", v.shape, v.numpy().tobytes()) for k, v in model().state_dict().items()}
    return safetensors(arrays | {name: ("F32", shape, np.zeros(shape, np.float32).tobytes())})


REFUSED = {
    "a .pt file": (pickled, "a pickle, which can run code"),
    "pickled objects": (objects, "no weight_hh_l0"),
    "text": (lambda: b"hello, these are no weights", "expected a .safetensors or .npz file"),
    "nothing": (lambda: b"", "expected a .safetensors or .npz file"),
    "another archive": (lambda: archive(**{"word/document.xml": "<w/>"}), "expected an .npz file"),
    "a bomb": (lambda: archive(**{"x.npy": bytes(10**7), "y": random.Random(0).randbytes(10**6)}), "at most 4 times"),
    "8 TB": (huge, "expected an .npz file"),
    "two layers": (lambda: npz(model(num_layers=2)), "one layer and direction, got rnn.weight_hh_l0, rnn.weight_hh_l1"),
    "two directions": (lambda: npz(nn.LSTM(3, 4, bidirectional=True)), "one layer and direction"),
    "no recurrent layer": (lambda: npz(nn.Linear(3, 4)), "no weight_hh_l0 among weight, bias"),
    "NaN": (lambda: npz(model(), lambda v: v * np.nan), "expected weights that are finite in float32"),
    "beyond float32": (lambda: npz(model().double(), lambda v: v * 1e300), "finite in float32, got others in W_in, W_rec, b"),
    "a layer of another shape": (lambda: short(shape=(23, 50)), "of 24 rows"),
    "an end beyond the file": (lambda: of_module(model())[:-4], "would end at byte"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_another_file_is_refused_in_words(what):
    make, text = REFUSED[what]
    with pytest.raises(ValueError, match=text):
        read_weights(make(), "mine")


@given(st.data())
def test_a_damaged_file_is_refused_or_read_never_a_traceback(data):
    whole = data.draw(st.sampled_from([npz(model(H=2, n_in=2)), of_module(model(H=2, n_in=2))]))
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + data.draw(st.integers(0, 8)) :]
    with contextlib.suppress(ValueError):
        read_weights(damaged, "mine")


@pytest.mark.parametrize("text", ["{}", "[]", "x", '{"arrays": {"W_in": ["object", [1], ""]}}', '{"arrays": {}}'])
def test_no_weights_arrive_from_another_process_but_weights(text):
    with pytest.raises(CorpusError):
        DataStore().receive("Weights", text)


# ---- the Experiment


@pytest.mark.parametrize("cell", KINDS)
def test_its_networks_are_the_users(cell, nothing_given):
    theirs = model(cell).double()
    e = rnnkit.load(theirs).experiment(length=9, replicas=3)
    assert (e.cell, e.hidden, e.bound_weights.arrays["W_rec"].dtype) == (cell, 6, np.float64)
    p = init_params(e, torch.float64)
    x = torch.randn(9, 4, TASK.n_in, dtype=torch.float64)
    y, _ = theirs["rnn"](x)
    tape = bptt.forward(CELLS[cell], p, x[:, None].expand(-1, 3, -1, -1))
    for r in range(3):
        torch.testing.assert_close(bptt.readout(p, tape.h)[:, r], theirs["out"](y), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("inputs", "outputs"), [(7, 2), (TASK.n_in, 5), (7, 5)])
def test_what_does_not_fit_the_task_is_drawn(inputs, outputs, nothing_given):
    e = rnnkit.load(model(n_in=inputs, n_out=outputs)).experiment()
    given, drawn = init_params(e), init_params(replace(e, weights=""))
    same = {name for name in drawn if torch.equal(given[name], drawn[name])}
    assert same == ({"W_in"} if inputs == 7 else set()) | ({"W_out", "b_out"} if outputs == 5 else set())


def test_it_trains_on_from_them(lstm):
    first = Trainer(lstm).params
    history = run(lstm)
    assert np.isfinite(history.loss).all() and not np.array_equal(history.loss[0], run(replace(lstm, weights="")).loss[0])
    for r in range(2):
        assert torch.equal(first["W_rec"][r].T, model()["rnn"].weight_hh_l0)


def test_a_study_looks_at_them(lstm):
    *_, found = STUDIES["weights"](lstm)
    assert np.array_equal(found["W_rec"].T, model()["rnn"].weight_hh_l0.detach().numpy())


@pytest.mark.parametrize("name", ["init", "gain", "bias"])
def test_what_draws_weights_does_not_apply_beside_them(lstm, name):
    value = {"init": "orthogonal", "gain": 2.0, "bias": "chrono"}[name]
    with pytest.raises(ExperimentError, match=f"{name} does not apply beside weights {lstm.weights}"):
        replace(lstm, **{name: value})
    assert changed(lstm, {name: value}).weights == "", "a change of it draws the weights"
    assert name not in lstm.to_dict()


@pytest.mark.parametrize("other", [{"hidden": 7}, {"cell": "gru"}, {"cell": "esn"}])
def test_another_size_or_cell_is_refused_and_a_change_to_it_draws_them(lstm, other):
    with pytest.raises(ExperimentError, match="weights"):
        replace(lstm, **other)
    assert changed(lstm, other).weights == ""


def test_a_sweep_compares_them_with_drawn_ones(lstm):
    sweep = Sweep(lstm, {"weights": ["", lstm.weights]})
    assert [c.experiment for c in sweep.combinations] == [replace(lstm, weights=""), lstm] and not sweep.refused


def test_words_say_that_they_are_given_or_drawn(lstm):
    drawn = replace(lstm, weights="")
    assert difference(lstm, drawn) == f"only: weights drawn ones (was {lstm.weights})"
    assert difference(drawn, lstm) == f"only: weights {lstm.weights} (was drawn ones)"
    assert summary(lstm) == "LSTM with given weights: agreement, 8 time steps" and "given" not in summary(drawn)


def test_an_experiment_names_them_in_json_and_links_only_where_it_has_them(lstm):
    assert Experiment.from_json(lstm.to_json()) == lstm == Experiment.from_query(lstm.to_query())[0]
    assert "weights" not in Experiment().to_query() and "weights" not in Experiment().to_dict()
    assert lstm.given == (lstm.weights,)


def test_what_is_not_here_or_is_no_network_is_refused(lstm):
    STORE.clear()
    e = replace(lstm, steps=5)  # it can be named
    with pytest.raises(ExperimentError, match="are not here"):
        run(e)
    with pytest.raises(ExperimentError, match="are not here"):
        Sweep(e, {"seed": [1]})
    text = STORE.put(read_text(b"a text, which is no network, " * 50, "mine.txt"))
    with pytest.raises(ExperimentError, match=r"those of no network: this names mine\.txt"):
        replace(lstm, weights=text)


def test_they_are_neither_recorded_nor_exported(lstm):
    assert not Recordings.takes(lstm) and Recordings.takes(replace(lstm, weights=""))
    assert "file" in " ".join(missing(lstm)) and not missing(replace(lstm, weights=""))


# ---- elsewhere


def command(*arguments):
    """The exit status, standard output and standard error of `rnnkit train`."""
    process = start("train", *map(str, arguments))
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def test_a_worker_gets_them(nothing_given):
    e = rnnkit.load(model("gru", H=SHORT.hidden)).experiment(length=10, batch=8, replicas=2, steps=30)
    pool = RunPool(Limits(workers=1, idle_seconds=600))
    try:
        found = pool.get(e)
        pool.watch(found, "viewer", found.rows)
        wait(lambda: found.done or found.error)
        assert found.error == ""
        assert_same(found.history, run(e))
    finally:
        pool.close()


def test_the_command_line_reads_a_file(tmp_path):
    (tmp_path / "mine.npz").write_bytes(npz(model("tanh")))
    (tmp_path / "mine.pt").write_bytes(pickled())
    options = ("--length", "8", "--steps", "2", "--save-json", tmp_path / "e.json")
    for more, cell in (((), "tanh"), (("--cell", "relu"), "relu")):
        assert command("--weights", tmp_path / "mine.npz", *more, *options)[0] == 0
        saved = json.loads((tmp_path / "e.json").read_text("utf-8"))
        assert (saved["cell"], saved["hidden"]) == (cell, 6) and len(saved["weights"]) == 16
        (tmp_path / "e.json").unlink()
    for wrong, text in (
        (("--weights", tmp_path / "mine.pt"), "a pickle, which can run code"),
        (("--weights", tmp_path / "none.npz"), "cannot read the file of --weights"),
        (("--weights", tmp_path / "mine.npz", "--hidden", "7"), "with 6 hidden units, got cell 'tanh' with 7"),
        (("--weights", tmp_path / "mine.npz", "--gain", "2"), "gain does not apply beside weights"),
    ):
        status, _, err = command(*wrong, *options)
        assert status == 2 and text in err, err
