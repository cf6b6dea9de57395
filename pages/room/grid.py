"""A grid of Experiments that a lecturer deals out to a class: one Experiment, two of its fields, and values for each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from rnnkit.engine.cells import CELLS
from rnnkit.experiment import FIELDS, Experiment, ExperimentError, applies
from rnnkit.fields import ChoiceField, NumberField
from rnnkit.serving.limits import Limits
from rnnkit.serving.room import MAX_DEALT

MAX_VALUES = 20  # of one field
NAMES = tuple(name for name, spec in FIELDS.items() if isinstance(spec, (ChoiceField, NumberField)) and name != "task")


def parse(name: str, text: str) -> list[Any]:
    """Returns the values in a text that commas separate. Raises ValueError for one that the field does not have."""
    values = [FIELDS[name].parse(part) for part in (part.strip() for part in text[:1000].split(",")) if part]
    return list(dict.fromkeys(values))[:MAX_VALUES]


def experiments(
    e: Experiment, first: tuple[str, Sequence[Any]], second: tuple[str, Sequence[Any]], limits: Limits
) -> tuple[list[Experiment], list[str]]:
    """Returns e with each pair of values of two fields, at most MAX_DEALT, and messages about pairs that cannot be trained here.

    Where a value changes which fields apply, the others get their defaults, and remedies that a cell has not are left out.
    """
    found: dict[Experiment, None] = {}
    refused: dict[str, None] = {}
    for pair in product(first[1], second[1]):
        try:
            made = _with(e, dict(zip((first[0], second[0]), pair, strict=True)))
            problems = limits.check(made)
        except ExperimentError as error:
            problems = error.problems
        if problems:
            refused |= dict.fromkeys(problems.values())
        else:
            found[made] = None
    messages = [f"left out: {text}" for text in refused]
    if len(found) > MAX_DEALT:
        messages.append(f"{len(found)} experiments, at most {MAX_DEALT} are dealt: the others are left out")
    return list(found)[:MAX_DEALT], messages


def _with(e: Experiment, values: dict[str, Any]) -> Experiment:
    cell = values.get("cell", e.cell)
    kind = Experiment(cell=cell, task=e.task)
    held = {name: getattr(e, name) for name, f in FIELDS.items() if f.fits(kind) and applies(e, name)}
    if "fixes" in held:
        held["fixes"] = tuple(fix for fix in e.fixes if type(fix).applies_to(CELLS[cell]))
    return Experiment(**held | {"task": e.task, "cell": cell} | values)
