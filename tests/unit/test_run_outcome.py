"""What came out of a recorded run is what training it anew would say, row for row."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from rnnkit import Experiment, train
from rnnkit.analysis.run_outcome import run_outcome
from rnnkit.engine.history import History
from rnnkit.studies.training_outcome import SolvedSteps, records_until, study
from rnnkit.sweep.row import rows_of

LEARNS = Experiment(length=7, hidden=16, replicas=3, steps=150, lr=0.02)
FAILS = Experiment(length=12, hidden=6, batch=8, replicas=2, steps=40)
EXPLODES = replace(FAILS, cell="relu", init="identity", gain=60.0, optimizer="sgd", lr=100.0, fixes=())
LSTM = replace(LEARNS, cell="lstm", bias="chrono")
RESERVOIR = Experiment(length=10, cell="esn", hidden=30, replicas=2, steps=30)


def told(e, outcome):
    """The rows as text, without the seconds: NaN equals NaN."""
    return [str({k: v for k, v in asdict(row).items() if k != "seconds"}) for row in rows_of(e, outcome)]


@pytest.mark.parametrize("until", ["solved", "end"])
@pytest.mark.parametrize("e", [LEARNS, FAILS, EXPLODES, LSTM, RESERVOIR], ids=["learns", "fails", "explodes", "lstm", "esn"])
def test_the_rows_of_a_history_are_those_of_the_study(e, until):
    *_, expected = study(e, until=until)
    history = History.of(e, train(e))
    assert told(e, run_outcome(history, history.n, until)) == told(e, expected)
    n = int(np.searchsorted(history.steps, expected.steps)) + 1
    assert told(e, run_outcome(history, n, until)) == told(e, expected), "rows behind the end change nothing"
    assert run_outcome(history, n - 1, until) is None and run_outcome(history, 1, until) is None


def test_a_run_that_learns_and_one_that_fails_are_among_them():
    """Else the comparison above would compare little."""
    outcomes = {e: list(study(e, until="solved"))[-1] for e in (LEARNS, FAILS, EXPLODES)}
    assert (outcomes[LEARNS].solved_step >= 0).all() and outcomes[LEARNS].steps < LEARNS.steps
    assert (outcomes[FAILS].solved_step < 0).all() and outcomes[FAILS].steps == FAILS.steps
    assert (outcomes[EXPLODES].diverged_step >= 0).all() and outcomes[EXPLODES].steps < EXPLODES.steps


RECORDED = History.of(FAILS, train(FAILS))
RECORDS = list(train(FAILS))
TESTS = [record.step for record in RECORDS if record.step % FAILS.eval_every == 0 or record.step == FAILS.steps]
SCORES = some.lists(some.sampled_from([0.5, 0.99, 1.0, np.nan]), min_size=len(TESTS), max_size=len(TESTS))
DEATHS = some.sampled_from([-1, *TESTS])


@settings(max_examples=200)
@given(some.lists(SCORES, min_size=2, max_size=2), some.lists(DEATHS, min_size=2, max_size=2))
def test_whatever_the_scores_and_the_divergences_are(scores, deaths):
    """Against SolvedSteps, on records of which accuracy and divergence are drawn."""
    records = []
    for record in RECORDS:
        accuracy = np.full(2, np.nan)
        if record.step in TESTS:
            accuracy = np.array([of[TESTS.index(record.step)] for of in scores])
        diverged = np.array([step if 0 <= step <= record.step else -1 for step in deaths])
        records.append(replace(record, accuracy=accuracy, diverged=diverged))
    solved, last = SolvedSteps(FAILS), None
    for record in records:
        last = record
        if solved.update(record):
            break
    history = History.of(FAILS, records)
    found = run_outcome(history, history.n, seconds=8.0)
    assert found.steps == last.step and found.solved_step.tolist() == solved.steps.tolist()
    assert found.diverged_step.tolist() == last.diverged.tolist()
    assert np.array_equal(found.accuracy, last.accuracy, equal_nan=True)
    assert found.seconds == pytest.approx(8.0 * (records.index(last) + 1) / len(records))


def test_the_first_records_are_those_that_a_run_yields_until_it_is_solved():
    records = list(records_until(LEARNS, "solved", SolvedSteps(LEARNS)))
    history = History.of(LEARNS, records)
    assert run_outcome(history, history.n).steps == records[-1].step
