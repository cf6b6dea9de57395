"""Recurrent cells, a file each. A new cell is one more file and one more line in CELLS; base.py says what a cell declares."""

from rnnkit.engine.cells.antisymmetric import Antisymmetric
from rnnkit.engine.cells.attention import Attention
from rnnkit.engine.cells.base import Cell, Equation
from rnnkit.engine.cells.cornn import CoRnn
from rnnkit.engine.cells.esn import EchoState
from rnnkit.engine.cells.exprnn import ExpRnn
from rnnkit.engine.cells.gated_linear import GatedLinear, SignedGatedLinear
from rnnkit.engine.cells.gru import Gru
from rnnkit.engine.cells.gru_relu import GruRelu
from rnnkit.engine.cells.janet import Janet
from rnnkit.engine.cells.linear import Linear
from rnnkit.engine.cells.lru import Lru
from rnnkit.engine.cells.lstm import Lstm
from rnnkit.engine.cells.lstm_relu import LstmRelu
from rnnkit.engine.cells.mingru import MinGru
from rnnkit.engine.cells.minlstm import MinLstm
from rnnkit.engine.cells.relu import Relu
from rnnkit.engine.cells.sigmoid import Sigmoid
from rnnkit.engine.cells.skip import Skip
from rnnkit.engine.cells.slstm import SLstm, UnstabilizedSLstm
from rnnkit.engine.cells.tanh import Tanh

__all__ = [
    "CELLS",
    "Antisymmetric",
    "Cell",
    "CoRnn",
    "EchoState",
    "Equation",
    "ExpRnn",
    "GatedLinear",
    "Gru",
    "GruRelu",
    "Janet",
    "Linear",
    "Lru",
    "Lstm",
    "LstmRelu",
    "MinGru",
    "MinLstm",
    "Relu",
    "SLstm",
    "Sigmoid",
    "SignedGatedLinear",
    "Skip",
    "Tanh",
    "UnstabilizedSLstm",
]

CELLS: dict[str, Cell] = {
    "tanh": Tanh(),
    "sigmoid": Sigmoid(),
    "relu": Relu(),
    "linear": Linear(),
    "lstm": Lstm(),
    "lstm-relu": LstmRelu(),
    "gru": Gru(),
    "gru-relu": GruRelu(),
    "janet": Janet(),
    "mingru": MinGru(),
    "lru": Lru(),
    "minlstm": MinLstm(),
    "gated-linear": GatedLinear(),
    "gated-linear-signed": SignedGatedLinear(),
    "slstm": SLstm(),
    "slstm-unstabilized": UnstabilizedSLstm(),
    "antisymmetric": Antisymmetric(),
    "exprnn": ExpRnn(),
    "cornn": CoRnn(),
    "skip": Skip(),
    "attention": Attention(),
    "esn": EchoState(),
}
