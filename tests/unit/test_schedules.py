"""Learning rate schedules against torch.optim.lr_scheduler in float64, and where an Experiment with one goes."""

from dataclasses import replace

import numpy as np
import pytest
import reference
import torch
from reference import DOUBLE, assert_close
from short_trainings import finished, small
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LambdaLR, LinearLR, SequentialLR
from torch_optimizers import TWINS

from pages.room import grid
from rnnkit import Experiment, ExperimentError, Sweep, diff, train
from rnnkit.analysis.describe import difference
from rnnkit.cli.main import main
from rnnkit.engine.batches import training_batches
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.record import pack_record
from rnnkit.engine.schedules import SCHEDULES
from rnnkit.engine.trainer import Trainer, init_params
from rnnkit.experiment import FIELDS, changed
from rnnkit.serving.limits import Limits
from rnnkit.studies import STUDIES, networks
from rnnkit.studies.networks import network

LR = 0.3
THEIRS = {  # after the warm-up, of the steps that are left
    "constant": lambda optimizer, steps: ConstantLR(optimizer, 1.0),
    "linear": lambda optimizer, steps: LinearLR(optimizer, 1.0, 0.0, steps),
    "cosine": lambda optimizer, steps: CosineAnnealingLR(optimizer, steps),
}
every = pytest.mark.parametrize("name", SCHEDULES)


