"""Reads a sweep's TOML file."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from rnnkit.errors import shorten_repr
from rnnkit.experiment import Experiment, ExperimentError, changed
from rnnkit.stories.presets import PRESETS

KEYS = ("base", "axes", "variants", "replicas", "until")
TABLES = KEYS[:3]


def read_toml(text: str) -> dict[str, Any]:
    """Returns the arguments of Sweep that a TOML file gives.

        until = "solved"
        replicas = 8
        [base]
        preset = "forgets"  # or the fields of an Experiment, or both
        [axes]
        length = [10, 20, 50]
        [variants."LSTM, chrono"]
        cell = "lstm"
        bias = "chrono"

    Raises ExperimentError with the line of broken TOML, or with every wrong key.
    """
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ExperimentError({"toml": f"expected TOML, got something else: {_place(str(error))}"}) from None
    problems = {key: f"unknown key {shorten_repr(key)}: valid are {', '.join(KEYS)}" for key in values if key not in KEYS}
    tables = {key: values.get(key, {}) for key in TABLES}
    tables |= (
        {f"variants.{name}": changes for name, changes in dict(tables["variants"]).items()}
        if _is_table(tables["variants"])
        else {}
    )
    problems |= {key: f"[{key}] must be a table, got {shorten_repr(v)}" for key, v in tables.items() if not _is_table(v)}
    if problems:
        raise ExperimentError(problems)
    return {**values, "base": _base(tables["base"])}


def _place(error: str) -> str:
    """A parser's message that begins with the line: `line 3, column 5: Invalid value`."""
    found = re.fullmatch(r"(.*) \(at (line \d+, column \d+|end of document)\)", error, re.DOTALL)
    return f"{found[2]}: {found[1]}" if found else error


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _base(fields: dict[str, Any]) -> Experiment:
    name = fields.pop("preset", None)
    if name is not None and name not in tuple(PRESETS):
        raise ExperimentError({"preset": f"unknown preset {shorten_repr(name)}: valid are {', '.join(PRESETS)}"})
    return changed(PRESETS[name].experiment if name else Experiment(), fields)
