"""Writes docs/api.md, the public API, from the docstrings of what rnnkit's `__all__` names: `make api`."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import rnnkit
from rnnkit.fields import FieldSpec, NumberField, specs

TARGET = Path(__file__).with_name("api.md")
TITLE = """\
# The public API

`from rnnkit import ...` gives what stands on this page; everything else may move. `make api` writes the page from the docstrings.
"""
ORDER = (  # as one meets them
    "Experiment train run use_backend History Record frame gradient_frame lag_frame diff Sweep SweepResult PRESETS charts watch"
    " load LoadedWeights state_dict from_keras ExperimentError"
).split()


def text() -> str:
    assert sorted(ORDER) == sorted(rnnkit.__all__)
    return "\n".join([TITLE, *(_entry(name, getattr(rnnkit, name)) for name in ORDER)])


def _entry(name: str, thing: Any) -> str:
    if isinstance(thing, ModuleType):
        parts = [getattr(thing, inner) for inner in sorted(thing.__all__, key=lambda inner: inner != name)]  # itself first
        functions = [_function(f, "" if f.__name__ == name else f"{name}.", "###") for f in parts if inspect.isfunction(f)]
        classes = [_class(c) for c in parts if inspect.isclass(c)]
        return "\n".join([f"## {name}\n\n{inspect.getdoc(thing)}\n", *functions, *classes])
    if inspect.isclass(thing):
        return _class(thing)
    if inspect.isfunction(thing):
        return _function(thing, "", "##")
    rows = [f"| `{key}` | {preset.title} |" for key, preset in thing.items()]
    about = f"A dict: name -> {type(next(iter(thing.values()))).__name__}, with `title`, `text`, `experiment` and `claim`."
    return "\n".join([f"## {name}\n\n{about}\n", "| name | title |", "| --- | --- |", *rows, ""])


def _function(function: Any, owner: str, heading: str) -> str:
    node = _parsed(function)
    if owner[:1].isupper():  # a method's first argument is given by Python
        del node.args.args[0]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    name = owner + function.__name__
    code = f"```python\n{name}({ast.unparse(node.args)}){returns}\n```"
    return f"{heading} {name}\n\n{code}\n\n{inspect.getdoc(function)}\n"


def _class(thing: type) -> str:
    parts = [f"## {thing.__name__}\n\n{inspect.getdoc(thing)}\n"]
    if is_dataclass(thing):
        parts.append(_table(specs(thing)) if specs(thing) else _attributes(thing))
    for name, member in vars(thing).items():
        if name.startswith("_"):
            continue
        member = getattr(member, "__func__", member)  # of a class method
        if inspect.isfunction(member) and member.__doc__:
            parts.append(_function(member, f"{thing.__name__}.", "###"))
        elif (isinstance(member, property) or hasattr(member, "attrname")) and inspect.getdoc(member):
            parts.append(f"### {thing.__name__}.{name}\n\n{inspect.getdoc(member)}\n")
    return "\n".join(parts)


def _table(fields: Mapping[str, FieldSpec]) -> str:
    """The fields of an Experiment: default, what is valid, and what it means."""
    rows = ["| field | default | valid | |", "| --- | --- | --- | --- |"]
    for name, spec in fields.items():
        valid = "names of fixes, each with its parameters: `clip-norm:1`" if spec.several else spec.valid
        if isinstance(spec, NumberField):
            valid = f"{spec.low:g} to {spec.high:,.10g}"
        rows.append(f"| `{name}` | {spec.show(spec.default)} | {valid} | {spec.help} |")
    return "\n".join(rows) + "\n"


def _attributes(thing: type) -> str:
    """The fields of any other dataclass as they are written, with their comments."""
    lines = textwrap.dedent(inspect.getsource(thing)).splitlines()
    written = [lines[node.lineno - 1].strip() for node in _parsed(thing).body if isinstance(node, ast.AnnAssign)]
    return "```python\n" + "\n".join(written) + "\n```\n"


def _parsed(thing: Any) -> Any:
    return ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]


if __name__ == "__main__":
    TARGET.write_text(text(), "utf-8")
