"""Sweep: a grid of Experiments, by axes and variants; runs them and hands out their rows as they come."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from rnnkit.errors import shorten_repr
from rnnkit.experiment import FIELDS, Experiment, ExperimentError, changed
from rnnkit.sweep.combination import Combination, Ended, Refused, estimated_seconds
from rnnkit.sweep.executors import Executor, default_executor
from rnnkit.sweep.files import read_toml
from rnnkit.sweep.progress import progress_of
from rnnkit.sweep.result import SweepResult
from rnnkit.sweep.row import rows_of
from rnnkit.sweep.store import Store

UNTIL = ("solved", "end")
MAX_COMBINATIONS = 100_000
BASE = "base"  # name of the variant without changes, where no variants are given


@dataclass(frozen=True)
class Sweep:
    """A grid of Experiments: each combination of the axes' values, for each variant.

    `combinations` has the valid ones. `refused` names the others, each with the reason; they are not run. Raises
    ExperimentError for an unknown field, an axis without values, a field that is both an axis and set by a variant, and where no
    combination is valid. A field of `base` that does not fit a variant takes its default. A one-dimensional array of an axis
    becomes the list of its numbers.
    """

    base: Experiment = field(default_factory=Experiment)
    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # field -> values
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name -> field -> value; none: base alone
    replicas: int | None = None  # networks of each combination; None: those of `base`
    until: str = "solved"  # "solved": a run ends once each network has passed two tests in a row, or diverged; "end": all steps
    combinations: tuple[Combination, ...] = field(init=False, repr=False, compare=False)
    refused: tuple[Refused, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        given = {} if self.replicas is None else {"replicas": self.replicas}
        variants = self.variants or {BASE: {}}
        if problems := self._wrong_types(variants):
            raise ExperimentError(problems)
        object.__setattr__(self, "axes", {name: _listed(values) for name, values in self.axes.items()})
        if problems := self._problems(variants):
            raise ExperimentError(problems)
        combinations, refused = [], []
        for name, changes in variants.items():
            for values in itertools.product(*(_distinct(*axis) for axis in self.axes.items())):
                axes = dict(zip(self.axes, values, strict=True))
                try:
                    combinations.append(Combination(name, axes, _combined(self.base, {**given, **changes}, axes)))
                except ExperimentError as error:
                    refused.append(Refused(name, axes, str(error)))
        if not combinations:
            raise ExperimentError({"axes": f"no combination is valid: {refused[0]}"})
        object.__setattr__(self, "combinations", tuple(combinations))
        object.__setattr__(self, "refused", tuple(refused))

    @classmethod
    def from_toml(cls, text: str) -> Sweep:
        """Returns the Sweep of a TOML file's text: tables [base], [axes], [variants."NAME"], and replicas and until.

        [base] may name a `preset` beside fields of an Experiment. Raises ExperimentError with the line of broken TOML, or with
        every problem.
        """
        return cls(**read_toml(text))

    def _wrong_types(self, variants: Any) -> dict[str, str]:
        expected: dict[str, tuple[type, str, Any]] = {
            "base": (Experiment, "an Experiment", self.base),
            "axes": (Mapping, "a dict of fields and their values, as {'length': [10, 20]}", self.axes),
            "variants": (Mapping, "a dict of names and changes, as {'LSTM': {'cell': 'lstm'}}", variants),
        }
        return {
            name: f"{name} must be {what}, got {shorten_repr(value)}"
            for name, (kind, what, value) in expected.items()
            if not isinstance(value, kind)
        }

    def _problems(self, variants: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        valid = ", ".join(FIELDS)
        if wrong := [name for name, changes in variants.items() if not isinstance(changes, Mapping)]:
            got = shorten_repr(variants[wrong[0]])
            return {"variants": f"variant {wrong[0]!r}: expected fields and their values, got {got}"}
        problems = {
            f"{where}.{name}": f"{where}: unknown field {shorten_repr(name)}, valid are {valid}"
            for where, names in {"axes": self.axes, **{f"variant {v!r}": changes for v, changes in variants.items()}}.items()
            for name in names
            if name not in FIELDS
        }
        for name, values in self.axes.items():
            if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
                problems[f"axes.{name}"] = f"axis {name}: expected a list of values, got {shorten_repr(values)}"
            elif setters := [v for v, changes in variants.items() if name in changes]:
                problems[f"axes.{name}"] = f"{name} is an axis, and variant {setters[0]!r} sets it, too: leave one of them out"
        if self.until not in UNTIL:
            problems["until"] = f"until must be one of {', '.join(UNTIL)}, got {shorten_repr(self.until)}"
        if not problems and (n := len(variants) * math.prod(map(len, self.axes.values()))) > MAX_COMBINATIONS:
            problems["axes"] = f"a sweep has at most {MAX_COMBINATIONS:,} combinations, got {n:,}"
        return problems

    @property
    def runs(self) -> list[Experiment]:
        """Returns the different Experiments, those that take longest first."""
        return sorted(dict.fromkeys(c.experiment for c in self.combinations), key=estimated_seconds, reverse=True)

    def stream(self, store: Store | None = None, executor: Executor | None = None) -> Iterator[Ended | str | None]:
        """Yields each run as it ends, first those that are in the store; see `run`.

        Yields a text for what the user should know, and None at least twice a second while nothing ends, so that the caller can
        stop. What has ended is stored before it is yielded.
        """
        with Store() if store is None else nullcontext(store) as store:
            yield from self._stream(store, executor)

    def _stream(self, store: Store, executor: Executor | None) -> Iterator[Ended | str | None]:
        yield from (f"not run: {refused}" for refused in self.refused)
        runs = self.runs
        found = store.get_many([(e, self.until) for e in runs])
        yield from (Ended(e, rows, stored=True) for e, rows in zip(runs, found, strict=True) if rows is not None)
        missing = [e for e, rows in zip(runs, found, strict=True) if rows is None]
        told = 0
        for event in self._train(missing, store, executor) if missing else ():
            yield event
            yield from store.warnings[told:]
            told = len(store.warnings)

    def _train(self, missing: list[Experiment], store: Store, executor: Executor | None) -> Iterator[Ended | str | None]:
        with executor or default_executor() as executor:
            for event in executor.outcomes([(e, self.until) for e in missing]):
                if not isinstance(event, tuple):
                    yield event
                elif isinstance(event[1], str):
                    name = next(str(c) for c in self.combinations if c.experiment == missing[event[0]])
                    yield f"failed: {name}: {event[1]}"
                    yield Ended(missing[event[0]], [], failure=event[1])
                else:
                    e, rows = missing[event[0]], rows_of(missing[event[0]], event[1])
                    store.put(e, rows, self.until)
                    yield Ended(e, rows)

    def run(self, store: Store | None = None, executor: Executor | None = None, progress: bool = True) -> SweepResult:
        """Trains what the store does not have, and returns all rows.

        store: by default the user's own (`RNNKIT_STORE`). executor: by default the cluster of `RNNKIT_SCHEDULER`, else
        processes of this machine, as many as cores. progress: a bar in a notebook or on a terminal. Ctrl-C returns what is done;
        the same call goes on from there.
        """
        result, bar = SweepResult(self.combinations), progress_of(self.runs, quiet=not progress)
        try:
            for event in self.stream(store, executor):
                if isinstance(event, Ended):
                    result.add(event)
                bar.add(event)
        except KeyboardInterrupt:
            bar.note(f"stopped: {result.counts}. The same call goes on from there")
        finally:
            bar.close()
        return result


def _listed(values: Any) -> Any:
    """The list of a one-dimensional array's numbers; anything else as it is."""
    return values.tolist() if getattr(values, "ndim", 0) == 1 else values


def _distinct(name: str, values: Sequence[Any]) -> list[Any]:
    """The different values of an axis, in the form in which equal ones are equal; those that are not valid as they are."""
    found: dict[Any, Any] = {}
    for value in values:
        try:
            checked = FIELDS[name].check(value)
            found.setdefault(checked, checked)
        except ValueError:
            found.setdefault(repr(value), value)
    return list(found.values())


def _combined(base: Experiment, changes: Mapping[str, Any], axes: Mapping[str, Any]) -> Experiment:
    e = changed(base, {**changes, **axes})
    if unused := [name for name in axes if not FIELDS[name].fits(e)]:  # also where the value is the default
        raise ExperimentError({name: f"{name} {FIELDS[name].why_unused(e)}" for name in unused})
    if e.given:
        e.bound_task, e.bound_weights  # noqa: B018  # raise where the data are not here
    return e
