"""Parts of rnnkit's own source that stand on their own: what a script needs is quoted, not written a second time.

Everything is read from the files' syntax trees: a name leads to the statement that binds it, and that to the names it needs.
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

Name = tuple[str, str]  # a module and what it calls something


@dataclass
class Excerpt:
    """Statements that import from elsewhere, and source that needs nothing but them."""

    imports: set[str] = field(default_factory=set)
    code: str = ""


@dataclass(frozen=True)
class _Module:
    lines: list[str]
    bound: dict[str, ast.stmt]  # its own functions, classes and constants
    imported: dict[str, Name]

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
    """The source of these, and of all that they need in rnnkit's modules; imported modules first, each in its own order."""
    out, waiting = Excerpt(), list(wanted)
    nodes: dict[str, set[ast.stmt]] = {}
    above: dict[str, set[str]] = {}  # module -> the modules it imports from
    while waiting:
        module, name = waiting.pop()
        known = _read(module)
        if name in known.imported:
            origin, original = known.imported[name]
            if origin.startswith("rnnkit"):
                above.setdefault(module, set()).add(origin)
                waiting.append((origin, original))
            else:
                out.imports.add(_statement(origin, original, name))
        elif name in known.bound and known.bound[name] not in nodes.setdefault(module, set()):
            nodes[module].add(known.bound[name])
            waiting += [(module, n) for n in _names(known.bound[name])]
    order = [m for m in TopologicalSorter({m: above.get(m, set()) for m in nodes}).static_order() if m in nodes]
    found = [(_read(m), node) for m in order for node in sorted(nodes[m], key=lambda node: node.lineno)]
    constants = False
    for home, node in found:
        constant = isinstance(node, ast.Assign | ast.AnnAssign)
        out.code += ("\n" if constant and constants else "\n\n\n" if out.code else "") + home.text(node)
        constants = constant
    return out


def _statement(origin: str, original: str, name: str) -> str:
    alias = "" if name in (origin, original) else f" as {name}"
    return f"from {origin} import {original}{alias}" if original else f"import {origin}{alias}"


def of_function(function: Any) -> Excerpt:
    return excerpt([(function.__module__, function.__name__)])


def of_object(thing: Any, name: str, about: str, methods: Iterable[str]) -> Excerpt:
    """A class without bases, `name`, with these methods of `thing`, all that they use of it, and its values for them."""
    values, functions, wanted, waiting = [], {}, set(), list(methods)[::-1]
    while waiting:
        attribute = waiting.pop()
        owner = next((c for c in type(thing).__mro__ if attribute in vars(c)), None)
        what = getattr(owner, attribute, None)
        if not callable(what):
            value = getattr(thing, attribute)
            values.append(f"    {attribute} = {json.dumps(value) if isinstance(value, str) else repr(value)}\n")
        elif attribute not in functions:
            functions[attribute] = inspect.getsource(what)
            tree = ast.parse(dedent(functions[attribute]))
            wanted |= {(what.__module__, n) for n in _names(tree)}
            waiting += sorted(_of_self(tree) - {attribute}, reverse=True)
    out = excerpt(wanted)
    lines = "".join(sorted(set(values)))
    doc = indent(f'"""{about}"""\n\n', "    ")
    out.code += f"\n\n\nclass {name}:\n{doc}{lines}" + "\n" * bool(lines) + "\n".join(functions.values()).rstrip()
    return out


def _of_self(tree: ast.AST) -> set[str]:
    return {
        n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self"
    }
