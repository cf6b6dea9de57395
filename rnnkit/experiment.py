"""Experiment: everything that determines a run, and nothing else.

Frozen, hashable, checked when it is made; the same Experiment gives the same Records. It travels as JSON, as a URL's query
string and as command-line options, all with the field names below. What does not apply to a choice (gate biases of a tanh
cell, the learning rate of an echo state network) must keep its default, so that one run has one name.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import ClipNorm, Fix, SignalFix
from rnnkit.engine.fixes.field import FixesField
from rnnkit.engine.inits import BIASES, INITS
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.engine.schedules import SCHEDULES
from rnnkit.errors import shorten_repr
from rnnkit.fields import ChoiceField, Chooser, DigestField, FloatField, IntField, setting, specs
from rnnkit.tasks import TASKS, Task
from rnnkit.tasks.data import STORE
from rnnkit.tasks.weights import Weights

VERSION = 1  # of links and JSON. They hold every field that applies, so a changed default does not change an old link.
MAX_ROWS = 300  # of a run, besides the first record: no heatmap can show more
MIN_EVAL_EVERY = 12  # training steps between two evaluations
MAX_RECORD_BYTES = 32 * 2**20  # of state gradients a run
MAX_UNKNOWN_NAMED = 5  # settings that are named in an error


class ExperimentError(ValueError):
    """An invalid Experiment. `problems` maps every wrong field to what was expected, what was given, and what is valid."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = dict(problems)


GIVEN = ("data", "weights")  # fields that name what a user brought
TASK, CELL = Chooser("task", TASKS), Chooser("cell", CELLS)


