"""Experiment: text and back without loss, every bad value refused by name, hostile links read as well as they go."""

import dataclasses
import itertools
import json
import math
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, ClipNorm, Freeze, Truncate
from rnnkit.experiment import FIELDS, GIVEN, MAX_RECORD_BYTES, MAX_ROWS, Experiment, ExperimentError, applies, diff
from rnnkit.fields import ChoiceField, IntField, NumberField, SubsetField
from rnnkit.tasks import TASKS

CHOICES = {name: tuple(spec.choices) for name, spec in FIELDS.items() if isinstance(spec, ChoiceField)}
RANGES = {name: (spec.low, spec.high) for name, spec in FIELDS.items() if isinstance(spec, NumberField)}


def whole(name):
    return isinstance(FIELDS[name], IntField)


# ---- random Experiments


def one_fix(cls):
    return st.builds(cls, *map(one_parameter, cls.parameters().values()))


def one_parameter(spec):
    if isinstance(spec, SubsetField):
        return st.lists(st.sampled_from(spec.choices), min_size=1).map("+".join)
    if isinstance(spec, IntField):
        return st.integers(spec.least, spec.high)
    return st.floats(spec.low, spec.high, exclude_min=spec.above)


def some_fixes(cell):
    usable = [cls for cls in FIXES.values() if cls.applies_to(CELLS[cell])]
    return st.lists(st.sampled_from(usable), unique=True).flatmap(lambda picked: st.tuples(*map(one_fix, picked)))


@st.composite
def experiments(draw):
    cell, task = draw(st.sampled_from(CHOICES["cell"])), draw(st.sampled_from(CHOICES["task"]))
    values = {"cell": cell, "task": task}
    plain = Experiment(**values)
    for name in FIELDS.keys() - values.keys():
        if name == "weights" or not FIELDS[name].fits(plain) or draw(st.booleans()):
            continue
        if name == "fixes":
            values[name] = draw(some_fixes(cell))
        elif name in CHOICES:
            values[name] = draw(st.sampled_from(CHOICES[name]))
        elif name == "data":
            values[name] = draw(st.from_regex("[0-9a-f]{16}", fullmatch=True))
        else:
            low, high = RANGES[name]
            low = max(low, TASKS[task].min_length) if name == "length" else low
            values[name] = draw(st.integers(low, high) if whole(name) else st.floats(low, high))
    if values.get("r_min", 0.0) > values.get("r_max", 1.0):
        del values["r_max"]
    return Experiment(**values)


# ---- round trips


@given(experiments())
def test_json_round_trip(e):
    again = Experiment.from_json(e.to_json())
    assert again == e
    assert hash(again) == hash(e)
    assert again.key == e.key
    plain = json.loads(e.to_json())
    assert set(plain) == {"version"} | {name for name in FIELDS if applies(e, name)}
    assert all(type(again_value) is type(value) for again_value, value in zip(fields_of(again), fields_of(e), strict=True))


def fields_of(e):
    return [getattr(e, name) for name in FIELDS]


@given(experiments())
def test_query_round_trip_through_a_real_url(e):
    assert Experiment.from_query(e.to_query()) == (e, [])
    url = urlencode(e.to_query())
    assert Experiment.from_query(dict(parse_qsl(url, keep_blank_values=True))) == (e, [])
    assert all(isinstance(v, str) for v in e.to_query().values())


@given(experiments())
def test_command_line_texts_round_trip(e):
    for name, text in e.to_query().items():
        if name != "v":
            assert FIELDS[name].parse(text) == getattr(e, name)


def test_a_link_survives_plus_signs_that_became_spaces():
    e = Experiment(fixes=("freeze:W_in+W_rec",))
    broken = {k: v.replace("+", " ") for k, v in e.to_query().items()}
    assert Experiment.from_query(broken) == (e, [])


@given(experiments(), experiments())
def test_equal_is_one_key_and_different_is_two(a, b):
    assert (a == b) == (a.key == b.key) == (not diff(a, b))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"gain": 1}, {"gain": 1.0}),
        ({"hidden": 16.0}, {"hidden": 16}),
        ({"gain": 0.0}, {"gain": -0.0}),
        ({"lr": 0.0}, {"lr": -0.0}),
        ({"fixes": ["clip-norm:2"]}, {"fixes": (ClipNorm(2),)}),
        ({"fixes": ["truncate:25.0"]}, {"fixes": (Truncate(25),)}),
        ({"fixes": ["freeze:b+W_in"]}, {"fixes": ["freeze:W_in+b"]}),
        ({"cell": "esn", "fixes": ()}, {"cell": "esn"}),
    ],
)
def test_one_run_has_one_name_however_it_is_written(a, b):
    a, b = Experiment(**a), Experiment(**b)
    assert a == b
    assert hash(a) == hash(b)
    assert a.key == b.key
    assert a.to_json() == b.to_json()


