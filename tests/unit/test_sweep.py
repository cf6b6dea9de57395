"""Sweep: its grid, what it refuses, and that its rows are those of `train`, whatever carries it out and in whatever order."""

import math
import random
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnkit import Experiment, ExperimentError, Sweep, train
from rnnkit.analysis.gradient_summary import gradient_ratio
from rnnkit.analysis.learnt import solved_threshold
from rnnkit.studies.training_outcome import SolvedSteps, records_until, study
from rnnkit.sweep.executors import InProcess
from rnnkit.sweep.store import Store

SMALL = Experiment(length=7, hidden=6, batch=8, replicas=2, steps=30)
LEARNS = Experiment(length=7, hidden=16, batch=32, replicas=3, steps=150, lr=0.02)
EXPLODES = Experiment(
    length=12, hidden=8, batch=8, replicas=2, steps=60, cell="relu", gain=30.0, optimizer="sgd", lr=10.0, fixes=()
)


def rows(result):
    """The table without the seconds, with NaN equal to NaN."""
    return result.frame().drop(columns="seconds").astype(str).to_dict("records")


def in_process(sweep, tmp_path, name="a"):
    with Store(tmp_path / name) as store:
        return sweep.run(store=store, executor=InProcess(), progress=False)


# ---- the grid


def test_every_combination_of_axes_and_variants_is_an_experiment():
    sweep = Sweep(SMALL, {"length": [7, 9], "gain": [0.5, 1, 2]}, {"tanh": {}, "LSTM": {"cell": "lstm", "bias": "chrono"}})
    assert [(c.variant, *c.axes.values()) for c in sweep.combinations] == [
        (variant, length, gain) for variant in ("tanh", "LSTM") for length in (7, 9) for gain in (0.5, 1.0, 2.0)
    ]
    first, last = sweep.combinations[0].experiment, sweep.combinations[-1].experiment
    assert first == replace(SMALL, length=7, gain=0.5) and last == replace(SMALL, length=9, gain=2.0, cell="lstm", bias="chrono")


def test_without_axes_and_variants_it_is_the_base():
    (one,) = Sweep(SMALL).combinations
    assert one.experiment == SMALL and one.axes == {}


def test_replicas_are_those_of_the_base_unless_given():
    assert Sweep(SMALL).runs[0].replicas == 2
    assert Sweep(SMALL, replicas=5).runs[0].replicas == 5
    assert {e.replicas for e in Sweep(SMALL, axes={"replicas": [1, 3]}).runs} == {1, 3}


def test_a_variant_may_name_fixes_and_drops_what_does_not_fit_it():
    base = replace(SMALL, init="orthogonal", lr=0.05)
    sweep = Sweep(base, variants={"omega": {"fixes": ["omega:0.5", "clip-norm:1"]}, "reservoir": {"cell": "esn"}})
    omega, reservoir = (c.experiment for c in sweep.combinations)
    assert [str(fix) for fix in omega.fixes] == ["omega:0.5", "clip-norm:1.0"] and omega.lr == 0.05
    assert reservoir.cell == "esn" and reservoir.lr == Experiment().lr


def test_the_same_combination_twice_is_one_run(tmp_path):
    sweep = Sweep(SMALL, {"length": [7, 7.0, 8]}, {"a": {}, "b": {"gain": 1}})
    assert len(sweep.combinations) == 4 and len(sweep.runs) == 2
    result = in_process(sweep, tmp_path)
    a, b = (result.frame().query("variant == @v").drop(columns="variant").reset_index(drop=True) for v in "ab")
    assert len(a) == 4 and a.equals(b), "of one training, seconds included"


def test_what_is_no_valid_experiment_is_named_and_the_others_run(tmp_path):
    sweep = Sweep(SMALL, {"length": [3, 7, 20_000]}, {"tanh": {}, "reservoir": {"cell": "esn"}})
    assert [c.axes["length"] for c in sweep.combinations] == [7, 7]
    assert [str(refused) for refused in sweep.refused] == [
        "tanh, length 3: length must be at least 7 for task 'agreement', got 3",
        "tanh, length 20000: length must be a whole number from 3 to 10000, got 20000",
        "reservoir, length 3: length must be at least 7 for task 'agreement', got 3",
        "reservoir, length 20000: length must be a whole number from 3 to 10000, got 20000",
    ]
    with Store(tmp_path / "a") as store:
        assert next(sweep.stream(store, InProcess())).startswith("not run: tanh, length 3")


def test_an_axis_that_does_not_apply_to_a_variant_is_refused_there_even_at_its_default():
    sweep = Sweep(SMALL, {"lr": [0.003, 0.01]}, {"tanh": {}, "reservoir": {"cell": "esn"}})
    assert [c.variant for c in sweep.combinations] == ["tanh", "tanh"]
    assert [refused.problem.partition(":")[0] for refused in sweep.refused] == ["lr does not apply to cell 'esn'"] * 2