def torch_rates(make, steps):
    """The learning rate of each update under a scheduler of torch."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], LR)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def our_rates(name, steps, warmup=0):
    return [LR * float(SCHEDULES[name].factor(n, steps, warmup)) for n in range(1, steps + 1)]


# ---- the factor


@every
@pytest.mark.parametrize("steps", [1, 2, 7, 200])
def test_it_is_torchs_scheduler(name, steps):
    expected = torch_rates(lambda optimizer: THEIRS[name](optimizer, steps), steps)
    np.testing.assert_allclose(our_rates(name, steps), expected, rtol=1e-12, atol=1e-14)


@every
@pytest.mark.parametrize("warmup", [1, 2, 10, 199])
def test_a_warm_up_is_torchs_linear_rise_before_it(name, warmup):
    """LinearLR from 1 / warmup to 1, which it reaches at update `warmup`; the scheduler begins at the next one."""
    steps = 200

    def make(optimizer):
        rise = LinearLR(optimizer, 1 / warmup, 1.0, max(1, warmup - 1))
        return SequentialLR(optimizer, [rise, THEIRS[name](optimizer, steps - warmup)], [warmup])

    np.testing.assert_allclose(our_rates(name, steps, warmup), torch_rates(make, steps), rtol=1e-12, atol=1e-14)


@every
def test_a_warm_up_as_long_as_the_run_or_longer_is_all_that_happens(name):
    for warmup in (20, 21, 500):
        np.testing.assert_allclose(our_rates(name, 20, warmup), [LR * n / warmup for n in range(1, 21)], rtol=1e-14)


@every
def test_after_the_run_it_stays_where_it_ended(name):
    after = [float(SCHEDULES[name].factor(n, 20, 5)) for n in (21, 22, 100)]
    assert after == [float(not SCHEDULES[name].ends)] * 3


@every
@pytest.mark.parametrize("warmup", [0, 3])
def test_a_tensor_on_the_device_gives_what_a_number_gives(name, warmup):
    for n in range(1, 12):
        of_tensor = SCHEDULES[name].factor(torch.tensor(float(n), dtype=DOUBLE), 10, warmup)
        assert torch.equal(of_tensor, SCHEDULES[name].factor(n, 10, warmup)) and of_tensor.dtype == DOUBLE


# ---- training


@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name in TWINS])
@pytest.mark.parametrize("schedule, warmup", [("linear", 0), ("cosine", 2), ("constant", 3)])
def test_a_whole_run_is_autograd_with_torchs_optimizer_and_scheduler(optimizer, schedule, warmup):
    e = small("lstm", optimizer=optimizer, lr=0.1, fixes=("clip-norm:0.2",), schedule=schedule, warmup=warmup)
    trainer, records, _ = finished(e, DOUBLE)
    batches = training_batches(e, DOUBLE, "cpu")
    weights = [{k: W[r].clone() for k, W in init_params(e, DOUBLE).items()} for r in range(e.replicas)]
    optimizers = [TWINS[optimizer](list(p.values()), e.lr) for p in weights]
    rates = [rate / LR for rate in our_rates(schedule, e.steps, warmup)]
    schedulers = [LambdaLR(made, lambda k: ([*rates, 0.0])[k]) for made in optimizers]
    for step in range(e.steps):
        x, y, *_ = next(batches)
        for r, p in enumerate(weights):
            stack = {k: W.expand(e.replicas, *W.shape) for k, W in p.items()}
            done = reference.remedied("lstm", stack, r, x, y, e.loss, e.fixes)
            assert_close(torch.tensor(records[step].loss[r]), done.loss, f"loss at step {step}")
            for k, W in p.items():
                W.grad = done.p[k].grad
            optimizers[r].step()
            schedulers[r].step()
    for r, p in enumerate(weights):
        for k, W in p.items():
            assert_close(trainer.params[k][r], W, k)


@pytest.mark.parametrize("schedule, warmup", [("constant", 2), ("cosine", 0)])
def test_it_acts_from_the_first_update_that_differs(schedule, warmup):
    plain, scheduled = (list(train(x)) for x in (small(), small(schedule=schedule, warmup=warmup)))
    same = [pack_record(a) == pack_record(b) for a, b in zip(plain, scheduled, strict=True)]
    first = 1 if warmup else 2  # cosine: the first update has the whole rate
    assert same == [True] * first + [False] * (6 - first)


def test_a_longer_run_has_another_beginning_under_a_schedule_that_ends():
    for schedule, same in (("constant", True), ("linear", False), ("cosine", False)):
        short, long = (list(train(small(schedule=schedule, warmup=1, steps=steps)))[4] for steps in (4, 9))
        assert np.array_equal(short.loss, long.loss) == same
        assert (small(schedule=schedule).of_any_length == small(schedule=schedule, steps=1)) == same


# ---- studies train the run, at any step and after it


@pytest.fixture
def nothing_known(monkeypatch):
    monkeypatch.setattr(networks, "_cache", type(networks._cache)())


def weights_of(e, step):
    *_, found = STUDIES["weights"](e, step=step, replica=1)
    return found


@pytest.mark.parametrize("schedule, warmup", [("constant", 3), ("linear", 0), ("cosine", 2)])
def test_a_study_has_the_weights_of_the_run_bit_for_bit(schedule, warmup, nothing_known):
    e = small(schedule=schedule, warmup=warmup, steps=8)
    trainer = Trainer(e)
    for step in range(e.steps + 1):
        found = weights_of(e, step)
        assert all(np.array_equal(found[k], W[1]) for k, W in trainer.params.items()), step
        trainer.advance()
    later = weights_of(e, 20)  # the run is over
    stay = all(np.array_equal(later[k], W[1]) for k, W in trainer.params.items())
    assert stay == SCHEDULES[schedule].ends, "the learning rate is 0 then"


def test_runs_of_different_lengths_share_what_is_cached_only_where_it_is_the_same(nothing_known):
    for schedule in SCHEDULES:
        short, long = (weights_of(small(schedule=schedule, steps=steps), 4) for steps in (5, 50))
        assert np.array_equal(short["W_rec"], long["W_rec"]) != SCHEDULES[schedule].ends


def test_eigenvalues_are_those_of_the_run():
    e = small(schedule="linear", steps=6)
    *_, found = STUDIES["eigenvalues"](e, step=6)
    W = finished(e, DOUBLE)[0].params["W_rec"][0]
    expected = np.abs(np.linalg.eigvals(W.numpy())).max()
    assert np.hypot(found.real[-1], found.imag[-1]).max() == pytest.approx(expected, rel=1e-4)


def test_an_endless_training_makes_no_record_and_does_not_end():
    trainer = Trainer(small(steps=2), endless=True)
    assert [trainer.advance() for _ in range(9)] == [None] * 9 and not trainer.done
    longer = finished(small(steps=9))[2][-1]
    assert all(torch.equal(W, longer[k]) for k, W in trainer.params.items())
    assert next(iter(drained(network(small(steps=2), 9, 0)).p.values())).shape[0] == 1


def drained(study):
    while True:
        try:
            next(study)
        except StopIteration as end:
            return end.value


# ---- an Experiment with one


def test_at_its_default_it_is_written_nowhere():
    e = Experiment()
    assert Experiment(schedule="constant", warmup=0) == e
    for written in (e.to_dict(), e.to_query(), e.to_json()):
        assert "schedule" not in written and "warmup" not in written
    assert Experiment().key == "c30c14740f71a14e", "as before there were schedules"


def test_it_travels():
    e = Experiment(schedule="cosine", warmup=20)
    assert e.to_query() == Experiment().to_query() | {"schedule": "cosine", "warmup": "20"}
    assert Experiment.from_query(e.to_query()) == (e, []) and Experiment.from_json(e.to_json()) == e
    assert len({x.key for x in (e, Experiment(), replace(e, warmup=0), replace(e, schedule="constant"))}) == 4


def test_bad_values_are_refused_in_words():
    with pytest.raises(ExperimentError) as error:
        Experiment(schedule="cosin", warmup=-1)
    assert error.value.problems == {
        "schedule": "unknown schedule 'cosin': valid are constant, linear, cosine",
        "warmup": "warmup must be a whole number from 0 to 1000000, got -1",
    }
    for wrong in ({"schedule": "linear"}, {"warmup": 5}):
        (name,) = wrong
        with pytest.raises(ExperimentError, match=f"{name} does not apply to cell 'esn': leave it at"):
            Experiment(cell="esn", **wrong)


def test_words():
    e = Experiment()
    assert difference(e, replace(e, schedule="cosine")) == "only: learning rate schedule Cosine to 0 (was Constant)"
    assert difference(replace(e, warmup=5), e) == "only: warm-up steps 0 (was 5)"
    assert diff(e, replace(e, schedule="linear", warmup=3)) == {"schedule": ("constant", "linear"), "warmup": (0, 3)}


def test_a_change_keeps_it_where_it_fits():
    """Also where another field has to go: the gate bias of a tanh cell."""
    e = Experiment(cell="gru", bias="chrono", schedule="cosine", warmup=5)
    assert changed(e, {"cell": "tanh"}) == Experiment(schedule="cosine", warmup=5)
    assert changed(e, {"cell": "esn"}) == Experiment(cell="esn")


def test_a_sweep_over_schedules():
    sweep = Sweep(small(), {"schedule": list(SCHEDULES), "warmup": [0, 2]})
    assert not sweep.refused and len({c.experiment for c in sweep.combinations}) == 6
    with pytest.raises(ExperimentError, match="schedule does not apply to cell 'esn'"):
        Sweep(Experiment(cell="esn"), {"schedule": ["constant", "linear"]})


def test_a_grid_of_a_room_keeps_it_and_varies_it():
    e = small(schedule="cosine", warmup=2)
    dealt, messages = grid.experiments(e, ("schedule", ["linear", "constant"]), ("length", [10, 20]), Limits())
    assert not messages and dealt == [replace(e, schedule=s, length=T) for s in ("linear", "constant") for T in (10, 20)]
    (longer,), _ = grid.experiments(e, ("seed", [1]), ("length", [20]), Limits())
    assert longer == replace(e, seed=1, length=20)


def test_the_command_line(tmp_path, capsys):
    file = tmp_path / "e.json"
    options = "--length 10 --steps 3 --hidden 4 --batch 2 --replicas 1 --schedule linear --warmup 2 --fix weight-decay:0.1:W_rec"
    assert main(["train", *options.split(), "--save-json", str(file)]) == 0
    e = Experiment.from_json(file.read_text("utf-8"))
    assert (e.schedule, e.warmup, [str(fix) for fix in e.fixes]) == ("linear", 2, ["weight-decay:0.1:W_rec"])
    capsys.readouterr()
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name:30} {schedule.__doc__}" in text for name, schedule in SCHEDULES.items())
    assert FIELDS["schedule"].option == "--schedule"