def test_keys_are_the_same_in_every_process(in_fresh_python):
    lstm = Experiment(cell="lstm", bias="chrono", fixes=("truncate:7", "freeze:W_in+b"))
    runs = [Experiment(), lstm, Experiment(cell="esn")]
    texts = [e.to_json() for e in runs]
    code = f"from rnnkit import Experiment\nfor text in {texts!r}: print(Experiment.from_json(text).key)"
    for seed in ("1", "2"):
        assert in_fresh_python(code, PYTHONHASHSEED=seed).split() == [e.key for e in runs]


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Experiment().lr = 1.0


# ---- what is refused


def bad_values(name):
    if name in CHOICES:
        return ["nope", "", FIELDS[name].default.upper(), 3, None, True, ["tanh"], {"tanh": 1}, math.nan]
    if name in RANGES:
        low, high = RANGES[name]
        wrong = [low - 1, high + 1, -math.inf, math.inf, math.nan, "5", "", None, True, [1], (), 1j, 10**400]
        return [*wrong, low + 0.5] if whole(name) else wrong
    if name in GIVEN:
        return ["nope", 3, None, True, ["0123456789abcdef"], "0123456789ABCDEF", "0123456789abcdef\n", "../../../etc/pass"]
    return ["clip-norm:1", "", 5, None, 1.5, True, ["nope"], ["clip-norm:x"], ["l2:-1"], [3], [None], ["l1:1", "l1:2"]]


def valid_of(name):
    if name in CHOICES:
        return CHOICES[name]
    if name in GIVEN:
        return ("16 hexadecimal digits",)
    low, high = RANGES[name]
    return f"from {low:g} to {high:.10g}", "a whole number" if whole(name) else "a number"


def shown(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:20]


NUMBERED = [(name, value) for name in FIELDS for value in bad_values(name)]


@pytest.mark.parametrize(("name", "value"), NUMBERED, ids=[f"{n}={shown(v)}" for n, v in NUMBERED])
def test_every_bad_value_is_refused_with_field_value_and_choices(name, value):
    with pytest.raises(ExperimentError) as error:
        Experiment(**{name: value})
    assert list(error.value.problems) == [name]
    message = str(error.value)
    if name == "fixes":
        return
    assert name in message
    assert shown(value) in message
    assert all(text in message for text in valid_of(name))
    assert len(message) < 500


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("clip-norm:1", ["fixes", "sequence", "'clip-norm:1'"]),
        (7, ["fixes", "sequence", "7"]),
        (["nope:1"], ["'nope'", *FIXES]),
        (["clip-norm:x"], ["clip-norm", "a number", "'x'"]),
        (["l2:-1"], ["l2", "a number", "greater than 0", "at most 10", "-1.0"]),
        (["truncate:2.5"], ["truncate", "a whole number", "2.5"]),
        (["freeze:W"], ["freeze", "'W'", *Freeze.parameters()["names"].choices]),
        (["l1:1", "l1:2"], ["fixes", "once", "l1"]),
    ],
)
def test_every_bad_fix_is_refused_with_what_came_and_what_is_valid(value, parts):
    with pytest.raises(ExperimentError) as error:
        Experiment(fixes=value)
    assert all(part in error.value.problems["fixes"] for part in parts)


def test_all_problems_come_at_once():
    bad = {"task": "x", "cell": "y", "lr": -1, "hidden": 0.5, "fixes": ["z"]}
    with pytest.raises(ExperimentError) as error:
        Experiment(**bad)
    assert set(error.value.problems) == set(bad)
    with pytest.raises(ExperimentError) as error:
        Experiment.from_json(json.dumps(bad))
    assert set(error.value.problems) == set(bad)
    with pytest.raises(ExperimentError) as error:
        Experiment.from_json(json.dumps(bad | {"colour": 1}))
    assert set(error.value.problems) == {"colour"} | set(bad)


def another(name):
    if name == "fixes":
        return ("l2:0.1",)
    if name in CHOICES:
        return next(choice for choice in CHOICES[name] if choice != FIELDS[name].default)
    if name in GIVEN:
        return "0123456789abcdef"
    return sum(RANGES[name]) // 2 if whole(name) else sum(RANGES[name]) / 2


@pytest.mark.parametrize("cell", CELLS)
def test_a_field_that_does_not_apply_must_be_left_alone(cell):
    plain = Experiment(cell=cell)
    for name in FIELDS.keys() - {"cell"}:
        if FIELDS[name].fits(plain):  # an optional field applies as soon as it is set
            continue
        with pytest.raises(ExperimentError) as error:
            Experiment(cell=cell, **{name: another(name)})
        assert list(error.value.problems) == [name]
        assert name in str(error.value)
        assert f"'{plain.task}'" in str(error.value) if name in ("data", "vocabulary") else f"'{cell}'" in str(error.value)