def test_data_that_are_not_here_are_refused():
    with pytest.raises(ExperimentError, match="data 0123456789abcdef are not here"):
        Sweep(Experiment(task="corpus", data="0123456789abcdef"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axes": {"lenght": [7]}}, "axes: unknown field 'lenght', valid are task, length"),
        ({"variants": {"x": {"cel": "lstm"}}}, "variant 'x': unknown field 'cel', valid are task"),
        ({"variants": {"x": "lstm"}}, "variant 'x': expected fields and their values, got 'lstm'"),
        ({"axes": {"length": []}}, r"axis length: expected a list of values, got \[\]"),
        ({"axes": {"cell": "lstm"}}, "axis cell: expected a list of values, got 'lstm'"),
        ({"axes": {"length": [7]}, "variants": {"x": {"length": 8}}}, "length is an axis, and variant 'x' sets it, too"),
        ({"axes": {"cell": ["lstmm"]}}, "no combination is valid: base, cell 'lstmm': unknown cell 'lstmm': valid are tanh"),
        ({"replicas": 0}, "replicas must be a whole number from 1 to 4096, got 0"),
        ({"until": "never"}, "until must be one of solved, end, got 'never'"),
        ({"variants": ["tanh"]}, r"variants must be a dict of names and changes, as .*, got \['tanh'\]"),
        ({"axes": [1]}, r"axes must be a dict of fields and their values, as \{'length': \[10, 20\]\}, got \[1\]"),
        ({"axes": {"lr": np.ones((2, 2))}}, "axis lr: expected a list of values, got array"),
        ({"axes": {"lr": np.array(0.1)}}, "axis lr: expected a list of values, got array"),
        ({"axes": {"seed": range(100_001)}}, "a sweep has at most 100,000 combinations, got 100,001"),
    ],
)
def test_bad_input_is_named(changes, message):
    with pytest.raises(ExperimentError, match=message):
        Sweep(SMALL, **changes)


def test_what_is_no_experiment_is_named():
    with pytest.raises(ExperimentError, match="base must be an Experiment, got 'tanh'"):
        Sweep("tanh")


@pytest.mark.parametrize("array", [np.array, torch.tensor, pd.Series])
@pytest.mark.parametrize(("name", "values"), [("lr", [1e-4, 1e-3]), ("length", [7, 9])])
def test_an_axis_can_be_a_one_dimensional_array(array, name, values):
    sweep = Sweep(SMALL, {name: array(values)})
    assert [c.axes[name] for c in sweep.combinations] == pytest.approx(values)
    assert {type(c.axes[name]) for c in sweep.combinations} == {type(values[0])}
    assert sweep == Sweep(SMALL, {name: array(values)})


# ---- rows


def expected_rows(e, until):
    """The rows by the definition, from all Records of `train`."""
    records = list(train(e))
    tests = [r for r in records if r.step % e.eval_every == 0 or r.step == e.steps]
    solved = []
    for n in range(e.replicas):
        passed = [bool(r.accuracy[n] >= solved_threshold(e)) for r in tests]
        pairs = [i for i in range(len(tests) - 1) if passed[i] and passed[i + 1]]
        solved.append(tests[pairs[0]].step if pairs else None)
    last = records[-1]
    if until == "solved":
        over = [
            r
            for r in tests
            if all(r.diverged[n] >= 0 or (solved[n] is not None and solved[n] < r.step) for n in range(e.replicas))
        ]
        last = over[0] if over else last
    return [
        {
            "network": n,
            "seed": e.seed + n,
            "solved_step": solved[n],
            "accuracy": float(last.accuracy[n]),
            "diverged_step": None if last.diverged[n] < 0 else int(last.diverged[n]),
            "ratio_before": gradient_ratio(records[0].state_grad[..., n : n + 1], e),
            "ratio_after": gradient_ratio(last.state_grad[..., n : n + 1], e),
            "steps": last.step,
        }
        for n in range(e.replicas)
    ]


def same(a, b):
    return a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))


@pytest.mark.parametrize("until", ["solved", "end"])
@pytest.mark.parametrize("e", [SMALL, LEARNS, EXPLODES, replace(LEARNS, cell="lstm"), replace(SMALL, cell="esn")], ids=str)
def test_rows_are_those_of_train_bit_for_bit(e, until, tmp_path):
    result = in_process(Sweep(e, until=until), tmp_path)
    (found,) = result.rows.values()
    for row, expected in zip(found, expected_rows(e, until), strict=True):
        values = asdict(row)
        assert values.pop("seconds") > 0
        assert values.keys() == expected.keys()
        assert [name for name in values if not same(values[name], expected[name])] == []


def test_the_runs_above_cover_what_they_should(tmp_path):
    assert all(row["solved_step"] is not None for row in expected_rows(LEARNS, "solved"))
    assert expected_rows(LEARNS, "solved")[0]["steps"] < LEARNS.steps == expected_rows(LEARNS, "end")[0]["steps"]
    assert any(row["diverged_step"] is not None for row in expected_rows(EXPLODES, "end"))


