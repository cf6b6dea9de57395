"""The names of the weights: in a remedy's text, and in the exported PyTorch script, with lines that several fixes write."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnkit.engine.cells.base import Cell

WEIGHTS = ("W_in", "W_rec", "b", "W_out", "b_out")  # as a text joins them by +; b stands for b_rec too
ALL = "all"
NOTHING = "pass  # this cell has none of these weights"
TORCH_NAMES = {  # the papers' names of the weights -> torch's
    "W_in": "network.cell.weight_ih",
    "W_rec": "network.cell.weight_hh",
    "b": "network.cell.bias_ih",
    "b_rec": "network.cell.bias_hh",
    "W_out": "network.readout.weight",
    "b_out": "network.readout.bias",
}


def torch_names(cell: Cell) -> dict[str, str]:
    """Returns the entries of TORCH_NAMES that this cell has, and its own weights."""
    shared = {name: there for name, there in TORCH_NAMES.items() if cell.recurrent or not name.endswith("_rec")}
    return shared | {name: f"network.cell.{name}" for name in (*cell.own_weights, cell.second_matrix) if name}


def named(weight: str, names: str) -> bool:
    """Whether a text such as W_in+b names this weight; ALL names every weight."""
    return names == ALL or ("b" if weight == "b_rec" else weight) in names.split("+")


def torch_weights(names: str, cell: Cell) -> list[str]:
    """The weights of this cell that a text such as W_in+b names, as the script calls them."""
    there = {weight: called for weight, called in torch_names(cell).items() if named(weight, names)}
    return [called for weight, called in there.items() if weight != "b_rec" or cell.recurrent_bias]


def absent(names: str, cell: Cell) -> str:
    """Returns in words that this cell has none of the weights that a text such as W_rec names; "" where it has one."""
    there = [weight for weight in WEIGHTS if torch_weights(weight, cell)]
    return "" if torch_weights(names, cell) else f"this cell has no {names}, but {', '.join(there)}"


def unless_frozen(weight: str, line: str, frozen: bool) -> str:
    """The line, under the condition that the weight has a gradient where some may be `frozen`."""
    return f"if {weight}.grad is not None:  # it is not frozen\n    {line}" if frozen else line


def add_to_gradient(weight: str, what: str, frozen: bool) -> str:
    """A line that adds an expression to the gradient of a weight; `frozen`: unless it has none."""
    return unless_frozen(weight, f"{weight}.grad += {what}", frozen)


def penalty(cell: Cell, derivative: str, frozen: bool) -> str:
    """Lines that add an expression in W to the gradient of every matrix W."""
    matrices = ", ".join(there for name, there in torch_names(cell).items() if name.startswith("W"))
    lines = add_to_gradient("W", derivative, frozen).replace("\n", "\n    ")
    return f"for W in ({matrices}):\n    {lines}"