@pytest.mark.parametrize("task", TASKS)
def test_a_length_too_short_for_the_task_is_refused(task):
    shortest = TASKS[task].min_length
    assert Experiment(task=task, length=shortest).length == shortest
    if shortest > RANGES["length"][0]:
        expected = f"length must be at least {shortest} for task '{task}', got {shortest - 1}"
        with pytest.raises(ExperimentError, match=expected):
            Experiment(task=task, length=shortest - 1)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "json"), ("{", "json"), ("[]", "json"), ("null", "json"), ('"x"', "json"), ("[" * 100_000, "json"),
        ('{"version": 2}', "version"), ('{"version": null}', "version"), ('{"colour": 1}', "colour"),
        ('{"lr": null}', "lr"), ('{"lr": NaN}', "lr"), ('{"lr": {}}', "lr"), ('{"fixes": null}', "fixes"),
        ('{"fixes": [[]]}', "fixes"), ('{"task": []}', "task"), ('{"steps": 1e400}', "steps"),
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_bad_json_is_refused(text, field):
    with pytest.raises(ExperimentError) as error:
        Experiment.from_json(text)
    assert list(error.value.problems) == [field]


def test_an_unknown_setting_names_the_valid_ones():
    with pytest.raises(ExperimentError, match="colour") as error:
        Experiment.from_json('{"colour": 1}')
    assert all(name in str(error.value) for name in FIELDS)


VALUES = st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.text(), max_size=2)


@given(st.text() | st.dictionaries(st.text() | st.sampled_from([*FIELDS]), VALUES, max_size=6).map(json.dumps))
def test_any_json_gives_an_experiment_or_an_experiment_error(text):
    try:
        Experiment.from_json(text)
    except ExperimentError as error:
        assert error.problems
        assert str(error)


# ---- differences and derived numbers


def test_diff_names_what_was_changed():
    a = Experiment(cell="lstm")
    assert diff(a, a) == {}
    assert diff(a, dataclasses.replace(a, lr=0.1, bias="chrono")) == {"lr": (a.lr, 0.1), "bias": ("zero", "chrono")}
    clipped = dataclasses.replace(a, fixes=(ClipNorm(2),))
    assert diff(a, clipped) == {"fixes": (a.fixes, (ClipNorm(2),))}
    esn = Experiment(cell="esn", leak=0.5)
    assert diff(a, esn)["leak"] == (1.0, 0.5)
    assert diff(Experiment(), Experiment(cell="esn")) == {"cell": ("tanh", "esn"), "fixes": ((ClipNorm(1),), ())}


@given(experiments(), experiments())
def test_diff_is_what_turns_one_into_the_other(a, b):
    assert {k: v[::-1] for k, v in diff(a, b).items()} == diff(b, a)
    assert dataclasses.replace(a, **{k: v[1] for k, v in diff(a, b).items()}) == b


@given(experiments())
def test_recorded_and_examined_steps(e):
    steps = e.recorded_steps
    assert steps[0] == 0
    assert steps[-1] == e.steps
    assert all(a < b for a, b in itertools.pairwise(steps))
    assert [s for s in steps if s < e.steps] == list(range(0, e.steps, e.every))
    assert len(steps) - 1 <= MAX_ROWS
    one_record = 4 * len(CELLS[e.cell].parts) * e.length * e.replicas
    assert (len(steps) - 1) * one_record <= max(MAX_RECORD_BYTES, one_record)
    assert e.eval_every % e.every == 0
    assert len([s for s in steps if s and s % e.eval_every == 0]) <= 15


def test_records_are_as_frequent_as_the_limits_allow():
    assert Experiment(steps=300).every == 1
    assert Experiment(steps=301).every == 2
    assert Experiment(steps=3000).every == 10
    assert Experiment(steps=150).eval_every == 13, "a dozen"
    assert Experiment(steps=40).eval_every == 12
    assert Experiment(steps=300).eval_every == 25
    assert Experiment(steps=1200).eval_every == 100
    assert Experiment(length=10_000, replicas=512, steps=300, hidden=1).every > 100


@pytest.mark.parametrize("length", [7, 50, 99])
@pytest.mark.parametrize("k", [1, 2, 6, 7, 8, 49, 50, 51, 1000])
def test_first_uncut(length, k):
    assert Experiment(length=length, fixes=(Truncate(k),)).first_uncut == max(0, length - k)
    assert Experiment(length=length, fixes=(ClipNorm(1),)).first_uncut == 0


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_help_and_a_valid_default(name):
    assert FIELDS[name].help.endswith(".")
    assert getattr(Experiment(), name) == FIELDS[name].default
