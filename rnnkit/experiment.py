"""Experiment: everything that determines a run, and nothing else.

Frozen, hashable, checked when it is made; the same Experiment gives the same Records. It travels as JSON, as a URL's query
string and as command-line options, all with the field names below. What does not apply to a choice (gate biases of a tanh
cell, the learning rate of an echo state network) must keep its default, so that one run has one name.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import ClipNorm, Fix, SignalFix, parse_fix
from rnnkit.engine.inits import BIASES, INITS
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.errors import listing, shorten_repr
from rnnkit.tasks import TASKS, Task

VERSION = 1  # of links and JSON. They hold every field that applies, so a changed default does not change an old link.
MAX_ROWS = 300  # records a run keeps, besides the first: more rows than that no heatmap can show
MAX_RECORD_BYTES = 32 * 2**20  # of state gradients a run
MOST_UNKNOWN = 5  # settings that are named in an error


class ExperimentError(ValueError):
    """Every problem at once: `problems` maps a field to what was expected, what came, and what is valid."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = dict(problems)


def _reservoir(e: Experiment) -> bool:
    return CELLS[e.cell].reservoir


def _given(e: Experiment) -> bool:
    return bool(TASKS[e.task].data)


def _by_words(e: Experiment) -> bool:
    return _given(e) and TASKS[e.task].by_words


def _of_cell(name: str) -> Callable[[Experiment], bool]:
    """Whether the cell declares that this field acts on it."""
    return lambda e: name in CELLS[e.cell].fields


def _choice(default: str, choices: Mapping[str, object], help: str, applies: Callable[..., bool] | None = None) -> Any:
    return field(default=default, metadata={"choices": choices, "help": help, "applies": applies})


def _number(default: float, low: float, high: float, help: str, applies: Callable[..., bool] | None = None) -> Any:
    return field(default=default, metadata={"range": (low, high), "help": help, "applies": applies})


