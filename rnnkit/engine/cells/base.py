"""What a recurrent cell is: one time step forward, the same step backward by hand, and everything else that names a cell.

A cell never sees the input itself, nor the product with W_rec: bptt.py computes a_t = x_t W_in + b + h_{t-1} M and hands it
over. M is W_rec, or a matrix that the cell builds from it (`recurrent_matrix`). Where `recurrent` is False there is none.
A cell can have a second product with weights of its own (`second_product`), of another part of s_{t-1} or of an earlier state.
`forward` overwrites a_t with the activations and fills the next state. On the way back, `partials` computes the elementwise
derivatives of a block of steps at once. `backward` then multiplies them, in place, with the gradient that arrives, step by step.
All arrays are bptt.Tape's and made once for a whole training.

Shapes: a, da (R, B, G H); every part of the state and its gradient (R, B, H); W_rec (R, H, G H). R counts networks trained side
by side, B sequences, H hidden units, G gates. `partials` gets the same arrays with the time steps of a block in front.

torch is imported where it computes, so that menus read the cells without it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Params = Mapping[str, "Tensor"]
Equation = tuple[str, str]  # a variable and the expression that gives it, in Python's notation
LEARNT = ("fixes", "optimizer", "lr", "schedule", "warmup")  # fields that act on every cell whose weights are trained
TRAINED = (*LEARNT, "init", "gain", "weights")  # and those that act on a W_rec that is trained


class HiddenState(NamedTuple):
    """The state s_t of a cell that has no memory beside h; also its gradient dL/ds_t."""

    h: Tensor  # (R, B, H)


class PreActivation(NamedTuple):
    """What the forward step of a cell with one gate works on and saves."""

    a: Tensor  # (R, B, H)


class PreActivationGradient(NamedTuple):
    """What the backward step of a cell with one gate works on."""

    da: Tensor  # (R, B, H) dh/da after `partials`, dL/da after `backward`


S = TypeVar("S", bound=tuple)  # State
F = TypeVar("F", bound=tuple)  # Saved
D = TypeVar("D", bound=tuple)  # Partials
A = TypeVar("A")  # tensors, or arrays of numpy


class Cell(ABC, Generic[S, F, D]):
    """One recurrent layer. It holds no numbers itself: parameters, states and arrays to fill are passed in.

    S, F and D are the cell's named tuples State, Saved and Partials.
    """

    title: ClassVar[str]  # in menus
    State: ClassVar[type[Any]] = HiddenState  # part 0 is h, which feeds the readout
    Saved: ClassVar[type[Any]] = PreActivation
    Partials: ClassVar[type[Any]] = PreActivationGradient

    # Gates, in the order of their columns in W_in, W_rec and b.
    gates: ClassVar[int] = 1
    gate_names: ClassVar[tuple[str, ...]] = ()  # `gates` of them where there is more than one
    memory: ClassVar[int] = -1  # the part of the state whose gradient tells how far it remembers
    forget_gate: ClassVar[int | None] = None  # the gate that keeps the memory where it is open: the "forget" bias is its bias
    input_gate: ClassVar[int | None] = None  # the gate that lets the new value in, where that is not 1 - forget gate
    signed_gate: ClassVar[bool] = False  # the forget gate lies in (-1, 1): its absolute value says how much stays
    recurrent_part: ClassVar[int] = 0  # the part of s_{t-1} that W_rec multiplies
    recurrent: ClassVar[bool] = True  # h_{t-1} enters a_t through W_rec; False: x_t alone enters, and there is no W_rec
    builds_matrix: ClassVar[bool] = False  # what multiplies h_{t-1} is built from W_rec by `recurrent_matrix`
    second_product: ClassVar[str] = ""  # a part of the state that enters a_t through a matrix of its own, `second_matrix`
    lag: int = 1  # that part is taken from s_{t-lag}: more than 1 is a short cut through time
    matrix_flops: ClassVar[int] = 0  # of building it and of its gradient, in units of H^3
    matrix_equation: ClassVar[str] = ""  # LaTeX of the matrix M that is built
    matrix_gradient_equation: ClassVar[str] = ""  # LaTeX of dL/dW_rec from dM
    captures: ClassVar[bool] = True  # a CUDA graph can hold its step: it reads no value on the host
    own_weights: ClassVar[tuple[str, ...]] = ()  # weights (1, H) of this cell alone, one number a unit
    recurrent_bias: ClassVar[bool] = False  # a bias b_rec beside h W_rec (torch's bias_hh), only where it is not redundant
    reservoir: ClassVar[bool] = False  # W_in, W_rec and b stay as drawn, and only the readout is fitted
    learner: ClassVar[str] = "gradient-descent"  # what trains the weights: a name in engine.learners.LEARNERS

    # Settings.
    fields: ClassVar[tuple[str, ...]] = TRAINED  # fields of the Experiment that act on this cell, of those not for all cells
    suited: ClassVar[tuple[tuple[str, Any], ...]] = (("lr", 0.03),)  # fields with which two to four units learn agreement
    not_in_panels: ClassVar[str] = ""  # why no panel of the remedies tries it; "" where one does

    # Arrays on the tape.
    extra_inputs: ClassVar[tuple[int, ...]] = ()  # widths, in units of H, of what x_t enters beside a_t, past W_rec
    n_saved: ClassVar[int] = 0  # arrays (R, B, H) that the forward step saves beside a_t and the extra inputs
    n_partials: ClassVar[int] = 0  # arrays (R, B, H) of partial derivatives beside da and the gradients of the extra inputs
    in_place: ClassVar[bool] = False  # h_t is stored where a_t was

    # How the gradient fares.
    max_slope: ClassVar[float | None] = None  # max |phi'| of a cell with h = phi(a) or its leaky form: Pascanu's gamma
    flat: ClassVar[str] = "saturated"  # the word for a unit whose slope is next to 0

    # The step as text, for one unit and one time step. analysis/ledger.py evaluates it, and a page shows it filled in. It is the
    # same step a second time, to be read; a test holds both against each other. `name_prev` is the variable one step earlier,
    # `dname` is dL/dname. The sums over units are ledger.py's.
    columns: ClassVar[tuple[str, ...]] = ("a",)  # what each H columns of x_t W_in + b + h_{t-1} W_rec are called, `gates` of them
    apart: ClassVar[tuple[tuple[str, str], ...]] = ()  # (column, name of its h_{t-1} W_rec + b_rec), where that stands alone
    equations: ClassVar[tuple[Equation, ...]]  # in their order, from the columns to the state
    derivatives: ClassVar[tuple[Equation, ...]]  # in their order, from dh (and dc) to the gradients of the columns
    direct_terms: ClassVar[tuple[Equation, ...]] = ()  # (part, what of its gradient reaches it one step earlier past W_rec)
    saved_as: ClassVar[tuple[Equation, ...]] = ()  # (array of Saved, what it holds after the step) where that has another name
    own_terms: ClassVar[tuple[Equation, ...]] = ()  # (own weight, what a time step adds to its gradient)

    # Plain PyTorch, for the exported script; "" where there is none.
    torch_cell: ClassVar[str] = ""  # an nn.Module called as nn.RNNCell or nn.LSTMCell is; its parameters are set from outside
    torch_class: ClassVar[str] = ""  # the source of its class, where torch.nn has none
    torch_own_weights: ClassVar[str] = ""  # statements that give `own_weights`, with numpy's W_in and stream(seed, $OWN) at hand
    draws: ClassVar[tuple[Callable[..., Any], ...]] = ()  # functions that these call
    torch_slope: ClassVar[str] = ""  # phi'(a) from h, of a cell with h = phi(a)

    def __init_subclass__(cls) -> None:
        """A subclass computes something else: it does not inherit the lines for the exported script."""
        super().__init_subclass__()
        for name in ("torch_cell", "torch_class", "torch_slope", "torch_own_weights"):
            setattr(cls, name, vars(cls).get(name, ""))

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the state's parts."""
        return self.State._fields

    @property
    def memory_name(self) -> str:
        """Name of the part of the state that remembers: c of an LSTM."""
        return self.parts[self.memory]

    def kind(self, name: str) -> str:
        """Returns what a variable of the equations is: "state", "gate", "candidate", or "" for another step on the way."""
        if name in self.parts:
            return "state"
        gates = dict(zip(self.columns, self.gate_names or ("",), strict=True))
        gate = gates.get(f"a_{name}", "gate" if dict(self.equations)[name].startswith("sigmoid(") else "")
        return "candidate" if "candidate" in gate else "gate" if gate else ""

    @property
    def recurrent_name(self) -> str:
        """Name of the part of the state that W_rec multiplies."""
        return self.parts[self.recurrent_part]

    @property
    def parts_in_menus(self) -> tuple[str, ...]:
        """Names of the state's parts, the one that remembers first."""
        return (self.memory_name, *(part for part in self.parts[::-1] if part != self.memory_name))

    @property
    def trains_recurrence(self) -> bool:
        """Whether there is a W_rec that is trained: neither a cell without one nor a reservoir."""
        return self.recurrent and not self.reservoir

    @property
    def has_direct_path(self) -> bool:
        """Whether dL/dh_t reaches h_{t-1} past W_rec as well."""
        return self.has_direct_term(0)

    def has_direct_term(self, k: int) -> bool:
        """Whether `backward` leaves something in part k of ds_prev, to which what passes through a matrix is added."""
        return any(part == self.parts[k] for part, _ in self.direct_terms)

    @property
    def second_matrix(self) -> str:
        """Name of the weights (H, G H) of the second product, W_z of part z, W_skip of a short cut; "" where there is none."""
        return self.second_product and ("W_skip" if self.lag > 1 else f"W_{self.second_product}")

    @property
    def n_products(self) -> int:
        """How many parts of the state enter a_t through a matrix."""
        return self.recurrent + bool(self.second_product)

    @property
    def state_width(self) -> int:
        """How many numbers of each unit the next steps need: its parts, of the last `lag` steps."""
        return len(self.parts) * self.lag

    @property
    def has_slope(self) -> bool:
        """Whether h = phi(a) or its leaky form, whose Jacobian consists of the matrix, phi'(a) and the leak."""
        return self.max_slope is not None

    @property
    def floats_per_unit(self) -> int:
        """How many numbers bptt.Tape keeps per time step, network, sequence and hidden unit."""
        activations = 0 if self.in_place else self.gates
        return 2 * len(self.parts) + activations + self.gates + 2 * sum(self.extra_inputs) + self.n_saved + self.n_partials

    def draw(self, e: Any, rng: np.random.Generator, drawn: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the initial values of `own_weights`, (1, H) each, and of any drawn weights that are others in this cell."""
        return {}

    def derived(self, p: Params) -> Params:
        """Returns p with what the weights give for all steps of a pass; the other methods that take p get this."""
        return p

    def recurrent_matrix(self, p: Mapping[str, A]) -> A | None:
        """M (R, H, G H) of the product h_{t-1} M, of tensors or of numpy's arrays; None where there is no product."""
        return p["W_rec"] if self.recurrent else None

    def products(self, p: Mapping[str, A]) -> list[tuple[int, A]]:
        """(k, M) of each product of the last state that enters a_t: part k of s_{t-1} times M (R, H, G H)."""
        M = self.recurrent_matrix(p)
        first = [] if M is None else [(self.recurrent_part, M)]
        return first if self.lag > 1 else first + self._second(p)

    def delayed_product(self, p: Mapping[str, A]) -> list[tuple[int, A]]:
        """(k, W) of the product that enters a_t from further back: part k of s_{t-lag} times W (R, H, G H); none or one."""
        return self._second(p) if self.lag > 1 else []

    def _second(self, p: Mapping[str, A]) -> list[tuple[int, A]]:
        return [(self.parts.index(self.second_product), p[self.second_matrix])] if self.second_product else []

    def recurrent_gradient(self, p: Mapping[str, A], dM: A) -> A:
        """dL/dW_rec from dL/dM, (R, H, G H) each."""
        return dM

    def own_gradients(self, p: Params, saved: F, s_prev: S, s: S, d: D, ds: S) -> dict[str, Tensor]:
        """dL/dtheta (R, 1, H) of each of `own_weights`, after the backward pass. All arrays of all time steps, (T, R, B, .)."""
        return {}

    @abstractmethod
    def forward(self, p: Params, saved: F, s_prev: S, s: S) -> None:
        """Computes s_t from a_t and s_{t-1}, and overwrites a_t with the activations. All arrays of one step, (R, B, .)."""

    @abstractmethod
    def partials(self, p: Params, saved: F, s_prev: S, s: S, d: D) -> None:
        """Fills d with the elementwise derivatives that `backward` multiplies with. All arrays of a block, (steps, R, B, .)."""

    @abstractmethod
    def backward(self, p: Params, saved: F, d: D, ds: S, ds_prev: S) -> None:
        """Turns d into da = dL/da_t, given ds = dL/ds_t, and fills ds_prev with what does not pass through W_rec (R, B, .).

        Completes ds in place where one part of the state depends on another (LSTM: dc gains the path through h). Leaves
        ds_prev.h as it is where there is no direct path; a cell without W_rec has one.
        """

    def forward_views(self, *arrays: Tensor) -> F:
        """Saved from the arrays of all steps, (T, R, B, .): a, then the extra inputs, then the n_saved others."""
        return self.Saved(*arrays)

    def backward_views(self, *arrays: Tensor) -> D:
        """Partials from the arrays of all steps, (T, R, B, .): da, the extra inputs' gradients, then the n_partials others."""
        return self.Partials(*arrays)

    def inputs(self, p: Params) -> tuple[tuple[Tensor, Tensor], ...]:
        """(W, b) with which x_t enters a_t, and each extra input: (R, I, .) and (R, 1, .)."""
        return ((p["W_in"], p["b"]),)

    def input_gradients(self, d: tuple[tuple[Tensor, Tensor], ...]) -> dict[str, Tensor]:
        """dL/dtheta by name, from (dL/dW, dL/db) of each pair in `inputs`."""
        return dict(zip(("W_in", "b"), d[0], strict=True))