@dataclass(frozen=True)
class Experiment:
    """One training run of `replicas` networks side by side; network r has the seed `seed + r`.

    The defaults are the network that forgets: a tanh cell on agreement over 100 words.
    """

    task: str = setting(ChoiceField, "agreement", "Task", "What the network has to learn.", choices=TASKS)
    length: int = setting(
        IntField, 100, "Sequence length T", "How many words or symbols the network reads before it must answer.",
        low=3, high=10_000, step=10,
    )  # fmt: skip
    cell: str = setting(ChoiceField, "tanh", "Cell", "The recurrent unit.", choices=CELLS)
    hidden: int = setting(IntField, 32, "Hidden units H", "How many hidden units the state has.", low=1, high=2048, step=8)
    init: str = setting(
        ChoiceField, "gaussian", "Initialization", "How the recurrent weights are drawn.", choices=INITS, chooser=CELL,
        unless="weights",
    )  # fmt: skip
    gain: float = setting(
        FloatField, 1.0, "Gain", "Factor on the recurrent weights; the spectral radius where an initialization sets one.",
        low=0.0, high=100.0, step=0.1, chooser=CELL, unless="weights",
    )  # fmt: skip
    input_scale: float = setting(
        FloatField, 0.3, "Input scale", "Standard deviation of the input weights.", low=0.0, high=100.0, step=0.01
    )
    bias: str = setting(
        ChoiceField, "zero", "Gate bias", "Initial bias of the gate that keeps the memory.", choices=BIASES, chooser=CELL,
        unless="weights",
    )  # fmt: skip
    fixes: tuple[Fix, ...] = setting(FixesField, (ClipNorm(1.0),), "Remedies", "Remedies, applied in this order.", chooser=CELL)
    optimizer: str = setting(
        ChoiceField, "adam", "Optimizer", "The rule that turns the gradient into a step.", choices=OPTIMIZERS, chooser=CELL
    )
    lr: float = setting(
        FloatField, 0.003, "Learning rate", "Learning rate: the length of a step.", low=0.0, high=1000.0, chooser=CELL
    )
    schedule: str = setting(
        ChoiceField, "constant", "Learning rate schedule", "How the learning rate changes over the training steps of the run.",
        choices=SCHEDULES, optional=True, chooser=CELL,
    )  # fmt: skip
    warmup: int = setting(
        IntField, 0, "Warm-up steps", "Training steps in which the learning rate rises to its value. The schedule follows.",
        low=0, high=1_000_000, step=10, optional=True, chooser=CELL,
    )  # fmt: skip
    batch: int = setting(IntField, 32, "Batch size B", "Sequences a training step looks at.", low=1, high=4096, step=8)
    steps: int = setting(IntField, 200, "Training steps", "How many training steps are taken.", low=1, high=1_000_000, step=50)
    replicas: int = setting(
        IntField, 8, "Networks side by side R", "How many networks with different seeds train side by side.", low=1, high=4096
    )
    seed: int = setting(IntField, 0, "Seed", "The first network's seed; the next ones count up.", low=0, high=2**31 - 1)
    leak: float = setting(
        FloatField, 1.0, "Leak", "Share of the reservoir's state that is renewed at each step.",
        low=0.001, high=1.0, step=0.05, chooser=CELL,
    )  # fmt: skip
    density: float = setting(
        FloatField, 0.1, "Connections", "Share of the reservoir's connections that exist.",
        low=0.001, high=1.0, step=0.05, chooser=CELL,
    )  # fmt: skip
    ridge: float = setting(
        FloatField, 1e-9, "Ridge penalty", "Strength of the ridge penalty on the readout.", low=1e-15, high=1e3, chooser=CELL
    )
    data: str = setting(
        DigestField, "", "Data",
        "The sentences, the text or the numbers to learn from, by the name that reading a file gives them; nothing: the example.",
        noun="sentences, a text or numbers", nothing="the example", chooser=TASK,
    )  # fmt: skip
    vocabulary: int = setting(
        IntField, 2000, "Vocabulary", "So many of the most frequent words are told apart; of the others only the shape.",
        low=1, high=50_000, chooser=TASK,
    )  # fmt: skip
    weights: str = setting(
        DigestField, "", "Weights",
        "The network's first weights, by the name that reading a file gives them; nothing: they are drawn.",
        noun="weights", nothing="drawn ones", optional=True, chooser=CELL,
    )  # fmt: skip
    r_min: float = setting(
        FloatField, 0.0, "Ring, inner radius", "Smallest modulus of the eigenvalues that are drawn.",
        low=0.0, high=0.9999, step=0.01, chooser=CELL,
    )  # fmt: skip
    r_max: float = setting(
        FloatField, 1.0, "Ring, outer radius", "Largest modulus of the eigenvalues that are drawn.",
        low=0.0, high=1.0, step=0.01, chooser=CELL,
    )  # fmt: skip

    def __post_init__(self) -> None:
        problems: dict[str, str] = {}
        for name, spec in FIELDS.items():
            try:
                object.__setattr__(self, name, spec.check(getattr(self, name)))
            except ValueError as error:
                problems[name] = str(error)
        if not problems:
            for name, spec in FIELDS.items():
                if getattr(self, name) == spec.default and not spec.applies(self):
                    object.__setattr__(self, name, spec.unused)
            problems = self._conflicts()
        if problems:
            raise ExperimentError(problems)

    def _conflicts(self) -> dict[str, str]:
        problems = {name: problem for name, spec in FIELDS.items() if (problem := spec.conflict(self))}
        shortest = TASKS[self.task].min_length
        if self.length < shortest:
            problems["length"] = f"length must be at least {shortest} for task '{self.task}', got {self.length}"
        if self.r_min > self.r_max:
            problems["r_min"] = f"r_min must be at most r_max {self.r_max:g}, got {self.r_min:g}"
        if not problems and self.weights in STORE:
            problems = self._misfit()
        return problems

    def _misfit(self) -> dict[str, str]:
        """What is wrong with the stored weights."""
        given = STORE.get(self.weights)
        if not isinstance(given, Weights):
            return {"weights": f"weights {self.weights} are those of no network: this names {given.name}"}
        misfit = given.misfit(self.cell, self.hidden)
        return {"weights": f"weights {self.weights} {misfit}"} if misfit else {}

    @property
    def given(self) -> tuple[str, ...]:
        """Returns the digests in the fields GIVEN that are set."""
        return tuple(digest for name in GIVEN if (digest := getattr(self, name)))

    @property
    def bound_weights(self) -> Weights | None:
        """Returns the weights of the field `weights`, None where they are drawn. Raises ExperimentError as `bound_task` does."""
        if not self.weights:
            return None
        if self.weights not in STORE:
            raise ExperimentError({"weights": f"weights {self.weights} are not here (any more): give the file again"})
        if problems := self._misfit():  # stored since this Experiment was made
            raise ExperimentError(problems)
        given = STORE.get(self.weights)
        assert isinstance(given, Weights)
        return given

    @property
    def bound_task(self) -> Task:
        """Returns the task on the data of the field `data`. Raises ExperimentError where they are not stored or do not fit it."""
        try:
            task = TASKS[self.task].with_data(self.data, self.vocabulary)
        except KeyError:
            raise ExperimentError({"data": f"data {self.data} are not here (any more): give the file again"}) from None
        except ValueError as error:  # what is in it cannot be used for this task
            raise ExperimentError({"data": str(error)}) from None
        if self.length > task.max_length:
            longest = f"length may be at most {task.max_length} for the task '{task.title}' on these data"
            raise ExperimentError({"length": f"{longest}, got {self.length}"})
        return task

    @property
    def every(self) -> int:
        """Returns the number of training steps between two Records."""
        gradients = len(CELLS[self.cell].parts) * (2 if self.several_losses else 1)
        fit = max(1, MAX_RECORD_BYTES // (4 * gradients * self.length * self.replicas))
        return math.ceil(self.steps / min(MAX_ROWS, fit))

    @property
    def eval_every(self) -> int:
        """Returns the number of training steps between two evaluations: a multiple of `every`, about twelve times a run.

        An evaluation of 256 sequences costs as much as two or three training steps. Fewer than MIN_EVAL_EVERY never lie between.
        """
        return self.every * max(1, math.ceil(max(MIN_EVAL_EVERY, self.steps / 12) / self.every))

    @property
    def recorded_steps(self) -> list[int]:
        """Returns the training steps that have a Record: 0 (the initial weights), each multiple of `every`, and the last."""
        return [*range(0, self.steps, self.every), self.steps]

    @property
    def first_uncut(self) -> int:
        """Returns the earliest time step that the gradient of the last one reaches under truncation: 0 where nothing is cut."""
        signals = [fix for fix in self.fixes if isinstance(fix, SignalFix)]
        blocked = [t for t in range(self.length) if any(fix.blocks(t, self.length) for fix in signals)]
        return max(blocked, default=0)

    @property
    def remarks(self) -> list[str]:
        """Returns sentences on settings that change nothing in this run."""
        reasons = {str(fix): fix.without_effect(CELLS[self.cell], self.steps) for fix in self.fixes}
        found = [f"{fix} changes nothing: {why}." for fix, why in reasons.items() if why]
        if self.warmup > self.steps:
            found.append(f"The warm-up of {self.warmup} updates does not end: the run has {self.steps}.")
        return found

    @property
    def several_losses(self) -> bool:
        """Returns whether more time steps than the last have a loss. Then the gradients of the last and of all are recorded."""
        return TASKS[self.task].n_targets(self.length) > 1

    @property
    def loss(self) -> str:
        """Returns the loss's name in LOSSES: the task's, or "squared_error", which a reservoir's readout minimises."""
        return "squared_error" if CELLS[self.cell].reservoir else TASKS[self.task].loss  # which data they are does not matter

    @property
    def guess_loss(self) -> float:
        """Returns the loss of the best prediction at each step from the answers' frequencies there, without the sequence."""
        task = self.bound_task
        loss = task.squared_guess_loss if CELLS[self.cell].reservoir else task.guess_loss
        return task.guessed_share(self.length) * loss

    @property
    def of_any_length(self) -> Experiment:
        """Returns the Experiment with one training step: its name wherever the number of steps that follow does not matter.

        It is the Experiment itself where that number matters to every step: under a schedule that ends with the run.
        """
        return self if SCHEDULES[self.schedule].ends else replace(self, steps=1)

    @cached_property
    def key(self) -> str:
        """Returns a name of the run: the first 16 hexadecimal digits of the SHA-256 of `to_json`."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Returns every field that applies as plain JSON values; fixes as a list of texts such as `clip-norm:1.0`."""
        return {name: spec.to_json(getattr(self, name)) for name, spec in FIELDS.items() if spec.applies(self)}

    def to_json(self) -> str:
        """Returns a JSON object: the version and the fields of `to_dict`."""
        return json.dumps({"version": VERSION} | self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Experiment:
        """Returns the Experiment of what `to_json` gives. Raises ExperimentError with every problem."""
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
        problems = {name: _unknown(name) for name in strange[:MAX_UNKNOWN_NAMED]}
        if len(strange) > MAX_UNKNOWN_NAMED:
            problems["json"] = f"and {len(strange) - MAX_UNKNOWN_NAMED:,} more unknown settings"
        try:
            e = cls(**{name: value for name, value in values.items() if name in FIELDS})
        except ExperimentError as error:
            problems |= error.problems
        if problems:
            raise ExperimentError(problems)
        return e

    def to_query(self) -> dict[str, str]:
        """Returns the parameters of a URL: the version, and every field that applies as text; fixes joined by commas."""
        values = {name: spec.show(getattr(self, name)) for name, spec in FIELDS.items() if spec.applies(self)}
        return {"v": str(VERSION)} | values

    @classmethod
    def from_query(
        cls, query: Mapping[str, str], check: Callable[[Experiment], Mapping[str, str]] = lambda e: {}
    ) -> tuple[Experiment, list[str]]:
        """Returns the Experiment of a link and messages. A wrong value leaves its field at the default and adds a message.

        Never raises. `check` returns a server's objections to a valid Experiment as field -> message (limits.Limits.check).
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
            value, wrong = FIELDS[name].parse_lenient(text)
            messages += wrong
            if value != FIELDS[name].default:
                parsed[name] = value
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


FIELDS = specs(Experiment)


def applies(e: Experiment, name: str) -> bool:
    """Returns whether a field has an effect, given the other choices."""
    return FIELDS[name].applies(e)


def changed(base: Experiment, changes: Mapping[str, Any]) -> Experiment:
    """Returns `base` with these fields changed. A field of `base` that does not fit the changes takes its default.

    Raises ExperimentError with every problem of the changes: an unknown field, a value that is not valid or fits no other field.
    """
    if unknown := {name: _unknown(name) for name in changes if name not in FIELDS}:
        raise ExperimentError(unknown)
    values = {**_values(base), **changes}
    try:
        return Experiment(**values)
    except ExperimentError:
        return _fitted(values, set(changes))


@lru_cache(maxsize=8)
def _values(base: Experiment) -> dict[str, Any]:
    return base.to_dict()


def _fitted(values: dict[str, Any], given: set[str]) -> Experiment:
    kind = Experiment(task=values["task"], cell=values["cell"])
    values = {name: value for name, value in values.items() if FIELDS[name].fits(kind) or name in given}
    try:
        return Experiment(**values)
    except ExperimentError as error:
        misfits = error.problems.keys() & values.keys() - given
        misfits |= {name for field in error.problems if (name := FIELDS[field].unless) and values.get(name)} - given
        if not misfits:
            raise
        return _fitted({name: value for name, value in values.items() if name not in misfits}, given)


def diff(a: Experiment, b: Experiment) -> dict[str, tuple[Any, Any]]:
    """Returns field -> (value in a, value in b) for the fields that differ and apply to a or b."""
    names = [n for n in FIELDS if applies(a, n) or applies(b, n)]
    return {n: (getattr(a, n), getattr(b, n)) for n in names if getattr(a, n) != getattr(b, n)}


def _unknown(name: str) -> str:
    return f"unknown setting {shorten_repr(name)}: valid are {', '.join(FIELDS)}"
