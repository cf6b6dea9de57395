"""The compiled loops against PyTorch's, number by number: every cell, fix and kind of input."""

import os
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from command_line import SMALL, start
from dummy_variants import Leaky
from pool_runs import SHORT, wait
from reference import DOUBLE, active
from short_trainings import small

from rnnkit.cli.main import main
from rnnkit.engine import backends, probes
from rnnkit.engine.backends import BackendError
from rnnkit.engine.backends.compiled import build, source
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.engine.fixes import FIXES
from rnnkit.engine.trainer import Trainer, train
from rnnkit.serving.limits import Limits
from rnnkit.serving.run_pool import RunPool
from rnnkit.sweep.digest import program_digest
from rnnkit.tasks import TASKS

needs_compiler = pytest.mark.skipif(bool(build.missing()), reason=build.missing())
TOLERANCE = 1e-12  # of the largest number of an array
LENGTHS = {"temporal-order-lengths": 30}  # whose sequences begin at different steps


@pytest.fixture(autouse=True)
def backend_afterwards():
    before = os.environ.pop(backends.VARIABLE, None)
    yield
    os.environ.pop(backends.VARIABLE, None)
    if before is not None:
        os.environ[backends.VARIABLE] = before


def arrays_of_a_step(e, backend, dtype=DOUBLE):
    """All that a training step leaves on the tape, and its gradients, by name. The second batch: states can be carried over."""
    backends.use_backend(backend)
    with torch.inference_mode():
        trainer = Trainer(e, dtype)
        trainer.compute(next(trainer.batches))
        trainer.step = 1
        out, tape = trainer.compute(next(trainer.batches)), trainer.functions.tape
        found = {f"dL/d{k}": v for k, v in out.raw.items()} | {f"penalised dL/d{k}": v for k, v in out.penalised.items()}
        found |= {"loss": out.loss, "da": tape.da} | {f"extra {i}": d for i, d in enumerate(tape.backward_arrays.entered[1:])}
        found |= {part: s for part, s in zip(tape.cell.parts, tape.s, strict=True)}
        found |= {f"d{part}": ds for part, ds in zip(tape.cell.parts, tape.ds, strict=True)}
        saved = {f"saved {name}": getattr(tape.forward_arrays.views, name) for name in source.saved(tape.cell)}
        found |= {name: array[tape.first :] for name, array in saved.items()}
        if tape.terms is not None:
            found["terms"] = tape.terms
        if tape.cell.recurrent:
            left = tape.forward_arrays.before[tape.cell.recurrent_part]
            found["inner"] = tape.loops.inner(left, tape.da, tape.matrix_gradient())
        return {name: array.clone() for name, array in found.items()}


def assert_same(e):
    expected, found = (arrays_of_a_step(e, backend) for backend in ("torch", "compiled"))
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        assert array.isfinite().all(), name
        worst = (found[name] - array).abs().max() if array.numel() else 0
        assert worst <= TOLERANCE * max(array.abs().max().item(), 1e-6), f"{name} of {e.cell}: {worst}"


