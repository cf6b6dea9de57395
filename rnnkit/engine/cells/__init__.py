"""Recurrent cells, a file each. A new cell is one more file and one more line in CELLS; base.py says what a cell declares."""

from rnnkit.engine.cells.antisymmetric import Antisymmetric
from rnnkit.engine.cells.base import Cell, Equation
from rnnkit.engine.cells.cornn import CoRnn
from rnnkit.engine.cells.esn import EchoState
from rnnkit.engine.cells.exprnn import ExpRnn
from rnnkit.engine.cells.gru import Gru
from rnnkit.engine.cells.janet import Janet
from rnnkit.engine.cells.lstm import Lstm
from rnnkit.engine.cells.mingru import MinGru
from rnnkit.engine.cells.relu import Relu
from rnnkit.engine.cells.sigmoid import Sigmoid
from rnnkit.engine.cells.tanh import Tanh

__all__ = [
    "CELLS",
    "Antisymmetric",
    "Cell",
    "CoRnn",
    "EchoState",
    "Equation",
    "ExpRnn",
    "Gru",
    "Janet",
    "Lstm",
    "MinGru",
    "Relu",
    "Sigmoid",
    "Tanh",
]

CELLS: dict[str, Cell] = {
    "tanh": Tanh(),
    "sigmoid": Sigmoid(),
    "relu": Relu(),
    "lstm": Lstm(),
    "gru": Gru(),
    "janet": Janet(),
    "mingru": MinGru(),
    "antisymmetric": Antisymmetric(),
    "exprnn": ExpRnn(),
    "cornn": CoRnn(),
    "esn": EchoState(),
}
