"""Extracts self-contained parts of rnnkit's own source, which an exported script quotes.

Reads the files' syntax trees: a name leads to the statement that binds it, and that to the names it uses.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from graphlib import TopologicalSorter
from importlib import import_module
from textwrap import dedent, indent
from typing import Any

Name = tuple[str, str]  # (module, name in it)


@dataclass
class Excerpt:
    """Import statements, and source code that needs only these."""

    imports: set[str] = field(default_factory=set)
    code: str = ""


@dataclass(frozen=True)
class _Module:
    lines: list[str]
    bound: dict[str, ast.stmt]  # functions, classes and constants that it defines
    imported: dict[str, Name]  # name here -> its origin

    def text(self, node: ast.stmt) -> str:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        return "\n".join(self.lines[first - 1 : node.end_lineno])


@lru_cache
def _read(module: str) -> _Module:
    source = inspect.getsource(import_module(module))
    bound: dict[str, ast.stmt] = {}
    imported: dict[str, Name] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            imported |= {a.asname or a.name: (str(node.module), a.name) for a in node.names}
        elif isinstance(node, ast.Import):
            imported |= {a.asname or a.name: (a.name, "") for a in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound |= dict.fromkeys((n for target in targets for n in _names(target)), node)
    return _Module(source.splitlines(), bound, imported)


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def excerpt(wanted: Iterable[Name]) -> Excerpt:
    """Returns the source of these names and of all that they need from rnnkit; imported modules first, each in its own order."""
    out, pending = Excerpt(), list(wanted)
    nodes: dict[str, set[ast.stmt]] = {}
    dependencies: dict[str, set[str]] = {}  # module -> the modules it imports from
    while pending:
        module, name = pending.pop()
        source_module = _read(module)
        if name in source_module.imported:
            origin, original = source_module.imported[name]
            if origin.startswith("rnnkit"):
                dependencies.setdefault(module, set()).add(origin)
                pending.append((origin, original))
            else:
                out.imports.add(_statement(origin, original, name))
        elif name in source_module.bound and source_module.bound[name] not in nodes.setdefault(module, set()):
            nodes[module].add(source_module.bound[name])
            pending += [(module, n) for n in _names(source_module.bound[name])]
    order = [m for m in TopologicalSorter({m: dependencies.get(m, set()) for m in nodes}).static_order() if m in nodes]
    statements = [(_read(m), node) for m in order for node in sorted(nodes[m], key=lambda node: node.lineno)]
    constants = False
    for owner, node in statements:
        constant = isinstance(node, ast.Assign | ast.AnnAssign)
        out.code += ("\n" if constant and constants else "\n\n\n" if out.code else "") + owner.text(node)
        constants = constant
    return out


def _statement(origin: str, original: str, name: str) -> str:
    alias = "" if name in (origin, original) else f" as {name}"
    return f"from {origin} import {original}{alias}" if original else f"import {origin}{alias}"


def of_function(function: Any) -> Excerpt:
    """Returns the Excerpt of a function of a module."""
    return excerpt([(function.__module__, function.__name__)])


def of_object(thing: Any, name: str, about: str, methods: Iterable[str]) -> Excerpt:
    """Returns a class `name` without bases: these methods of `thing`, the methods they use, and the values they read."""
    values, functions, wanted, pending = [], {}, set(), list(methods)[::-1]
    while pending:
        attribute = pending.pop()
        owner = next((c for c in type(thing).__mro__ if attribute in vars(c)), None)
        what = getattr(owner, attribute, None)
        if not callable(what):
            value = getattr(thing, attribute)
            values.append(f"    {attribute} = {json.dumps(value) if isinstance(value, str) else repr(value)}\n")
        elif attribute not in functions:
            functions[attribute] = inspect.getsource(what)
            tree = ast.parse(dedent(functions[attribute]))
            wanted |= {(what.__module__, n) for n in _names(tree)}
            pending += sorted(_of_self(tree) - {attribute}, reverse=True)
    out = excerpt(wanted)
    lines = "".join(sorted(set(values)))
    doc = indent(f'"""{about}"""\n\n', "    ")
    out.code += f"\n\n\nclass {name}:\n{doc}{lines}" + "\n" * bool(lines) + "\n".join(functions.values()).rstrip()
    return out


def _of_self(tree: ast.AST) -> set[str]:
    return {
        n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self"
    }
