"""The script and the notebook of an Experiment: they draw and compute what rnnkit does, with torch and numpy alone."""

import ast
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from reference import STRENGTHS, active, assert_close
from scripted_settings import ALL, DRAWN, small
from short_trainings import fitting

from rnnkit import Experiment, train
from rnnkit.cli.main import main
from rnnkit.engine.batches import tensors, training_batches
from rnnkit.engine.cells import CELLS, Tanh
from rnnkit.engine.evaluation import Evaluation
from rnnkit.engine.fixes import FIXES, L2, ActivationFix, Truncate, parse_fix
from rnnkit.engine.fixes.torch_names import torch_names
from rnnkit.engine.inits import BIASES, INITS
from rnnkit.engine.optim import OPTIMIZERS, Sgd
from rnnkit.engine.schedules import SCHEDULES, Cosine
from rnnkit.engine.trainer import Trainer, init_params
from rnnkit.export.notebook import notebook
from rnnkit.export.script import ExportError, missing, script, sections
from rnnkit.stories.presets import PRESETS
from rnnkit.tasks import TASKS
from rnnkit.tasks.temporal_order import TemporalOrder

FROM_FILES = [name for name, task in TASKS.items() if task.data]
GATED = [name for name, cell in CELLS.items() if cell.forget_gate is not None]


@pytest.fixture(autouse=True)
def _denormals():
    yield
    torch.set_flush_denormal(False)  # what a script's main() changes


def loaded(e, dtype=torch.float32):
    """What the script defines."""
    scope = {"__name__": "experiment"}
    exec(compile(script(e), "experiment.py", "exec"), scope)
    scope["DTYPE"] = dtype
    return scope


def followed(e, dtype):
    """For every network: its numbers step by step, its accuracy on the evaluation batch, and its last weights, named as ours."""
    scope = loaded(e, dtype)
    for seed in scope["SEEDS"]:
        network, steps = scope["Network"](seed), []
        for step, loss, gradient, applied, states in scope["train"](network, seed):
            assert step == len(steps)
            norms = [[scope["norm"]([s.grad]) for s in over_time] for over_time in states.values()]
            steps.append((loss, gradient, applied, norms))
        yield steps, scope["accuracy"](network), weights_of(network, CELLS[e.cell])


def weights_of(network, cell):
    """As rnnkit names and turns them."""
    found = {name: network.get_parameter(where.removeprefix("network.")).detach() for name, where in torch_names(cell).items()}
    return {name: W.T if W.dim() == 2 else W[None] for name, W in found.items()}


def compare(e, dtype, tolerance, whole=True):
    """Step by step as rnnkit's Records, and the same weights in the end; not `whole`: at the first step."""
    trainer = Trainer(e, dtype)
    records = list(trainer.records())
    for r, (steps, accuracy, weights) in enumerate(followed(e, dtype)):
        assert len(steps) == len(records) == e.steps + 1
        for record, (loss, gradient, applied, norms) in zip(records if whole else records[:1], steps, strict=whole):
            close = {"rtol": tolerance, "atol": 0, "err_msg": f"network {r}, step {record.step}"}
            np.testing.assert_allclose(loss, record.loss[r], **close)
            np.testing.assert_allclose(gradient, record.grad_norm_raw[r], **close)
            if not CELLS[e.cell].reservoir:  # torch has no remedy for what is not trained
                np.testing.assert_allclose(applied, record.grad_norm_applied[r], **close)
            of_all = record.state_grad if record.state_grad_all is None else record.state_grad_all  # loss.backward() is of all
            np.testing.assert_allclose(norms, of_all[:, :, r], **close)
        if whole:
            assert accuracy == pytest.approx(records[-1].accuracy[r], abs=1e-12)
            for name, W in trainer.params.items():
                if name != "leak":
                    assert_close(weights[name], W[r], f"{name} of network {r}", tolerance)
    return records


def compare_both(e):
    """In float32 at the first step, in float64 throughout: there rounding cannot hide another rule."""
    compare(replace(e, steps=1), torch.float32, 1e-5, whole=False)
    return compare(e, torch.float64, 1e-7)


