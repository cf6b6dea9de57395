"""Where the exported PyTorch script has the weights, and lines about them that several fixes write."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnkit.engine.cells.base import Cell

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


def add_to_gradient(weight: str, what: str, frozen: bool) -> str:
    """A line that adds an expression to the gradient of a weight; `frozen`: unless it has none."""
    line = f"{weight}.grad += {what}"
    return f"if {weight}.grad is not None:  # it is not frozen\n    {line}" if frozen else line


def penalty(cell: Cell, derivative: str, frozen: bool) -> str:
    """Lines that add an expression in W to the gradient of every matrix W."""
    matrices = ", ".join(there for name, there in torch_names(cell).items() if name.startswith("W"))
    lines = add_to_gradient("W", derivative, frozen).replace("\n", "\n    ")
    return f"for W in ({matrices}):\n    {lines}"