@dataclass(frozen=True)
class Experiment:
    """One training run of `replicas` networks side by side; network r has the seed `seed + r`.

    The defaults are the network that forgets: a tanh cell on agreement over 100 words.
    """

    task: str = _choice("agreement", TASKS, "What the network has to learn.")
    length: int = _number(100, 3, 10_000, "How many words or symbols the network reads before it must answer.")
    cell: str = _choice("tanh", CELLS, "The recurrent unit.")
    hidden: int = _number(32, 1, 2048, "How many hidden units the state has.")
    init: str = _choice("gaussian", INITS, "How the recurrent weights are drawn.", _of_cell("init"))
    gain: float = _number(
        1.0, 0.0, 100.0, "Factor on the recurrent weights; the spectral radius where an initialization sets one."
    )
    input_scale: float = _number(0.3, 0.0, 100.0, "Standard deviation of the input weights.")
    bias: str = _choice("zero", BIASES, "Initial bias of the gate that keeps the memory.", _of_cell("bias"))
    fixes: tuple[Fix, ...] = field(
        default=(ClipNorm(1.0),), metadata={"help": "Remedies, applied in this order.", "applies": _of_cell("fixes")}
    )
    optimizer: str = _choice("adam", OPTIMIZERS, "The rule that turns the gradient into a step.", _of_cell("optimizer"))
    lr: float = _number(0.003, 0.0, 1000.0, "Learning rate: the length of a step.", _of_cell("lr"))
    batch: int = _number(32, 1, 4096, "Sequences a training step looks at.")
    steps: int = _number(200, 1, 1_000_000, "How many training steps are taken.")
    replicas: int = _number(8, 1, 4096, "How many networks with different seeds train side by side.")
    seed: int = _number(0, 0, 2**31 - 1, "The first network's seed; the next ones count up.")
    leak: float = _number(1.0, 0.001, 1.0, "Share of the reservoir's state that is renewed at each step.", _of_cell("leak"))
    density: float = _number(0.1, 0.001, 1.0, "Share of the reservoir's connections that exist.", _of_cell("density"))
    ridge: float = _number(1e-9, 1e-15, 1e3, "Strength of the ridge penalty on the readout.", _of_cell("ridge"))
    data: str = field(
        default="",
        metadata={
            "pattern": r"([0-9a-f]{16})?",
            "expected": "the 16 hexadecimal digits that name sentences or a text, or nothing for the example",
            "help": "The sentences or the text to learn from, by the name that reading a file gives them; nothing: the example.",
            "applies": _given,
        },
    )
    vocabulary: int = _number(
        2000, 1, 50_000, "So many of the most frequent words are told apart; of the others only the shape.", _by_words
    )

    def __post_init__(self) -> None:
        problems: dict[str, str] = {}
        for f in dataclasses.fields(self):
            try:
                object.__setattr__(self, f.name, _checked(f, getattr(self, f.name)))
            except ValueError as error:
                problems[f.name] = str(error)
        if not problems:
            if not applies(self, "fixes") and self.fixes == FIELDS["fixes"].default:
                object.__setattr__(self, "fixes", ())
            problems = self._conflicts()
        if problems:
            raise ExperimentError(problems)

    def _conflicts(self) -> dict[str, str]:
        problems = {}
        for f in dataclasses.fields(self):
            if not applies(self, f.name) and getattr(self, f.name) != _unused(f):
                chooser = "task" if f.metadata["applies"] in (_given, _by_words) else "cell"
                value = _show(_unused(f)) or "its default, nothing"
                problems[f.name] = f"{f.name} does not apply to {chooser} '{getattr(self, chooser)}': leave it at {value}"
        shortest = TASKS[self.task].min_length
        if self.length < shortest:
            problems["length"] = f"length must be at least {shortest} for task '{self.task}', got {self.length}"
        misfit = [fix.name for fix in self.fixes if not fix.applies_to(CELLS[self.cell].gates)]
        if misfit and "fixes" not in problems:
            problems["fixes"] = f"fix {misfit[0]!r} is not defined for cell '{self.cell}' (only for cells without gates)"
        return problems

    @property
    def bound_task(self) -> Task:
        """The task, on the data that this Experiment names; raises ExperimentError where they are not here or do not fit it."""
        try:
            return TASKS[self.task].bound(self.data, self.vocabulary)
        except KeyError:
            raise ExperimentError({"data": f"data {self.data} are not here (any more): give the file again"}) from None
        except ValueError as error:  # what is in it cannot be used for this task
            raise ExperimentError({"data": str(error)}) from None

    @property
    def every(self) -> int:
        """A record is taken every so many training steps."""
        gradients = len(CELLS[self.cell].parts) * (2 if self.several_losses else 1)
        fit = max(1, MAX_RECORD_BYTES // (4 * gradients * self.length * self.replicas))
        return math.ceil(self.steps / min(MAX_ROWS, fit))

    @property
    def eval_every(self) -> int:
        """Held-out accuracy is measured every so many training steps: a multiple of `every`, about twelve times a run.

        256 sequences forward cost as much as two or three training steps, so seldom enough to stay a small part of the time.
        """
        return self.every * max(1, math.ceil(max(40, self.steps / 12) / self.every))

    @property
    def recorded_steps(self) -> list[int]:
        """The training steps that leave a Record: the first (nothing trained yet), every `every`-th, and the last."""
        return [*range(0, self.steps, self.every), self.steps]

    @property
    def first_uncut(self) -> int:
        """The earliest step that a gradient from the last one reaches under truncation: 0 where nothing is cut."""
        signals = [fix for fix in self.fixes if isinstance(fix, SignalFix)]
        blocked = [t for t in range(self.length) if any(fix.blocks(t, self.length) for fix in signals)]
        return max(blocked, default=0)

    @property
    def several_losses(self) -> bool:
        """Whether more steps than the last one have a loss: then the gradient of the last loss is recorded beside that of all."""
        return TASKS[self.task].asked(self.length) > 1

    @property
    def loss(self) -> str:
        """Name in LOSSES. A reservoir's readout minimises the squared error whatever the task, so it is shown with that."""
        return "squared_error" if _reservoir(self) else TASKS[self.task].loss  # which data they are does not matter

    @property
    def guess_loss(self) -> float:
        """The loss of a guesser who knows the answers' frequencies but not the sequence."""
        task = self.bound_task
        return task.squared_guess_loss if _reservoir(self) else task.guess_loss

    @cached_property
    def key(self) -> str:
        """A short name for the run that this Experiment determines."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Every field that applies, as plain JSON values; fixes as a list of `name:strength`."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if applies(self, f.name)}
        return {k: [str(fix) for fix in v] if k == "fixes" else v for k, v in values.items()}

    def to_json(self) -> str:
        return json.dumps({"version": VERSION} | self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Experiment:
        """Strict: raises ExperimentError with every problem."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ExperimentError({"json": f"expected JSON, got something else: {error}"}) from None
        if not isinstance(values, dict):
            raise ExperimentError({"json": f"expected a JSON object of fields, got {type(values).__name__}"})
        version = values.pop("version", VERSION)
        if version != VERSION:
            raise ExperimentError({"version": f"expected version {VERSION}, got {shorten_repr(version)}"})
        strange = sorted(set(values) - set(FIELDS))
        problems = {name: _unknown(name) for name in strange[:MOST_UNKNOWN]}
        if len(strange) > MOST_UNKNOWN:
            problems["json"] = f"and {len(strange) - MOST_UNKNOWN:,} more unknown settings"
        try:
            e = cls(**{name: value for name, value in values.items() if name in FIELDS})
        except ExperimentError as error:
            problems |= error.problems
        if problems:
            raise ExperimentError(problems)
        return e

    def to_query(self) -> dict[str, str]:
        """For a URL: the version, and every field that applies as text; fixes joined by commas."""
        values = {k: ",".join(v) if k == "fixes" else _show(v) for k, v in self.to_dict().items()}
        return {"v": str(VERSION)} | values

    @classmethod
    def from_query(
        cls, query: Mapping[str, str], check: Callable[[Experiment], Mapping[str, str]] = lambda e: {}
    ) -> tuple[Experiment, list[str]]:
        """Lenient, for links: what is wrong is left at its default and named in the list of messages; nothing raises.

        `check` gives a server's objections to an otherwise valid Experiment (limits.Limits.check).
        """
        values = dict(query)
        messages = []
        if values.pop("v", str(VERSION)) != str(VERSION):
            version = shorten_repr(query["v"])
            messages.append(f"this link is of version {version}, expected {VERSION}: read as well as it goes")
        for name in [name for name in values if name not in FIELDS]:
            messages.append(_unknown(name))
            del values[name]
        parsed: dict[str, Any] = {}
        for name, text in values.items():
            try:
                parsed[name] = _lenient_fixes(text, messages) if name == "fixes" else parse(name, text)
            except ValueError as error:
                messages.append(str(error))
        while True:
            try:
                e = cls(**parsed)
                if objections := check(e):
                    raise ExperimentError(objections)
                return e, messages
            except ExperimentError as error:
                messages += error.problems.values()
                if not parsed:  # the server refuses even the defaults: then nothing better can be had
                    return cls(), messages
                # a field that was not given can be at fault too (a default length under a longer task): then all go
                blamed = [name for name in error.problems if name in parsed] or list(parsed)
                parsed = {k: v for k, v in parsed.items() if k not in blamed}


FIELDS = {f.name: f for f in dataclasses.fields(Experiment)}


def applies(e: Experiment, name: str) -> bool:
    """Whether a field has any effect, given the other choices."""
    rule = FIELDS[name].metadata["applies"]
    return rule is None or rule(e)


def parse(name: str, text: str) -> Any:
    """A field's value from text, as in a link or on the command line; raises ValueError with what is valid."""
    f = FIELDS[name]
    if name == "fixes":
        return _checked(f, tuple(part for part in text.split(",") if part.strip()))
    if "range" not in f.metadata:
        return _checked(f, text)
    try:
        return _checked(f, float(text))
    except ValueError:
        raise ValueError(f"{name} must be {_expected(f)}, got {shorten_repr(text)}") from None


def diff(a: Experiment, b: Experiment) -> dict[str, tuple[Any, Any]]:
    """field -> (value in a, value in b), where they differ and it matters to one of them: what was changed."""
    names = [n for n in FIELDS if applies(a, n) or applies(b, n)]
    return {n: (getattr(a, n), getattr(b, n)) for n in names if getattr(a, n) != getattr(b, n)}


def _checked(f: dataclasses.Field, value: Any) -> Any:
    if f.name == "fixes":
        return _checked_fixes(value)
    if "choices" in f.metadata:
        if value not in tuple(f.metadata["choices"]):  # a list can be looked for in a tuple, not in a dict
            raise ValueError(f"unknown {f.name} {shorten_repr(value)}: valid are {', '.join(f.metadata['choices'])}")
        return value
    if "pattern" in f.metadata:
        if not isinstance(value, str) or not re.fullmatch(f.metadata["pattern"], value):
            raise ValueError(f"{f.name} must be {f.metadata['expected']}, got {shorten_repr(value)}")
        return value
    low, high = f.metadata["range"]
    whole = isinstance(f.default, int)
    try:
        number = math.nan if isinstance(value, (bool, str)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high or (whole and number != int(number)):
        raise ValueError(f"{f.name} must be {_expected(f)}, got {shorten_repr(value)}")
    return int(number) if whole else number + 0.0  # no -0.0, which would be another name for 0


def _checked_fixes(value: Any) -> tuple[Fix, ...]:
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise ValueError(f"fixes must be a sequence of fixes, such as ['truncate:25', 'clip-norm:1'], got {shorten_repr(value)}")
    fixes = tuple(fix if isinstance(fix, Fix) else _fix(fix) for fix in value)
    names = [fix.name for fix in fixes]
    if len(set(names)) < len(names):
        raise ValueError(f"fixes: each may be given once, got {listing(names)}")
    return fixes


def _fix(text: Any) -> Fix:
    if not isinstance(text, str):
        raise ValueError(f"fixes: each must be a text such as 'clip-norm:1', got {shorten_repr(text)}")
    return parse_fix(text)


def _lenient_fixes(text: str, messages: list[str]) -> tuple[Fix, ...]:
    """The good ones among the fixes of a link; what is wrong with the others goes to the messages."""
    good: dict[str, Fix] = {}
    for part in filter(str.strip, text.split(",")):
        try:
            fix = parse_fix(part)
            if fix.name in good:
                raise ValueError(f"fix {fix.name!r} is given twice: only the first is used")
            good[fix.name] = fix
        except ValueError as error:
            messages.append(str(error))
    return tuple(good.values())


def _expected(f: dataclasses.Field) -> str:
    low, high = f.metadata["range"]
    return f"a {'whole ' if isinstance(f.default, int) else ''}number from {low:g} to {high:.10g}"


def _unused(f: dataclasses.Field) -> Any:
    return () if f.name == "fixes" else f.default


def _unknown(name: str) -> str:
    return f"unknown setting {shorten_repr(name)}: valid are {', '.join(FIELDS)}"


def _show(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)
