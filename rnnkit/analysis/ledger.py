"""The ledger: all numbers of one forward and backward pass through one small network, each with its equation.

This is a second, slow backpropagation beside the engine's, to be read. It evaluates the equations that the cells state as
text, and the sums that all cells share: a_t = x_t W_in + b + h_{t-1} W_rec, dh_{t-1} = da_t W_rec^T,
dW_rec = sum_t h_{t-1}^T da_t, the readout and the loss at the last step. Where a cell builds a matrix M from W_rec, M stands in
the place of W_rec; cells without W_rec have none of these products. A short cut over k steps adds h_{t-k} W_skip to a_t, and
da_t W_skip^T to dh_{t-k}. `Ledger.template` returns the equation of a number,
and `Ledger.filled` its text with values. float64, numpy alone, so that a server can use it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from rnnkit.engine.cells import CELLS, Cell
from rnnkit.engine.fixes import Truncate
from rnnkit.rounding import significant

Weights = Mapping[str, np.ndarray]
Arrays = dict[str, np.ndarray]

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "logsigmoid": lambda a: np.minimum(a, 0) - np.log1p(np.exp(-np.abs(a))),
    "max": np.maximum,
    "nonzero": lambda a: np.where(a == 0, 1.0, a),  # a, but 1 where it is 0
    "step": lambda a: np.heaviside(a, 0.0),  # 1 above 0, else 0; NaN stays NaN
    "abs": np.abs,
    "sign": np.sign,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "cos": np.cos,
    "sin": np.sin,
}
NAME = re.compile(r"[A-Za-z_]\w*")


def evaluate(expression: str, values: Mapping[str, Any]) -> Any:
    """Evaluates the right side of an equation, e.g. "f * c_prev + i * g", for all units at once."""
    return eval(expression, {"__builtins__": {}, **FUNCTIONS}, dict(values))  # the cells' own text, never a user's


# ---- numbers ----


def forward(cell_name: str, weights: Weights, x: np.ndarray) -> Arrays:
    """Returns all variables of all time steps: pre-activations (a; a_i, a_f, ...), gates, state (T, ..., H), and "logits".

    x: (T, ...) symbols or (T, ..., I) numbers. weights: as draw_weights returns them. The state before the first step is 0.
    "logits" is h_t W_out + b_out, (T, ..., O); it is not called "z", which is a GRU's update gate.
    """
    cell, p = CELLS[cell_name], _float64(weights)
    H, columns = len(p["W_out"]), _blocks(cell, len(p["W_out"]))
    entered, bias, named = _entered(p, np.asarray(x)), p.get("b_rec", np.zeros((1, 1)))[0], _named(cell, p)
    products = _products(cell, p)
    steps: list[Arrays] = [dict.fromkeys(cell.parts, np.zeros((*entered.shape[1:-1], H)))] * cell.lag
    for from_x in entered:
        prev, now = {f"{part}_prev": steps[-1][part] for part in cell.parts}, {}
        from_h = bias + sum((steps[-lag][part] @ M for part, lag, _, M in products), np.zeros_like(from_x))
        for name, recurrent, block in columns:
            if recurrent == name:
                now[name] = from_x[..., block] + from_h[..., block]
            else:
                now |= {name: from_x[..., block], recurrent: from_h[..., block]}
        for name, expression in cell.equations:
            now[name] = np.broadcast_to(evaluate(expression, named | prev | now), prev["h_prev"].shape)  # also a constant of time
        steps.append(now)
    found = {name: np.stack([step[name] for step in steps[cell.lag :]]) for name in steps[-1]}
    return found | {"logits": found["h"] @ p["W_out"] + p["b_out"][0]}


def state_gradients(cell_name: str, weights: Weights, values: Arrays, dh: np.ndarray) -> Arrays:
    """Returns dL/ds_t, (T, H), of each part s of the state, where the loss L depends on the state h_T of the last step alone.

    values: what `forward` returns for one sequence. dh: dL/dh_T, (H,). Of an LSTM's c it is the total derivative.
    """
    cell, p, T = CELLS[cell_name], _float64(weights), len(values["h"])
    found = {part: np.zeros((T, len(dh))) for part in cell.parts}
    arrived = {T - 1: dict.fromkeys(cell.parts, np.zeros(len(dh))) | {"h": dh}}
    for t in reversed(range(T)):
        d = _step_back(cell, p, values, t, arrived)
        for part in cell.parts:
            found[part][t] = d[f"d{part}"]
    return found


def _step_back(
    cell: Cell, p: Arrays, values: Arrays, t: int, arrived: dict[int, Arrays], cuts: Callable[[int], bool] = lambda t: False
) -> Arrays:
    """Returns the gradients at step t, and adds what they hand to earlier steps to `arrived`, unless a cut lies between.

    arrived: step -> part -> what has come to dL/ds of this step from later steps and the loss.
    """
    known = _named(cell, p) | {name: of_all[t] for name, of_all in values.items()}
    known |= {f"{part}_prev": values[part][t - 1] if t else np.zeros_like(values[part][0]) for part in cell.parts}
    d = {f"d{part}": arrived[t][part] for part in cell.parts}
    for name, expression in cell.derivatives:
        d[name] = evaluate(expression, known | d)
    handed = [(part, 1, evaluate(expression, known | d)) for part, expression in cell.direct_terms]
    handed += [(part, lag, _recurrent(cell, d) @ M.T) for part, lag, _, M in _products(cell, p)]
    zero = {part: np.zeros_like(d[f"d{part}"]) for part in cell.parts}
    for part, lag, gradient in [(part, 1, zero[part]) for part in cell.parts] + handed:
        earlier = arrived.setdefault(t - lag, dict(zero))
        if not any(map(cuts, range(t - lag + 1, t + 1))):
            earlier[part] = earlier[part] + gradient
    return d


def _products(cell: Cell, p: Arrays) -> list[tuple[str, int, str, np.ndarray]]:
    """Returns part, how many steps back it is taken, name of the matrix, and the matrix of each product that enters a_t."""
    names = (*(["W_rec"] if cell.recurrent else []), cell.second_matrix)
    last = [(cell.parts[k], 1, name, M) for name, (k, M) in zip(names, cell.products(p), strict=False)]
    return last + [(cell.parts[k], cell.lag, cell.second_matrix, M) for k, M in cell.delayed_product(p)]


def _recurrent(cell: Cell, d: Arrays) -> np.ndarray:
    """Returns dL/d(h_{t-1} W_rec), all columns side by side."""
    apart = dict(cell.apart)
    return np.concatenate([d[f"d{apart.get(name, name)}"] for name in cell.columns], -1)


def _float64(weights: Weights) -> Arrays:
    return {name: np.asarray(W, np.float64) for name, W in weights.items()}


def _entered(p: Arrays, x: np.ndarray) -> np.ndarray:
    """Returns x_t W_in + b."""
    return (p["W_in"][x] if x.dtype.kind in "iu" else x @ p["W_in"]) + p["b"][0]


def _named(cell: Cell, p: Arrays) -> Arrays:
    """Returns the weights that an equation may name: the leak (), and the cell's own ones (H,)."""
    own = {name: p[name][0] for name in cell.own_weights}
    return own | {name: W.reshape(()) for name, W in p.items() if name == "leak"}