# ---- the same numbers


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("cell", CELLS)
def test_weights_bit_for_bit(cell, init):
    for bias in BIASES if cell in GATED else ["zero"]:
        e = small(**fitting(cell, init=init, gain=1.7, input_scale=0.4, bias=bias))
        scope, drawn = loaded(e), init_params(e)
        for r, seed in enumerate(scope["SEEDS"]):
            network = scope["Network"](seed)
            for name, where in torch_names(CELLS[cell]).items():
                value = network.get_parameter(where.removeprefix("network."))
                assert value.dtype == torch.float32
                expected = drawn[name][r].T if name in drawn else torch.zeros(1)  # the second bias that we do not have
                assert torch.equal(value, expected.squeeze(-1).expand_as(value)), (name, bias)


@pytest.mark.parametrize("task", DRAWN)
def test_training_and_evaluation_batches_bit_for_bit(task):
    e = small(task=task, batch=500)  # so many that the third batch needs a new block of draws
    scope, ours = loaded(e), training_batches(e, torch.float32, "cpu")
    streams = [scope["task"].stream(e.length, e.batch, scope["stream"](seed, 4)) for seed in scope["SEEDS"]]
    for _ in range(3):
        theirs = tensors([next(stream) for stream in streams], torch.float32)
        for a, b in zip(next(ours)[:2], theirs[:2], strict=True):
            assert torch.equal(a, b)
    evaluation = scope["task"].evaluation_batch(e.length, np.random.default_rng(5))
    expected = Evaluation(e, init_params(e)).batch
    assert np.array_equal(evaluation.x, expected.x)
    assert np.array_equal(evaluation.y, expected.y)


@pytest.mark.parametrize("fix", ["", *FIXES])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_under_every_fix(cell, fix):
    if fix and (CELLS[cell].reservoir or not active(fix).applies_to(CELLS[cell])):
        pytest.skip("not defined")
    fixes = (active(fix),) if fix else ()
    records = compare_both(small(cell=cell, fixes=fixes))
    if fix in STRENGTHS:
        plain = list(train(small(cell=cell), torch.float64))
        assert not np.allclose(records[-1].loss, plain[-1].loss, rtol=1e-6), "the strength does not act"


@pytest.mark.parametrize("task", DRAWN)
@pytest.mark.parametrize("cell", ["tanh", "lstm", "esn"])
def test_every_task(cell, task):
    compare_both(small(cell=cell, task=task))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer(optimizer):
    compare_both(small(optimizer=optimizer, steps=12))


@pytest.mark.parametrize("warmup", [0, 1, 4, 5, 9])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule(schedule, warmup):
    """Shorter than the run, as long, and longer."""
    compare_both(small(schedule=schedule, warmup=warmup, fixes=[parse_fix("weight-decay:2")]))


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("cell", GATED)
def test_every_gate_bias(cell, bias):
    compare_both(small(**fitting(cell, bias=bias, init="orthogonal")))


@pytest.mark.parametrize(
    "fixes",
    [
        "truncate:3,l2:0.02,clip-norm:0.1@3",
        "clip-norm:0.1,l1:0.03@2,freeze:W_in+b_out@1",
        "freeze:W_in+b,clip-value:0.01@1,l1:0.1",
        "l2:0.02,freeze:W_rec@2,l1:0.03,clip-norm:0.05",
        "freeze:W_in+W_rec+b+W_out+b_out@1,clip-value:0.01",
        "freeze:W_in+W_rec+b+W_out+b_out,clip-norm:0.01,l2:0.1",
        "clip-norm:0.1@1,ar:3@2,truncate:3,tar:2,freeze:W_in",
        "weight-decay:3:W_in+W_rec+b@1,clip-norm:0.1,freeze:W_in@2",
        "freeze:W_rec+b,weight-decay:3@2",
    ],
)
@pytest.mark.parametrize("cell", ["relu", "gru"])
def test_remedies_in_their_order_and_from_their_step_on(cell, fixes):
    compare_both(small(cell=cell, task="memorization", fixes=[parse_fix(fix) for fix in fixes.split(",")]))


@pytest.mark.parametrize("name", [name for name, fix in FIXES.items() if issubclass(fix, ActivationFix)])
def test_omega_beside_a_penalty_on_the_states(name):
    compare_both(small(fixes=(active("omega"), active(name))))