def equal_records(a, b):
    return all(
        np.array_equal(x, y, equal_nan=True) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else np.array_equal(x, y)
        for x, y in zip(vars(a).values(), vars(b).values(), strict=True)
    )


@settings(max_examples=12)
@given(
    st.builds(
        lambda cell, lr, gain, length, seed, replicas: replace(
            LEARNS, cell=cell, lr=lr, gain=gain, length=length, seed=seed, replicas=replicas, steps=100
        ),
        st.sampled_from(["tanh", "relu", "lstm", "gru"]),
        st.sampled_from([0.002, 0.02, 5.0]),
        st.sampled_from([0.5, 1.0, 20.0]),
        st.integers(7, 10),
        st.integers(0, 10**6),
        st.integers(1, 3),
    )
)
def test_until_solved_gives_the_first_of_the_same_records(e):
    """And each network has solved the task at the same step as in the whole run."""
    whole, all_steps, steps = list(train(e)), SolvedSteps(e), SolvedSteps(e)
    part = list(records_until(e, "solved", steps))
    assert 0 < len(part) <= len(whole)
    assert all(equal_records(a, b) for a, b in zip(part, whole, strict=False))
    over = [all_steps.update(record) for record in whole]
    assert np.array_equal(steps.steps, all_steps.steps)
    assert (over.index(True) if True in over else len(whole) - 1) == len(part) - 1


def test_an_unknown_end_is_refused():
    with pytest.raises(ValueError, match="until must be one of solved, end, got 'soon'"):
        next(study(SMALL, until="soon"))


class Shuffled(InProcess):
    """Trains the jobs in another order."""

    def __init__(self, seed):
        self.seed = seed

    def outcomes(self, jobs):
        order = random.Random(self.seed).sample(range(len(jobs)), len(jobs))
        for event in super().outcomes([jobs[i] for i in order]):
            yield (order[event[0]], event[1]) if isinstance(event, tuple) else event


@settings(max_examples=4)
@given(seed=st.integers(0, 1000))
def test_the_order_of_runs_does_not_matter(seed, tmp_path_factory):
    sweep = Sweep(replace(SMALL, steps=12), {"length": [7, 8, 9]}, {"tanh": {}, "gru": {"cell": "gru"}})
    path = tmp_path_factory.mktemp("stores")
    with Store(path / "a") as a, Store(path / "b") as b:
        usual = sweep.run(store=a, executor=InProcess(), progress=False)
        assert rows(sweep.run(store=b, executor=Shuffled(seed), progress=False)) == rows(usual)


def test_what_is_stored_is_not_trained_again(tmp_path):
    sweep = Sweep(SMALL, {"length": [7, 8]})
    with Store(tmp_path / "a") as store:
        first = sweep.run(store=store, executor=InProcess(), progress=False)
        more = Sweep(SMALL, {"length": [7, 8, 9]})
        second = more.run(store=store, executor=InProcess(), progress=False)
        assert (first.n_stored, second.n_stored) == (0, 2)
        assert second.frame().query("length < 9").reset_index(drop=True).equals(first.frame()), "seconds included"
        to_the_end = replace(sweep, until="end").run(store=store, executor=InProcess(), progress=False)
        assert to_the_end.n_stored == 0, "rows of runs that went to the end are others"


class Interrupted(InProcess):
    def outcomes(self, jobs):
        yield next(event for event in super().outcomes(jobs) if event)
        raise KeyboardInterrupt


def test_ctrl_c_returns_what_is_done_and_the_same_call_goes_on(tmp_path, capsys):
    sweep = Sweep(SMALL, {"length": [7, 8, 9]})
    with Store(tmp_path / "a") as store:
        result = sweep.run(store=store, executor=Interrupted())
        assert len(result.rows) == 1 and len(result.missing) == 2 and len(result.frame()) == 2
        assert "stopped: 1 of 3 runs are done. The same call goes on from there" in capsys.readouterr().err
        assert sweep.run(store=store, executor=InProcess(), progress=False).n_stored == 1


class Failing(InProcess):
    def outcomes(self, jobs):
        yield 0, "out of memory"
        yield from ((i + 1, found) for i, found in filter(None, super().outcomes(jobs[1:])))


def test_a_run_that_fails_is_named_and_not_stored(tmp_path, capsys):
    sweep = Sweep(SMALL, {"length": [7, 8, 9]})
    with Store(tmp_path / "a") as store:
        result = sweep.run(store=store, executor=Failing())
        assert result.failed == {replace(SMALL, length=9): "out of memory"} and not result.missing and len(result.rows) == 2
        assert "failed: base, length 9: out of memory" in capsys.readouterr().err
        assert store.get(replace(SMALL, length=9), "solved") is None


def test_the_longest_runs_come_first():
    lengths = [e.length for e in Sweep(SMALL, {"length": [7, 50, 20]}).runs]
    assert lengths == [50, 20, 7]
    by_cell = [e.cell for e in Sweep(replace(SMALL, hidden=64), {"cell": ["tanh", "lstm", "gru"]}).runs]
    assert by_cell == ["lstm", "gru", "tanh"]