def _blocks(cell: Cell, H: int) -> list[tuple[str, str, slice]]:
    """Returns for each column its name, the name of its part h_{t-1} W_rec, and its slice of the weights."""
    apart = dict(cell.apart)
    return [(name, apart.get(name, name), slice(k * H, (k + 1) * H)) for k, name in enumerate(cell.columns)]


class Ref(NamedTuple):
    """One number in an equation: of a variable at time t, from 0 (-1: before the first step), or of a weight (t None)."""

    name: str
    t: int | None
    at: tuple[int, ...] = ()


Template = tuple[str | Ref, ...]  # right side of an equation: text and numbers


def _cross_entropy(outputs: int, y: int) -> Iterator[tuple[str, list[Template]]]:
    z = [Ref("logits", None, (k,)) for k in range(outputs)]
    total = _sum(("exp(", it, ")") for it in z)
    yield "p", [("exp(", it, ") / (", *total, ")") for it in z]
    yield "loss", [("-log(", Ref("p", None, (y,)), ")")]
    yield "dlogits", [(Ref("p", None, (k,)), f" - {int(k == y)}") for k in range(outputs)]


def _squared_error(outputs: int, y: int) -> Iterator[tuple[str, list[Template]]]:
    errors: list[Template] = [("(", Ref("logits", None, (k,)), f" - {int(k == y)})") for k in range(outputs)]
    yield "loss", [("(", *_sum((*error, " ** 2") for error in errors), f") / {outputs}")]
    yield "dlogits", [("2 * ", *error, f" / {outputs}") for error in errors]