@needs_compiler
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("task", ["temporal-order", "temporal-order-lengths", "adding", "characters", "parity"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_on_symbols_padded_sequences_numbers_carried_states_and_a_loss_at_every_step(cell, task, replicas):
    if CELLS[cell].reservoir and TASKS[task].carries_state:
        pytest.skip("a reservoir does not read texts")
    assert_same(small(cell, task=task, length=LENGTHS.get(task, 12), replicas=replicas, batch=6))


@needs_compiler
@pytest.mark.parametrize("cell", ["tanh", "lstm", "cornn", "lru", "skip"])
@pytest.mark.parametrize("fix", FIXES)
def test_every_fix(fix, cell):
    if not active(fix).applies_to(CELLS[cell]):
        pytest.skip("not defined for this cell")
    for task in ("temporal-order-lengths", "characters"):
        assert_same(small(cell, task=task, length=LENGTHS.get(task, 12), hidden=6, batch=6, fixes=(active(fix),)))


@needs_compiler
@pytest.mark.parametrize("cell", CELLS)
def test_sizes_that_fill_no_vector_or_one_and_a_half(cell):
    for hidden, batch in ((1, 1), (12, 2), (33, 5)):
        assert_same(small(cell, hidden=hidden, batch=batch))


@needs_compiler
def test_norms_on_the_way_are_those_of_the_gradients_down_to_the_smallest():
    e = small("lstm", length=200, hidden=8, replicas=2, init="gaussian", gain=0.01)
    backends.use_backend("compiled")
    with torch.inference_mode():
        trainer = Trainer(e)
        trainer.compute_next()
        tape = trainer.functions.tape
        taken, anew = probes.state_gradient_norms(tape), [probes._norm(part) for part in tape.ds]
    assert taken.shape == (2, 200, 2)
    for part, expected in zip(taken, anew, strict=True):
        assert part == pytest.approx(expected, rel=1e-5, abs=1e-37)
    assert taken.min() < 1e-30 < taken.max()


@needs_compiler
@pytest.mark.parametrize("backend", backends.BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
@pytest.mark.parametrize("R", [1, 3])
def test_inner_products_of_every_step(backend, dtype, R):
    """On one thread and on three, which 13 steps do not fill evenly."""
    shapes, generator = ((13, R, 5, 7), (13, R, 5, 21), (R, 7, 21)), torch.Generator().manual_seed(0)
    left, right, direction = (torch.randn(*shape, dtype=dtype, generator=generator) for shape in shapes)
    expected = torch.einsum("trbi,trbj,rij->tr", left.double(), right.double(), direction.double())
    backends.use_backend(backend)
    alone = backends.BACKENDS[backend].inner(left, right, direction)
    torch.set_num_threads(3)
    try:
        together = backends.BACKENDS[backend].inner(left, right, direction)
    finally:
        torch.set_num_threads(1)
    assert together.shape == (13, R) and together.dtype == dtype
    for found in (alone, together):
        assert (found - expected).abs().max() < (1e-12 if dtype == DOUBLE else 1e-5) * expected.abs().max()


@needs_compiler
def test_threads_share_the_networks_and_change_no_bit():
    e = small("gru", hidden=32, batch=8, replicas=5, steps=3)
    backends.use_backend("compiled")
    alone = [record.loss for record in train(e)]
    torch.set_num_threads(2)
    try:
        together = [record.loss for record in train(e)]
    finally:
        torch.set_num_threads(1)
    assert all((a == b).all() for a, b in zip(alone, together, strict=True))


@needs_compiler
@pytest.mark.parametrize("task", ["temporal-order", "temporal-order-lengths", "adding", "characters"])
@pytest.mark.parametrize("cell", CELLS)
def test_threads_share_the_sequences_of_one_network(cell, task):
    """25 sequences in three parts. Symbols occur in all of them, and norms go over all."""
    if CELLS[cell].reservoir and TASKS[task].carries_state:
        pytest.skip("a reservoir does not read texts")
    e = small(cell, task=task, length=LENGTHS.get(task, 12), hidden=5, batch=25)
    torch.set_num_threads(3)
    try:
        assert_same(e)
        records = {}
        for backend in ("torch", "compiled"):
            backends.use_backend(backend)
            records[backend] = next(train(e)).state_grad
    finally:
        torch.set_num_threads(1)
    assert records["compiled"] == pytest.approx(records["torch"], rel=1e-4, abs=1e-30, nan_ok=True)


@needs_compiler
def test_training_is_the_same_to_rounding():
    e = small("lstm", steps=30, hidden=16, batch=8)
    losses = {}
    for backend in ("torch", "compiled"):
        backends.use_backend(backend)
        losses[backend] = np.stack([record.loss for record in train(e, DOUBLE)])
    assert np.abs(losses["torch"] - losses["compiled"]).max() < 1e-10
    assert losses["torch"][-1].max() < losses["torch"][0].max()


@needs_compiler
@pytest.mark.parametrize("cell", CELLS)
def test_a_step_computes_nothing_twice(cell):
    """tanh(c) and the like are saved, so that the way back calls no function that the way there has called."""
    called = [line for line in source.backward(CELLS[cell]).body if "tanh_(" in line or "sigmoid_(" in line or "exp_(" in line]
    assert called == []


# ---- the choice


def test_the_default_is_pytorch_and_an_unknown_name_changes_nothing():
    assert backends.current() == "torch"
    for name in ("fast", "", None, ["torch"]):
        with pytest.raises(BackendError) as caught:
            backends.use_backend(name)
        assert str(caught.value) == f"backend must be one of torch, compiled, got {name!r}"
    assert backends.current() == "torch" and backends.VARIABLE not in os.environ


def test_an_empty_variable_is_as_an_unset_one(monkeypatch):
    unset = program_digest()
    monkeypatch.setenv(backends.VARIABLE, "")
    assert backends.current() == "torch" and program_digest() == unset
    assert backends.settle() == "PyTorch"


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BackendError, match="needs a C\\+\\+ compiler, and 'no-such-compiler' was not found"):
        backends.use_backend("compiled")
    assert backends.current() == "torch"


@needs_compiler
def test_a_compiler_that_fails_is_an_error_in_words(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    monkeypatch.setenv("CXX", "false")
    monkeypatch.setattr(build, "_library", build._library.__wrapped__)  # which may have been loaded before
    with pytest.raises(BackendError, match="cannot be built"):
        backends.use_backend("compiled")
    assert list(tmp_path.iterdir()) == []


@needs_compiler
def test_what_failed_is_built_once_the_compiler_is_there(in_fresh_python, tmp_path):
    """In a process of its own, without PATH: ninja and the compiler are looked for where the system has them."""
    code = """
import os
from rnnkit.engine import backends
os.environ["CXX"] = "false"
try:
    backends.use_backend("compiled")
except backends.BackendError:
    del os.environ["CXX"]
    backends.use_backend("compiled")
    print(backends.current())
"""
    assert in_fresh_python(code, TORCH_EXTENSIONS_DIR=str(tmp_path)).split() == ["compiled"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".so"]


@needs_compiler
def test_a_folder_that_cannot_be_or_a_damaged_library_is_an_error_in_words(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "there").mkdir()
    monkeypatch.setattr(build, "_library", build._library.__wrapped__)
    for folder in ("file", "there"):
        monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path / folder))
        if folder == "there":
            build.location().write_bytes(b"no library")
        with pytest.raises(BackendError, match="cannot be built in, or loaded from"):
            backends.use_backend("compiled")
        assert backends.current() == "torch"


@needs_compiler
def test_threads_flush_denormals_as_the_caller_does():
    """In a process whose threads run already, with a setting of their own; ||dL/dh_t|| goes down to 1e-38 and below."""
    e = small("tanh", task="agreement", length=150, hidden=32, batch=32, gain=0.5)
    torch.set_num_threads(2)
    try:
        torch.rand(2_000_000).sin_()  # starts them
        backends.use_backend("compiled")
        with no_grad_no_denormals():
            trainer = Trainer(e)
            trainer.compute_next()
            ds = trainer.functions.tape.ds[0].clone()
    finally:
        torch.set_num_threads(1)
    assert not ((ds != 0) & (ds.abs() < torch.finfo(torch.float32).tiny)).any()
    assert (ds == 0).any()


@needs_compiler
def test_children_take_the_same(in_fresh_python):
    code = "from rnnkit.engine import backends; print(backends.current())"
    assert in_fresh_python(code, **{backends.VARIABLE: "compiled"}).split() == ["compiled"]


def test_results_of_another_backend_are_not_taken_for_these(in_fresh_python):
    code = "from rnnkit.sweep.digest import program_digest; print(program_digest())"
    assert in_fresh_python(code) != in_fresh_python(code, **{backends.VARIABLE: "compiled"})


@needs_compiler
def test_the_command_line_chooses_it_and_says_why_not():
    for backend, code, message in (
        ("compiled", 0, ""),
        ("fast", 2, "rnnkit: --backend must be one of torch, compiled, got 'fast'\n"),
    ):
        for command in (("train", *SMALL), ("sweep", *SMALL, "--axis", "seed=0,1")):
            program = start(*command, "--backend", backend, env={"RNNKIT_STORE": "off"})
            _, said = program.communicate(timeout=120)
            assert (program.returncode, said) == (code, message), command


def test_the_command_line_names_the_variable_where_that_is_wrong(monkeypatch, capsys):
    for name, message in (("fast", "RNNKIT_BACKEND must be one of torch, compiled, got 'fast'"), ("", "")):
        monkeypatch.setenv(backends.VARIABLE, name)
        with pytest.raises(SystemExit) if message else nullcontext():
            assert main(["train", *SMALL]) == 0
        assert message in capsys.readouterr().err


@needs_compiler
@pytest.mark.parametrize("name, computes", [("compiled", "C++ compiled"), ("fast", "PyTorch, because RNNKIT_BACKEND must be")])
def test_a_worker_says_what_it_computes_with_and_trains_in_any_case(monkeypatch, name, computes):
    monkeypatch.setenv(backends.VARIABLE, name)
    pool = RunPool(Limits())
    try:
        run = pool.get(SHORT)
        wait(lambda: pool.watch(run, "viewer", 3) or run.history.n >= 3 or run.error)
        assert not run.error and pool.computes.startswith(computes)
        assert pool.summary()["workers"][0]["computes"] == pool.computes
    finally:
        pool.close()


@needs_compiler
def test_a_new_cell_is_compiled_too_or_left_to_pytorch(monkeypatch):
    """A cell that the project does not know; and one whose equations C++ has no words for."""
    monkeypatch.setitem(CELLS, "leaky", Leaky())
    assert_same(small("leaky"))
    equations = Leaky.equations
    for text in ("softplus(f)", "f + nowhere", "f ** 3"):
        monkeypatch.setattr(Leaky, "equations", (*equations, ("unused", text)))
        assert not build.steps((Leaky(),)), text
    monkeypatch.setitem(CELLS, "odd", Leaky())
    assert_same(small("odd"))
    backends.use_backend("compiled")
    with torch.inference_mode():
        tapes = [Trainer(small(cell)).functions.tape for cell in ("leaky", "odd")]
    assert [type(tape.loops).__name__ for tape in tapes] == ["CompiledLoops", "TorchLoops"]


def test_every_cell_of_the_project_is_compiled():
    assert {*build.steps(build.known())} == {*CELLS.values()}
