"""One network is one network: whatever judges network r of a run has the weights that this run gave it, bit for bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnkit import Experiment, train
from rnnkit.engine.evaluation import Evaluation
from rnnkit.engine.trainer import Trainer
from rnnkit.stories.presets import PRESETS
from rnnkit.studies import STUDIES, networks
from rnnkit.studies.evaluate_corpus import evaluate

SHORT = {"replicas": 3, "steps": 40, "hidden": 16, "seed": 1000}
RUNS = {  # presets whose training multiplies a difference in rounding, made shorter
    name: replace(PRESETS[name].experiment, **SHORT | more)
    for name, more in {
        "corpus-tanh": {"batch": 16},
        "corpus-gru": {"batch": 16},
        "omega": {},
        "lstm-chrono": {"length": 20},
        "clipped": {"length": 20},
        "explodes": {"hidden": 32},
        "orthogonal": {"length": 20},
    }.items()
}
RUNS["reservoir"] = Experiment(cell="esn", length=20, hidden=30, batch=16, replicas=3, steps=5)
RUNS["words"] = Experiment(task="words", length=12, cell="gru", hidden=12, batch=8, replicas=3, steps=40, lr=0.01)


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(networks, "_cache", type(networks._cache)())


def last(study, e, **options):
    *_, found = STUDIES[study](e, **options)
    return found


def stacked(parts):
    return {name: torch.tensor(np.stack([part[name] for part in parts])) for name in parts[0]}


@pytest.mark.parametrize("name", RUNS)
def test_the_weights_of_a_study_have_the_accuracy_of_the_runs_record(name):
    e = RUNS[name]
    *_, record = train(e)
    found = [last("weights", e, step=e.steps, replica=r) for r in range(e.replicas)]
    accuracy = Evaluation(e, stacked(found)).accuracy()
    sound = record.diverged < 0
    np.testing.assert_array_equal(accuracy[sound], record.accuracy[sound])
    for r in np.flatnonzero(sound):
        alone = Evaluation(replace(e, replicas=1), stacked([found[r]])).accuracy()
        assert abs(alone[0] - record.accuracy[r]) < 0.01, "network r, not its neighbour"


@pytest.mark.parametrize("name", RUNS)
def test_the_weights_of_a_study_are_the_runs_at_any_step_bit_for_bit(name):
    e = RUNS[name]
    trainer = Trainer(e)
    for step in range(e.steps + 1):
        if step in (1, e.steps // 2, e.steps):
            for r in range(e.replicas):
                for weight, values in last("weights", e, step=step, replica=r).items():
                    np.testing.assert_array_equal(values, trainer.params[weight][r], err_msg=f"{weight}, step {step}")
        trainer.advance()


def test_another_rounding_would_be_another_network():
    """Why: network 0 trained alone has other weights than network 0 of the run."""
    e = RUNS["corpus-tanh"]
    run, alone = (last("weights", x, step=e.steps) for x in (e, replace(e, replicas=1)))
    assert not np.array_equal(run["W_rec"], alone["W_rec"])


def test_the_test_sentences_are_read_by_the_network_of_the_run():
    e = RUNS["corpus-tanh"]
    trainer = Trainer(e)
    list(trainer.records())
    for r in range(e.replicas):
        expected = evaluate(e, {name: W[r : r + 1] for name, W in trainer.params.items()})
        assert last("evaluate_corpus", e, step=e.steps, replica=r) == expected


def test_a_study_of_the_way_back_and_a_reading_take_the_runs_first_network():
    e = replace(RUNS["orthogonal"], replicas=4)
    own = last("gradient_flow", e, step=30)
    networks.remember(replace(e, replicas=1), 30, trained(e, 30))
    np.testing.assert_array_equal(last("gradient_flow", replace(e, replicas=1), step=30).norm, own.norm)


def trained(e, step):
    trainer = Trainer(e)
    for _ in range(step):
        trainer.advance()
    return trainer


def test_all_networks_of_a_run_are_trained_once(monkeypatch):
    steps, advance = [], Trainer.advance
    monkeypatch.setattr(Trainer, "advance", lambda self: (steps.append(1), advance(self))[1])
    e = RUNS["omega"]
    for r in range(e.replicas):
        last("weights", e, step=9, replica=r)
    assert len(steps) == 9


def test_what_is_kept_is_limited_in_number_and_size(monkeypatch):
    e = replace(RUNS["omega"], steps=1)
    monkeypatch.setattr(networks, "MAX_MEGABYTES", 0)
    for seed in range(3):
        last("weights", replace(e, seed=seed), step=1)
    assert [key[0].seed for key in networks._cache] == [2], "the last one, however large"
    monkeypatch.setattr(networks, "MAX_MEGABYTES", 1000)
    for seed in range(20):
        last("weights", replace(e, seed=seed), step=1)
    assert [key[0].seed for key in networks._cache] == list(range(20))[-networks.MAX_STACKS :]


def with_its_return(generator):
    yield (yield from generator)


def test_a_study_says_that_a_network_diverged_where_the_record_says_it():
    e = RUNS["explodes"]
    records = {record.step: record for record in train(e)}
    steps = [step for step, record in records.items() if step and (record.diverged == step).any()]
    assert steps, "none diverges while it is trained"
    for step in steps:
        for r in range(e.replicas):
            *_, found = with_its_return(networks.network(e, step, r))
            assert found.diverged == records[step].diverged[r]
            assert all(W.isfinite().all() for W in found.p.values()), "the last finite weights"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"step": -1}, "step must be a whole number from 0 to 10000, got -1"),
        ({"step": 1.0}, "step must be .* got 1.0"),
        ({"step": 10_001}, "step must be .* got 10001"),
        ({"replica": 3}, "replica must be a whole number from 0 to 2, got 3"),
        ({"replica": True}, "replica must be .* got True"),
    ],
)
def test_what_is_out_of_range_is_refused_in_words(options, words):
    with pytest.raises(ValueError, match=words):
        last("weights", RUNS["omega"], **options)