# name in losses.LOSSES -> (outputs, right class) -> (name, one equation for each number) of all that follows from the logits
LOSSES: dict[str, Callable[[int, int], Iterator[tuple[str, list[Template]]]]] = {
    "cross_entropy": _cross_entropy,
    "squared_error": _squared_error,
}


def _sum(terms: Iterable[Template]) -> Template:
    joined = [part for term in terms for part in (" + ", *term)]
    return tuple(joined[1:])


def _product(left: Ref, right: Ref) -> Template:
    return left, " * ", right


class Ledger:
    """One forward and backward pass of one network on a sequence x, (T,) symbols or (T, I) numbers, with class y at the end.

    cut > 0 truncates backpropagation (fixes.Truncate) to pieces of that many steps.

    values      (T, H) each: the forward variables; d<name>, total derivatives dL/d<name>_t; the cell's slopes
    outcome     of the last step: logits, p under cross entropy, loss, dlogits
    jacobian    (T, P H, P H): [i, j] = ds_t[i] / ds_{t-1}[j], s the state's parts concatenated; beside a short cut the
                states before s_{t-1} are held
    so_far      (T, H, G H): sum over the steps t ... T-1 of their contributions to dL/dW_rec
    gradients   dL/d of every weight, shaped as the weights (of W_rec itself where a matrix is built from it)
    """

    def __init__(
        self, cell_name: str, weights: Weights, x: np.ndarray, y: int, loss: str = "cross_entropy", cut: int = 0
    ) -> None:
        self.cell, self.p, self.x = CELLS[cell_name], _float64(weights), np.asarray(x)
        self.T, self.H, self.cut = len(self.x), len(self.p["W_out"]), cut
        self.values = forward(cell_name, weights, self.x)
        logits = self.values.pop("logits")
        self.forward_names = tuple(self.values)
        self.columns = _blocks(self.cell, self.H)
        self.products = _products(self.cell, self.p)
        self.constants = self._by_column()
        self.outcome = self._loss_and_gradient(logits[-1], y, loss)
        self._backward()

    def _by_column(self) -> Arrays:
        """Returns scalars and weights by column, e.g. W_rec.a_f for the block of column a_f. Biases have one axis."""
        p, constants = self.p, _named(self.cell, self.p)
        no_bias = {**p, "b": np.zeros_like(p["b"])}
        for name, recurrent, block in self.columns:
            for _, _, matrix, M in self.products:
                constants[f"{matrix}.{recurrent}"] = M[:, block]
            constants[f"b.{name}"] = p["b"][0, block]
            constants[f"W_in.{name}"] = _entered(no_bias, self.x)[:, block]
            if self.cell.recurrent_bias:
                constants[f"b_rec.{recurrent}"] = p["b_rec"][0, block]
        return constants | {"W_out": p["W_out"], "b_out": p["b_out"][0]}

    def _loss_and_gradient(self, logits: np.ndarray, y: int, loss: str) -> Arrays:
        """Returns the loss at the last step and its derivative with respect to the logits; stores their equations."""
        self._loss_templates = {"logits": [self._logit(k) for k in range(len(logits))]}
        outcome = {"logits": logits}
        for name, templates in LOSSES[loss](len(logits), y):
            self._loss_templates[name] = templates
            self.constants |= outcome
            outcome[name] = np.array([self.evaluated(template) for template in templates])
        self.constants |= outcome
        return outcome

    def _logit(self, k: int) -> Template:
        terms = [_product(Ref("h", self.T - 1, (i,)), Ref("W_out", None, (i, k))) for i in range(self.H)]
        return _sum([*terms, (Ref("b_out", None, (k,)),)])

    def _backward(self) -> None:
        cell, T, H, p = self.cell, self.T, self.H, self.p
        arrived = {T - 1: dict.fromkeys(cell.parts, np.zeros(H)) | {"h": self.outcome["dlogits"] @ p["W_out"].T}}
        identity = np.split(np.eye(len(cell.parts) * H), len(cell.parts), 1)
        found: list[Arrays] = []
        self.jacobian, self.so_far = np.zeros((T, *[len(cell.parts) * H] * 2)), np.zeros((T, H, cell.gates * H))
        total = np.zeros((H, cell.gates * H))
        forward = {name: self.values[name] for name in self.forward_names}
        for t in reversed(range(T)):
            of_one = {t: dict(zip(cell.parts, identity, strict=True))}
            _step_back(cell, p, forward, t, of_one)
            self.jacobian[t] = np.concatenate([of_one[t - 1][part] for part in cell.parts], 1)
            d = _step_back(cell, p, forward, t, arrived, self.cuts)
            total = total + np.outer(self._before(cell.recurrent_name, t), self._recurrent(d))
            self.so_far[t] = total
            found.append(d)
        gradients = {name: np.stack([d[name] for d in reversed(found)]) for name in found[0]}
        self.backward_names = tuple(gradients)
        self.values |= gradients
        self.gradients = self._weight_gradients()

    def _recurrent(self, d: Arrays) -> np.ndarray:
        return _recurrent(self.cell, d)

    def _before(self, name: str, t: int) -> np.ndarray:
        return self.values[name][t - 1] if t else np.zeros(self.H)

    def _weight_gradients(self) -> Arrays:
        p, d_in = self.p, np.concatenate([self.values[f"d{name}"] for name, _, _ in self.columns], -1)
        x = np.eye(len(p["W_in"]))[self.x] if self.x.dtype.kind in "iu" else self.x
        h, dlogits = self.values["h"][-1], self.outcome["dlogits"]
        gradients = {"W_in": x.T @ d_in, "b": d_in.sum(0)[None], "W_out": np.outer(h, dlogits), "b_out": dlogits[None]}
        if self.cell.recurrent:
            gradients["W_rec"] = self.cell.recurrent_gradient(p, self.so_far[0])
        if part := self.cell.second_product:
            lag = self.cell.lag
            gradients[self.cell.second_matrix] = self.values[part][:-lag].T @ self._recurrent(self.values)[lag:]
        for name, expression in self.cell.own_terms:
            gradients[name] = evaluate(expression, self._all_steps()).sum(0)[None]
        if self.cell.recurrent_bias:
            gradients["b_rec"] = self._recurrent(self.values).sum(0)[None]
        return gradients

    def _all_steps(self) -> Arrays:
        """Returns what an equation may name: all variables of all time steps, those of the step before, (T, H), and weights."""
        earlier = {f"{part}_prev": np.concatenate([np.zeros((1, self.H)), self.values[part][:-1]]) for part in self.cell.parts}
        return _named(self.cell, self.p) | self.values | earlier

    def cuts(self, t: int) -> bool:
        """Whether truncation stops the gradient from step t to t - 1."""
        return self.cut > 0 and Truncate(self.cut).blocks(t, self.T)

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The forward variables that the backward pass reads; always h, and what a second matrix multiplies."""
        cell = self.cell
        texts = " ".join(expression for _, expression in (*cell.derivatives, *cell.direct_terms, *cell.own_terms))
        named = {name.removesuffix("_prev") for name in NAME.findall(texts)} | {"h", cell.recurrent_name, cell.second_product}
        return tuple(name for name in self.forward_names if name in named)

    # ---- equations ----

    def template(self, name: str, t: int, unit: int) -> Template:
        """Returns the right side of the equation of one number: variable, time step, unit. t is ignored after the last step."""
        if name in self._loss_templates:
            return self._loss_templates[name][unit]
        if name.startswith("norm "):
            return ("sqrt(", *_sum((Ref(name[5:], t, (i,)), " ** 2") for i in range(self.H)), ")")
        for column, recurrent, _ in self.columns:
            if name in (column, recurrent):
                return self._sum_of_inputs(name, column, recurrent, t, unit)
        expressions = dict(self.cell.equations) | dict(self.cell.derivatives)
        parts = {f"d{part}": part for part in self.cell.parts}
        if name not in parts:
            return self._elementwise(expressions[name], t, unit)
        arrives = self._arriving(parts[name], t, unit)
        if name not in expressions:
            return arrives
        return tuple(
            piece
            for part in self._elementwise(expressions[name], t, unit)
            for piece in (arrives if part == Ref(name, t, (unit,)) else (part,))
        )

    def _sum_of_inputs(self, name: str, column: str, recurrent: str, t: int, unit: int) -> Template:
        terms: list[Template] = []
        if name == column:
            terms += [(Ref(f"W_in.{column}", t, (unit,)),), (Ref(f"b.{column}", None, (unit,)),)]
        if name == recurrent:
            for part, lag, matrix, _ in self.products:
                W = f"{matrix}.{recurrent}"
                pairs = ((Ref(part, t - lag, (i,)), Ref(W, None, (i, unit))) for i in range(self.H))
                terms += [_product(*pair) for pair in pairs if t >= lag or lag == 1]
            if self.cell.recurrent_bias:
                terms.append((Ref(f"b_rec.{recurrent}", None, (unit,)),))
        return _sum(terms)

    def _arriving(self, part: str, t: int, unit: int) -> Template:
        """Returns the part of dL/ds_t that comes from the loss at the last step, or from step t + 1 and a short cut."""
        terms: list[Template] = []
        if t == self.T - 1:
            outputs = range(len(self.outcome["dlogits"]))
            terms = [_product(Ref("dlogits", None, (k,)), Ref("W_out", None, (unit, k))) for k in outputs]
            return _sum(terms) if part == "h" else ("0",)
        if self.cuts(t + 1):
            return ("0",)
        for (_, name, _), (of, lag, matrix, _) in product(self.columns, self.products):
            if of == part and t + lag < self.T and not any(map(self.cuts, range(t + 1, t + lag + 1))):
                pairs = ((Ref(f"d{name}", t + lag, (i,)), Ref(f"{matrix}.{name}", None, (unit, i))) for i in range(self.H))
                terms += [_product(*pair) for pair in pairs]
        terms += [self._elementwise(text, t + 1, unit) for name, text in self.cell.direct_terms if name == part]
        return _sum(terms) or ("0",)

    def _elementwise(self, expression: str, t: int, unit: int) -> Template:
        parts: list[str | Ref] = []
        end = 0
        for match in NAME.finditer(expression):
            name = match.group()
            if name not in FUNCTIONS:
                earlier = name.endswith("_prev")
                weight = name in self.constants
                at = (unit,) if weight and np.ndim(self.constants[name]) else ()
                ref = Ref(name, None, at) if weight else Ref(name.removesuffix("_prev"), t - earlier, (unit,))
                parts += [expression[end : match.start()], ref]
                end = match.end()
        return tuple(part for part in (*parts, expression[end:]) if part != "")

    def number(self, ref: Ref) -> float:
        """Returns the value of one number."""
        if ref.t is None:
            return float(self.constants[ref.name][ref.at])
        if ref.t < 0:
            return 0.0
        return float((self.constants if ref.name in self.constants else self.values)[ref.name][ref.t][ref.at])

    def evaluated(self, template: Template) -> float:
        """Evaluates an equation without rounding."""
        text = "".join(part if isinstance(part, str) else f"({self.number(part)!r})" for part in template)
        return float(evaluate(text, NUMBERS))

    def filled(self, template: Template, digits: int = 4) -> str:
        """Returns the equation with its values, to so many digits, as an expression in Python."""
        text = ""
        for i, part in enumerate(template):
            if isinstance(part, str):
                text += part
                continue
            number, after = significant(self.number(part), digits), template[i + 1] if i + 1 < len(template) else ""
            bare = number[0] != "-" or ((not text or text[-1] == "(") and not str(after).startswith(" **"))
            text += number if bare else f"({number})"
        return text


NUMBERS = {"nan": np.nan, "inf": np.inf}  # as repr() writes them
