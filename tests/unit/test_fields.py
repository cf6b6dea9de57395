"""FieldSpec: the kinds of values, and a fix with several parameters in every form in which an Experiment travels."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from apptest import SMALL, controls, linked

from rnnkit import Experiment, ExperimentError, diff, train
from rnnkit.analysis.describe import difference
from rnnkit.cli.main import main
from rnnkit.engine.fixes import FIXES, ClipNorm, parse_fix
from rnnkit.engine.fixes.base import GradientFix, SignalFix
from rnnkit.engine.fixes.torch_names import TORCH_NAMES
from rnnkit.experiment import FIELDS
from rnnkit.export.notebook import notebook
from rnnkit.export.script import missing, script
from rnnkit.fields import FloatField, IntField, SubsetField, setting

RECORDED = {  # key -> JSON text, as version 0.1.0 wrote them
    "c30c14740f71a14e": '{"version": 1, "task": "agreement", "length": 100, "cell": "tanh", "hidden": 32, "init": "gaussian", '
    '"gain": 1.0, "input_scale": 0.3, "fixes": ["clip-norm:1.0"], "optimizer": "adam", "lr": 0.003, "batch": 32, "steps": 200, '
    '"replicas": 8, "seed": 0}',
    "47d1e1a73238e12e": '{"version": 1, "task": "agreement", "length": 100, "cell": "esn", "hidden": 200, "gain": 1.0, '
    '"input_scale": 0.3, "batch": 32, "steps": 200, "replicas": 8, "seed": 0, "leak": 0.1, "density": 0.1, "ridge": 1e-09}',
    "64d894757f0ce3fb": '{"version": 1, "task": "agreement", "length": 100, "cell": "lstm", "hidden": 32, "init": "gaussian", '
    '"gain": 1.0, "input_scale": 0.3, "bias": "chrono", "fixes": ["truncate:7", "freeze:W_in+b@3", "l2:0.001"], '
    '"optimizer": "adam", "lr": 0.30000000000000004, "batch": 32, "steps": 200, "replicas": 8, "seed": 0}',
    "c860d51ac33ed3ec": '{"version": 1, "task": "corpus", "length": 40, "cell": "gru", "hidden": 32, "init": "gaussian", '
    '"gain": 1.0, "input_scale": 0.3, "bias": "zero", "fixes": [], "optimizer": "adam", "lr": 0.003, "batch": 32, "steps": 200, '
    '"replicas": 8, "seed": 0, "data": "0123456789abcdef", "vocabulary": 5000}',
    "7f5f94a5198a7cb7": '{"version": 1, "task": "characters", "length": 100, "cell": "tanh", "hidden": 32, "init": "sparse", '
    '"gain": 2.0, "input_scale": 0.3, "fixes": ["omega:0.5", "clip-value:0.25@100", "clip-norm:1e-30", "l1:10.0"], '
    '"optimizer": "sgd", "lr": 0.003, "batch": 32, "steps": 200, "replicas": 8, "seed": 2147483647, "data": ""}',
}


@dataclass(frozen=True)
class Scaled(GradientFix):
    """Multiplies dL/dW_rec by a factor, and dL/dW_in by its power."""

    factor: float = setting(FloatField, 0.5, "Factor", "Of dL/dW_rec.", low=0.0, high=1.0, above=True)
    power: int = setting(IntField, 2, "Power", "Of the factor, for dL/dW_in.", low=1, high=9)
    name = "scaled"
    title = "Scaled gradients"
    about = "Makes the weights learn more slowly."
    not_in_panels = "stands in a test"

    def __call__(self, grads, tape, params):
        return {**grads, "W_rec": self.factor * grads["W_rec"], "W_in": self.factor**self.power * grads["W_in"]}

    def torch_lines(self, cell, frozen):
        return f"{TORCH_NAMES['W_rec']}.grad *= {self.factor}\n{TORCH_NAMES['W_in']}.grad *= {self.factor} ** {self.power}"


@dataclass(frozen=True)
class Nothing(SignalFix):
    """Lets every gradient pass."""

    name = "nothing"
    title = "Nothing at all"
    about = "Changes nothing."

    def __call__(self, ds, t, T):
        return ds


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setitem(FIXES, "scaled", Scaled)


def experiment(**changes):
    values = {"length": 12, "hidden": 5, "batch": 4, "steps": 6, "replicas": 2, "lr": 0.05}
    return Experiment(**values | {"fixes": ("scaled:0.25:3@2", "clip-norm:1")} | changes)


# ---- one run keeps its name


@pytest.mark.parametrize("key", RECORDED)
def test_keys_are_those_of_version_0_1_0(key):
    e = Experiment.from_json(RECORDED[key])
    assert e.to_json() == RECORDED[key] and e.key == key
    assert pickle.loads(pickle.dumps(e)) == e and Experiment.from_query(e.to_query()) == (e, [])


# ---- kinds of values


@pytest.mark.parametrize("name", FIELDS)
def test_a_link_is_read_leniently_and_a_text_strictly(name):
    spec = FIELDS[name]
    assert spec.parse(spec.show(spec.default)) == spec.default
    assert spec.parse_lenient(spec.show(spec.default)) == (spec.default, [])
    value, messages = spec.parse_lenient("nope")
    with pytest.raises(ValueError) as error:
        spec.parse("nope")
    assert messages == [str(error.value)] and "'nope'" in messages[0]
    assert value == (() if spec.several else spec.default)


def test_of_several_fixes_the_good_ones_are_kept():
    value, messages = FIELDS["fixes"].parse_lenient("l2:x,clip-norm:2,nope,clip-norm:3,truncate:5@1")
    assert value == (ClipNorm(2.0),)
    assert [message.split(",")[0] for message in messages] == [
        "l2 needs a number greater than 0 and at most 10",
        "unknown fix 'nope': valid are truncate",
        "fix 'clip-norm' is given twice: only the first is used",
        "truncate acts from the first training step on: it cannot begin at '1'",
    ]


def test_a_subset_has_one_spelling():
    spec = SubsetField("a", choices=("a", "b", "c"), noun="letters", name="some")
    assert spec.parse("c+a") == spec.parse("c a") == spec.check("a+c+a") == "a+c"
    for wrong in ("", "d", "a+d", "a++b", None, 3, ["a"]):
        with pytest.raises(ValueError, match=r"some must be letters out of a, b, c, joined by \+, got"):
            spec.check(wrong)


def test_steps_of_a_menu_fit_the_value():
    length, lr, gain = FIELDS["length"], FIELDS["lr"], FIELDS["gain"]
    assert [length.step_at(value) for value in (100, 13, 12)] == [10, 10, 1]
    assert [lr.step_at(value) for value in (0.004, 3.0, 0.0)] == [0.002, 2.0, 5e-13]
    assert gain.step_at(50.0) == 0.1


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("seed", 2_000_000_001, "2000000001"),
        ("lr", 0.1 + 0.2, "0.3"),
        ("cell", "esn", "echo state network"),
        ("data", "", "the example"),
        ("data", "0123456789abcdef", "0123456789abcdef"),
        ("fixes", (), "none"),
        (
            "fixes",
            (ClipNorm(0.5, start_step=7), FIXES["freeze"]()),
            "Clipping by norm 0.5 from training step 7 on, Frozen weights W_rec",
        ),
    ],
)
def test_a_value_in_words(name, value, words):
    assert FIELDS[name].words(value) == words


# ---- a fix with several parameters, and one with none


@pytest.mark.parametrize(
    "text, fix",
    [
        ("scaled:0.25:3", Scaled(0.25, 3)),
        ("scaled", Scaled(0.5, 2)),
        ("scaled:", Scaled(0.5, 2)),
        ("scaled:0.25", Scaled(0.25, 2)),
        ("scaled::3", Scaled(0.5, 3)),
        ("scaled:1:9@4", Scaled(1.0, 9, start_step=4)),
    ],
)
def test_parameters_are_written_in_their_order(two, text, fix):
    assert parse_fix(text) == fix == parse_fix(str(fix))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("scaled:2:3", "scaled factor must be a number greater than 0 and at most 1, got 2.0"),
        ("scaled:0.5:0.5", "scaled power must be a whole number from 1 to 9, got 0.5"),
        ("scaled:0.5:x", "scaled power must be a whole number from 1 to 9, got 'x'"),
        ("scaled:0.5:3:4", "scaled power must be a whole number from 1 to 9, got '3:4'"),
        ("scaled:0.5:3@x", "scaled can begin at a training step from 0 to 1000000, got 'x'"),
    ],
)
def test_a_bad_parameter_is_named(two, text, expected):
    with pytest.raises(ExperimentError) as error:
        Experiment(fixes=(text,))
    assert error.value.problems == {"fixes": expected}
    assert Experiment.from_query({"fixes": f"{text},l2:1"}) == (Experiment(fixes=("l2:1",)), [expected])


def test_link_and_json_of_two_parameters(two):
    e = experiment()
    assert e.fixes == (Scaled(0.25, 3, start_step=2), ClipNorm(1.0)) and e != experiment(fixes=("scaled:0.25:2@2", "clip-norm:1"))
    assert e.to_query()["fixes"] == "scaled:0.25:3@2,clip-norm:1.0" and e.to_dict()["fixes"] == [
        "scaled:0.25:3@2",
        "clip-norm:1.0",
    ]
    assert Experiment.from_query(e.to_query()) == (e, []) and Experiment.from_json(e.to_json()) == e


def test_the_command_line_of_two_parameters(two, capsys, tmp_path):
    options = "--length 12 --hidden 5 --batch 4 --steps 6 --replicas 2 --lr 0.05 --fix scaled:0.25:3@2 --fix clip-norm:1"
    assert main(["train", *options.split(), "--save-json", str(tmp_path / "e.json")]) == 0
    assert Experiment.from_json((tmp_path / "e.json").read_text()) == experiment()
    assert main(["list"]) == 0
    assert f"  {'scaled:0.5:2':30} {Scaled.about}" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["train", "--fix", "scaled:0.5:0"])
    assert "scaled power must be a whole number from 1 to 9, got 0.0" in capsys.readouterr().err


def test_words_of_two_parameters(two):
    e = experiment()
    assert FIELDS["fixes"].words(e.fixes[:1]) == "Scaled gradients factor 0.25 and power 3 from training step 2 on"
    other = experiment(fixes=("scaled:0.25:4", "clip-norm:1"))
    expected = "only: scaled gradients factor 0.25 and power 4 (was factor 0.25 and power 3 from training step 2 on)"
    assert difference(e, other) == expected and set(diff(e, other)) == {"fixes"}


def test_the_exported_script_of_two_parameters(two):
    e = experiment()
    assert missing(e) == [] and "scaled:0.25:3@2" in notebook(e)
    scope = {"__name__": "experiment"}
    exec(compile(script(e), "experiment.py", "exec"), scope)
    scope["DTYPE"] = torch.float64
    records, plain = list(train(e, torch.float64)), list(train(experiment(fixes=("clip-norm:1",)), torch.float64))
    assert (records[-1].loss != plain[-1].loss).all()
    for r, seed in enumerate(scope["SEEDS"]):
        for record, (_, loss, gradient, applied, _) in zip(records, scope["train"](scope["Network"](seed), seed), strict=True):
            ours = record.loss[r], record.grad_norm_raw[r], record.grad_norm_applied[r]
            np.testing.assert_allclose((loss, gradient, applied), ours, rtol=1e-7)


def test_the_sidebar_has_a_control_for_each_parameter(two, app):
    at = app(SMALL, fixes="scaled:0.25:3@2")
    shown = controls(at)
    assert (shown["s_scaled"].value, shown["s_scaled-power"].value, shown["f_scaled"].value) == (0.25, 3, 2)
    assert (shown["s_scaled"].label, shown["s_scaled-power"].label) == ("Scaled gradients: factor", "Scaled gradients: power")
    shown["s_scaled-power"].set_value(4).run()
    assert not at.exception and not at.sidebar.error
    assert linked(at).fixes == (Scaled(0.25, 4, start_step=2),)


def test_a_fix_without_parameters_is_its_name(monkeypatch):
    monkeypatch.setitem(FIXES, "nothing", Nothing)
    e = Experiment(fixes=("nothing", "l2:1"))
    assert e.to_query()["fixes"] == "nothing,l2:1.0" and Experiment.from_query(e.to_query()) == (e, [])
    assert FIELDS["fixes"].words(e.fixes) == "Nothing at all, L2 penalty 1"
    with pytest.raises(ValueError, match="nothing has no parameters, got '1'"):
        parse_fix("nothing:1")