# ---- the text


@pytest.mark.parametrize("e", ALL, ids=lambda e: e.key)
def test_it_imports_torch_numpy_and_the_standard_library(e):
    found = set()
    for node in ast.walk(ast.parse(script(e))):
        found |= {a.name for a in node.names} if isinstance(node, ast.Import) else set()
        found |= {node.module} if isinstance(node, ast.ImportFrom) else set()
    assert {"torch", "numpy"} <= found
    assert {name.split(".")[0] for name in found} - sys.stdlib_module_names == {"torch", "numpy"}


@pytest.mark.parametrize("e", ALL, ids=lambda e: e.key)
def test_it_is_short(e):
    """The network and its training in about 60 lines. A reservoir has its ridge regression besides, Omega its derivative, and a
    cell that torch.nn lacks its class.
    """
    code = "\n".join(section.code for section in sections(e)[1:4]).replace(CELLS[e.cell].torch_class, "")
    assert sum(bool(line.strip()) for line in code.split("\n")) <= (100 if CELLS[e.cell].reservoir or "def omega" in code else 80)
    assert CELLS[e.cell].torch_class.count("\n") <= 16
    assert sections(e)[-1].code.isascii(), "not every console can print the rest"


def test_all_are_formatted(tmp_path):
    for e in ALL:
        (tmp_path / f"s{e.key}.py").write_text(script(e), "utf-8")
    rules = ["--isolated", "--line-length", "130", "--target-version", "py311", "."]
    for command in (["format", "--check", "--diff"], ["check", "--select", "F,UP,B"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, *rules], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_says_what_it_is():
    e = replace(PRESETS["lstm-chrono"].experiment, seed=7)
    head = ast.get_docstring(ast.parse(script(e)))
    assert head.startswith("LSTM: agreement, 50 time steps.")
    query = head.split("?")[1].split()[0]
    assert Experiment.from_query(dict(part.split("=") for part in query.split("&"))) == (e, [])


def test_only_what_is_needed():
    text = script(small())
    for other in ("remedies(", "schedule", "detach", "LSTM", "GRU", "Ridge", "Sigmoid", "clip", "orthogonal"):
        assert other not in text
    assert text.count("SigmoidCell") == 0
    assert script(small(cell="sigmoid")).count("SigmoidCell") == 2


# ---- what a step does at the edges of float32


@pytest.mark.parametrize(
    "fixes", ["clip-norm:1", "omega:0.5,clip-norm:1", "clip-value:0.1", "l2:0.1,clip-norm:0.01,clip-value:1"]
)
def test_a_norm_whose_square_is_no_float32_is_trained_on_as_rnnkit_does(fixes):
    """torch's own clipping divides by an infinite norm there, and nothing moves."""
    e = Experiment(
        length=60, cell="relu", init="identity", gain=2.4, input_scale=1e-3, hidden=8, batch=4, replicas=2, steps=1,
        optimizer="sgd", lr=0.1, fixes=fixes.split(","),
    )  # fmt: skip
    trainer, drawn = Trainer(e), init_params(e)
    first, _ = trainer.records()
    assert (first.grad_norm_raw > 1.8e19).all() and (first.diverged < 0).all()
    for r, (_, _, weights) in enumerate(followed(e, torch.float32)):
        assert not torch.equal(weights["W_rec"], drawn["W_rec"][r])
        for name, W in trainer.params.items():
            assert_close(weights[name].double(), W[r].double(), f"{name} of network {r}", 1e-3)


@pytest.mark.parametrize("other", ["l1:0.1", "l2:0.1", "omega:0.5", "clip-norm:0.01", "clip-value:0.001", "weight-decay:1"])
@pytest.mark.parametrize("order", [1, -1])
def test_frozen_weights_do_not_move_there_either(other, order):
    for optimizer in OPTIMIZERS:
        fixes = ["freeze:W_rec+b", other][::order]
        e = small(fixes=[parse_fix(fix) for fix in fixes], optimizer=optimizer)
        drawn = init_params(e)
        for r, (_, _, weights) in enumerate(followed(e, torch.float32)):
            assert torch.equal(weights["W_rec"], drawn["W_rec"][r]) and torch.equal(weights["b"], drawn["b"][r])
            assert not torch.equal(weights["W_in"], drawn["W_in"][r])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_weights_frozen_later_stay_from_then_on_although_the_optimizer_remembers(optimizer):
    e = small(fixes=[parse_fix("freeze:W_rec@3")], optimizer=optimizer, steps=3)
    later = replace(e, steps=8)
    for (*_, then), (*_, end) in zip(followed(e, torch.float32), followed(later, torch.float32), strict=True):
        assert torch.equal(then["W_rec"], end["W_rec"]) and not torch.equal(then["W_in"], end["W_in"])
    compare_both(later)


# ---- what has no lines is refused


def refused(e, *words):
    """By the script and by the notebook, in the same words, and the reasons are the ones that the page shows."""
    reasons = missing(e)
    assert len(reasons) == 1
    for make in (script, notebook):
        with pytest.raises(ExportError, match="There is no PyTorch script of this experiment") as error:
            make(e)
        assert reasons[0] in str(error.value)
    for word in words:
        assert word in reasons[0]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_lines_or_is_refused(task):
    if task in FROM_FILES:
        refused(small(task=task), f"'{task}'", "file")
    elif TASKS[task].padded:
        refused(small(task=task), f"'{task}'", "sequences of different lengths")
    else:
        assert missing(small(task=task)) == []
        assert type(TASKS[task]).__name__ in script(small(task=task))


@pytest.fixture
def registered(monkeypatch):
    """Registers something new under the name dummy, as a later version or a notebook may."""

    return lambda table, value: monkeypatch.setitem(table, "dummy", value)


def test_a_new_cell_without_lines_is_refused(registered):
    class Dummy(Tanh):
        title = "dummy cell"

    registered(CELLS, Dummy())
    e = Experiment(length=10, cell="dummy", hidden=8, batch=4, steps=2, replicas=1)
    assert len(list(train(e))) == 3
    refused(e, "'dummy'", "dummy cell", "no lines in plain PyTorch")


def test_omega_for_a_new_cell_whose_slope_is_not_written_down_is_refused(registered):
    registered(CELLS, type("Dummy", (Tanh,), {"torch_cell": Tanh.torch_cell})())
    assert missing(Experiment(length=10, cell="dummy", fixes=())) == []
    refused(Experiment(length=10, cell="dummy", fixes=("omega",)), "omega", "'dummy'")


def test_a_new_optimizer_without_lines_is_refused(registered):
    registered(OPTIMIZERS, type("Dummy", (Sgd,), {"title": "dummy rule"})())
    refused(small(optimizer="dummy"), "'dummy'", "dummy rule")


def test_a_new_schedule_without_lines_is_refused(registered):
    registered(SCHEDULES, type("Dummy", (Cosine,), {"title": "dummy rule"})())
    refused(small(schedule="dummy"), "'dummy'", "dummy rule")


@pytest.mark.parametrize("kind", [L2, Truncate, FIXES["ar"], FIXES["weight-decay"]])
def test_a_new_remedy_without_lines_is_refused(kind, registered):
    dummy = type("Dummy", (kind,), {"name": "dummy", "title": "Dummy remedy"})
    registered(FIXES, dummy)
    refused(small(fixes=(dummy(1),)), "'dummy'", "Dummy remedy")


@pytest.mark.parametrize("wish", ["padded", "carries_state"])
def test_a_new_task_of_a_kind_that_the_script_does_not_know_is_refused(wish, registered):
    registered(TASKS, type("Dummy", (TemporalOrder,), {wish: True})((0.1, 0.5)))
    refused(small(task="dummy"), "'dummy'")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_a_script_unless_they_read_a_file(name):
    e = PRESETS[name].experiment
    assert bool(missing(e)) == bool(TASKS[e.task].data)


def test_a_handout_of_what_has_no_script_goes_without(tmp_path):
    file = tmp_path / "handout.html"
    command = ["train", "--task", "words", "--length", "8", "--steps", "1", "--replicas", "1", "--handout", str(file)]
    main(command)
    assert "The same in plain PyTorch" not in file.read_text("utf-8")
