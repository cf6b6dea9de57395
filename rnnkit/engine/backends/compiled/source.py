"""Turns a cell's equations, which are text, into C++: one function for its step forward and one for its step back.

The same text stands on the page Steps and is evaluated by analysis/ledger.py, so a new cell needs nothing more to be compiled.
Every value becomes a vector of several units, at::vec::Vectorized, whose functions are those of torch's own kernels.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from rnnkit.engine.cells import Cell

FUNCTIONS = (  # loops.cpp has them
    "abs", "cos", "exp", "log", "logsigmoid", "max", "nonzero", "sigmoid", "sign", "sin", "sqrt", "step", "tanh",
)  # fmt: skip
OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


@dataclass
class Kernel:
    """A step of all units of one sequence, in C++."""

    loads: dict[str, str] = field(default_factory=dict)  # array -> variable
    stores: dict[str, str] = field(default_factory=dict)
    body: list[str] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)  # an expression (ast.dump) -> the variable that holds it
    arrays_of: dict[str, str] = field(default_factory=dict)  # an expression (ast.dump) -> the array that holds it
    rest: dict[str, str] = field(default_factory=dict)  # a variable that no array holds -> its expression

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of the arrays that the function takes, in its order."""
        return tuple(dict.fromkeys((*self.loads, *self.stores)))

    def value(self, text: str | ast.expr) -> str:
        """The variable that holds an expression. What was computed, or lies in an array, is not computed again."""
        node = ast.parse(text, mode="eval").body if isinstance(text, str) else text
        key = ast.dump(node)
        if key not in self.known:
            if key in self.arrays_of:
                array = self.arrays_of[key]
                self.known[key] = self.loads[array] = f"x_{array}"
            else:
                self.known[key] = self._computed(node)
        return self.known[key]

    def _computed(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id=name) if name in self.rest:
                return self.value(self.rest[name])
            case ast.Constant(value=int() | float() as number):
                return f"V(T({float(number)!r}))"
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._assign(f"{self.value(operand)}.neg()")
            case ast.Call(func=ast.Name(id=function), args=arguments) if function in FUNCTIONS:
                return self._assign(f"{function}_({', '.join(map(self.value, arguments))})")
            case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=2)):
                return self._assign(f"{self.value(base)} * {self.value(base)}")
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in OPERATORS:
                return self._assign(f"{self.value(left)} {OPERATORS[type(operator)]} {self.value(right)}")
        raise ValueError(f"expected sums, products, squares and {', '.join(FUNCTIONS)} in an equation, got {ast.unparse(node)}")

    def _assign(self, expression: str) -> str:
        name = f"v{len(self.body)}"
        self.body.append(f"const V {name} = {expression};")
        return name

    def set(self, name: str, text: str) -> None:
        """name = text. From here on the name means this value; whatever was computed from an older one is forgotten."""
        value = self.value(text)
        key = f"Name(id='{name}',"
        self.known = {k: v for k, v in self.known.items() if key not in k}
        self.known[ast.dump(ast.Name(name, ast.Load()))] = value

    def source(self, name: str) -> str:
        """A struct with the function for T = float and double: x are the rows of `arrays`, n the number of units."""
        index = {array: i for i, array in enumerate(self.arrays)}
        lines = [f"const V {v} = V::loadu(x[{index[a]}] + i, m);" for a, v in self.loads.items()]
        lines += self.body
        lines += [f"({v}).store(x[{index[a]}] + i, m);" for a, v in self.stores.items()]
        text = "\n      ".join(lines)
        return f"""\
struct {name} {{
  template <typename T>
  static void run(T* const* x, int64_t n) {{
    using V = at::vec::Vectorized<T>;
    for (int64_t i = 0; i < n; i += V::size()) {{
      const int64_t m = std::min<int64_t>(V::size(), n - i);
      {text}
    }}
  }}
}};
"""


def entering(cell: Cell) -> tuple[list[str], list[str]]:
    """Names of what stands in the H columns of a_t when the step begins, and of the extra inputs."""
    apart = dict(cell.apart)
    return [apart.get(column, column) for column in cell.columns], list(apart)


@cache
def from_weights(cell: Cell) -> list[str]:
    """Names of the numbers that are the same at every step: own weights, the leak, and what `derived` makes of them."""
    given, rest = {*cell.own_weights, "leak"}, []
    for name, text in cell.equations:
        if _names([text]) <= given:
            given.add(name)
        else:
            rest.append(text)
    return sorted(given & _names([*rest, *(text for _, text in (*cell.derivatives, *cell.direct_terms))]))


def saved(cell: Cell) -> dict[str, str]:
    """Array of cell.Saved -> the expression that it holds after the step forward."""
    computed = {name for name, _ in cell.equations}
    by_name = {name: name for name in cell.Saved._fields if name in computed}
    return by_name | dict(cell.saved_as)


@cache
def forward(cell: Cell) -> Kernel:
    """From the columns, s_{t-1} and the weights to s_t and what is saved."""
    columns, extra = entering(cell)
    kernel = Kernel(arrays_of=_held([*columns, *extra, *(f"{part}_prev" for part in cell.parts), *from_weights(cell)]))
    for name, text in cell.equations:
        if name not in from_weights(cell):
            kernel.set(name, text)
    kernel.stores = {f"saved_{name}": kernel.value(text) for name, text in saved(cell).items()}
    kernel.stores |= {part: kernel.value(part) for part in cell.parts}
    return kernel


@cache
def backward(cell: Cell) -> Kernel:
    """From ds_t, s_t, s_{t-1}, what is saved and the weights to dL/da_t, the completed ds_t, and ds_{t-1} past the matrices."""
    columns, extra = entering(cell)
    parts, gradients = cell.parts, [f"d{part}" for part in cell.parts]
    kernel = Kernel(arrays_of=_held([*parts, *(f"{part}_prev" for part in parts), *from_weights(cell), *gradients]))
    untouched = {name for name in cell.Saved._fields if name in columns and not cell.in_place} - {*dict(cell.saved_as)}
    for name, text in (saved(cell) | {name: name for name in untouched}).items():
        kernel.arrays_of.setdefault(ast.dump(ast.parse(text, mode="eval").body), f"saved_{name}")
    kernel.rest = dict(cell.equations)
    for name, text in cell.derivatives:
        kernel.set(name, text)
    completed = [name for name, _ in cell.derivatives if name in gradients]
    kernel.stores = {name: kernel.value(name) for name in (*completed, *(f"d{name}" for name in (*columns, *extra)))}
    kernel.stores |= {f"d{part}_prev": kernel.value(text) for part, text in cell.direct_terms}
    return kernel


def _held(names: Iterable[str]) -> dict[str, str]:
    return {ast.dump(ast.Name(name, ast.Load())): name for name in names}


def _names(texts: Iterable[str]) -> set[str]:
    nodes = [node for text in texts for node in ast.walk(ast.parse(text, mode="eval"))]
    return {node.id for node in nodes if isinstance(node, ast.Name)} - {*FUNCTIONS}
