"""The pieces of a script, as text, keyed by the names of cells, remedies, optimizers and losses; script.py puts them together.

In the templates `$name` stands for text, and alone on its line for lines, or none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from textwrap import indent
from typing import Any

from rnnkit.engine.cells import CELLS
from rnnkit.experiment import Experiment


def fill(template: str, **blocks: str) -> str:
    """The template with each $name replaced by its block."""

    def put(match: re.Match[str]) -> str:
        if match[3]:
            return blocks[match[3]]
        block = blocks[match[2]].removesuffix("\n")
        return indent(block, match[1]) + "\n" if block else ""

    return re.sub(r"(?m)^( *)\$(\w+)\n|\$(\w+)", put, template)


WEIGHTS = '''\
def stream(seed, number):
    """Random numbers that nothing else uses: changing one choice leaves all other draws alone."""
    return np.random.default_rng([seed, number])


def parameter(value):
    return nn.Parameter(torch.tensor(value, dtype=DTYPE))


$drawing
'''

NETWORK = '''\
$cell_class
class Network(nn.Module):
    """$title; the seed alone decides about the initial weights."""

    def __init__(self, seed):
        super().__init__()
        W_in = stream(seed, $W_IN).standard_normal((INPUTS, $width)) * INPUT_SCALE
        $recurrent
        W_out = stream(seed, $W_OUT).standard_normal((HIDDEN, OUTPUTS)) / np.sqrt(3 * HIDDEN)
        b = np.zeros($width)
        $gate_bias
        self.cell = $cell
        self.cell.weight_ih = parameter(W_in.T)  # numpy's matrices lead from row to column, torch's from column to row
        self.cell.weight_hh = parameter(W_rec.T)
        self.cell.bias_ih = parameter(b)
        self.cell.bias_hh = parameter(0 * b)$second_bias
        self.readout = nn.Linear(HIDDEN, OUTPUTS)
        self.readout.weight = parameter(W_out.T)
        self.readout.bias = parameter(np.zeros(OUTPUTS))

    def forward(self, x):
        """x (T, B, INPUTS) -> the outputs of the last ASKED steps, and the states of all steps."""
        $zero = x.new_zeros(x.shape[1], HIDDEN)
        states = {$no_states}
        for $each:
            $truncation
            $step
            $append
        return self.readout(torch.stack(states["h"][-ASKED:])), states
'''

TRAINING = '''\
def tensors(batch):
    """The inputs (T, B, INPUTS) and the answers of the last ASKED steps."""
    return $x, $y


def norm(gradients):
    """The length of all of them together; None stands for 0. In float64, which holds the squares of tiny and huge numbers."""
    return math.sqrt(sum(float(g.double().square().sum()) for g in gradients if g is not None))


$remedies
$ridge
def train(network, seed):
    """Yields of every step its number, the loss, the gradient's norm before and after the remedies, and the states.

    dL/dh_t is h.grad. Ends early where the loss or the gradient after the remedies is not finite.
    """
    batches = task.stream(LENGTH, BATCH, stream(seed, $DATA))
    $optimizer
    for step in range(STEPS + 1):  # the last one only looks
        x, y = tensors(next(batches))
        network.zero_grad()
        z, states = network(x)
        for state in sum(states.values(), []):
            state.retain_grad()
        $loss
        loss.backward()
        $norms
        yield step, loss.item(), gradient, applied, states
        if step == STEPS or not math.isfinite($watched):
            return
        $update
'''

MAIN = '''\
def show(states):
    """How large the gradient is at some time steps, from the first to the last: does the error at the end reach the start?"""
    times = sorted({*range(0, LENGTH, max(1, LENGTH // 8)), LENGTH - 1})
    for name, over_time in states.items():
        print(f"  ||dL/d{name}_t||:", ", ".join(f"t={t} {norm([over_time[t].grad]):.1e}" for t in times))


@torch.no_grad()
def accuracy(network):
    """Share of right answers in the exam: sequences that no network is trained on."""
    x, y = tensors(task.exam(LENGTH, np.random.default_rng($TEST)))
    z, _ = network(x)
    right = $right
    return right.double().mean().item()


def main():
    torch.set_num_threads(1)  # the fastest for networks this small
    torch.set_flush_denormal(True)  # a vanishing gradient passes through numbers so tiny that they are slow
    learnt = diverged = 0
    for seed in SEEDS:
        network = Network(seed)
        for step, loss, gradient, applied, states in train(network, seed):
            if step == 0:
                print(f"seed {seed}, step 0: loss {loss:.4g}, gradient norm {gradient:.4g}, {applied:.4g} after the remedies")
                show(states)
        if not math.isfinite($watched):
            diverged += 1
            print(f"  diverged at step {step}: loss {loss}, gradient norm {gradient}")
            continue
        share = accuracy(network)
        learnt += share >= $SOLVED
        verdict = "learnt" if share >= $SOLVED else "not learnt"
        print(f"  step {step}: loss {loss:.4g}, {share:.1%} right in the exam: {verdict}")
    print(f"{learnt} of {len(SEEDS)} networks learnt the task, {diverged} diverged")
'''

REMEDIES = '''\
$functions
@torch.no_grad()
def remedies(network, states, step):
    """What is done to the gradient before the optimizer takes its step, in this order."""
    $steps


'''

OMEGA = '''\
@torch.enable_grad()
def omega(network, states):
    """Pascanu, Mikolov & Bengio 2013: how far the gradient is from keeping its norm at each step back, and its slope in W_rec.

    The mean of (r - 1)^2, where r = |dL/dh_t phi' W_rec^T|^2 / |dL/dh_t|^2 of a sentence at step t, and dL/dh_t and h_t count as
    constants. Taken of all with |dL/dh_t| >= 1e-10; in float64, since squares of large gradients are no float32.
    """
    h = torch.stack(states["h"]).detach().double()
    dh = torch.stack([torch.zeros_like(state) if state.grad is None else state.grad for state in states["h"]]).double()
    size = dh.square().sum(-1)
    counted = size >= 1e-20
    if not counted.any():
        return torch.zeros_like(network.cell.weight_hh)
    W = network.cell.weight_hh.detach().double().requires_grad_()
    back = (dh * $slope) @ W  # torch's weight_hh is W_rec^T
    r = back.square().sum(-1)[counted] / size[counted]
    return torch.autograd.grad((r - 1).square().mean(), W)[0].to(DTYPE)


'''

CLIP_NORM = '''\
def clip_norm(network, threshold):
    """Clipping by norm as in torch.nn.utils.clip_grad_norm_, where the norm may be larger than a float32 can hold."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    factor = threshold / max(threshold, norm(gradients))
    for g in gradients:
        g.copy_(g.double() * factor)


'''

RIDGE = '''\
class Ridge:
    """Fits the readout to all states seen so far: linear regression with a penalty on its weights."""

    def __init__(self):
        self.A = self.C = self.n = 0

    @torch.no_grad()
    def fit(self, readout, h, y):
        h = torch.cat([h, torch.ones_like(h[..., :1])], -1).flatten(0, 1).double()  # the last column is for the bias
        self.A, self.C = self.A + h.T @ h, self.C + h.T @ y.flatten(0, 1).double()
        self.n += len(h)
        penalty = RIDGE * torch.eye(HIDDEN + 1).double()
        penalty[-1, -1] = 0
        W = torch.linalg.solve(self.A / self.n + penalty, self.C / self.n)
        readout.weight.copy_(W[:-1].T)
        readout.bias.copy_(W[-1])


'''

SIGMOID = '''\
class SigmoidCell(nn.RNNCell):
    """torch.nn has no such cell: the weights of its RNNCell, and another step."""

    def forward(self, x, h):
        return torch.sigmoid(F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh))


'''

RESERVOIR = '''\
class Reservoir(nn.RNNCell):
    """torch.nn has no echo state network: its RNNCell, of whose state only a share is renewed. Nothing in it is trained."""

    def forward(self, x, h):
        return (1 - LEAK) * h + LEAK * super().forward(x, h)


'''

CELL = {  # what makes it, and the class that has to be there
    "tanh": ("nn.RNNCell(INPUTS, HIDDEN)", ""),
    "sigmoid": ("SigmoidCell(INPUTS, HIDDEN)", SIGMOID),
    "relu": ('nn.RNNCell(INPUTS, HIDDEN, nonlinearity="relu")', ""),
    "lstm": ("nn.LSTMCell(INPUTS, HIDDEN)", ""),
    "gru": ("nn.GRUCell(INPUTS, HIDDEN)", ""),
    "esn": ("Reservoir(INPUTS, HIDDEN)", RESERVOIR),
}

OPTIMIZER = {
    "sgd": "torch.optim.SGD(network.parameters(), lr=LR)",
    "momentum": "torch.optim.SGD(network.parameters(), lr=LR, momentum=0.9)",
    "nesterov": "torch.optim.SGD(network.parameters(), lr=LR, momentum=0.9, nesterov=True)",
    "adam": "torch.optim.Adam(network.parameters(), lr=LR)",
    "rmsprop": "torch.optim.RMSprop(network.parameters(), lr=LR)",
}

LOSS = {
    "cross_entropy": "loss = F.cross_entropy(z.flatten(0, 1), target.flatten())",
    "squared_error": "loss = F.mse_loss(z, target)",
}

WHERE = {  # the papers' weights, where torch has them
    "W_in": "network.cell.weight_ih",
    "W_rec": "network.cell.weight_hh",
    "b": "network.cell.bias_ih",
    "b_rec": "network.cell.bias_hh",
    "W_out": "network.readout.weight",
    "b_out": "network.readout.bias",
}
MATRICES = ", ".join(there for name, there in WHERE.items() if name.startswith("W"))
SLOPE = {"tanh": "(1 - h * h)", "sigmoid": "h * (1 - h)", "relu": "(h > 0)"}  # phi'(a) of a cell with h = phi(a), from h

Piece = Callable[[Any, Experiment], str]  # from a remedy, for an Experiment


def _truncate(fix: Any, e: Experiment) -> str:
    cut = "\n".join(f"    {part} = {part}.detach()" for part in CELLS[e.cell].parts)
    return f"if (len(x) - t) % {fix.steps} == 0:  # {fix.title.lower()}: no gradient crosses to the step before\n{cut}"


def _penalty(slope: str) -> Piece:
    def lines(fix: Any, e: Experiment) -> str:
        return f"for W in ({MATRICES}):\n" + indent(_add("W", f"{fix.alpha!r} * {slope}", e), "    ")

    return lines


def _omega(fix: Any, e: Experiment) -> str:
    return _add(WHERE["W_rec"], f"{fix.alpha!r} * omega(network, states)", e)


def _add(weight: str, what: str, e: Experiment) -> str:
    line = f"{weight}.grad += {what}"
    if any(fix.name == "freeze" for fix in e.fixes):
        return f"if {weight}.grad is not None:  # it is not frozen\n    {line}"
    return line


def _clip_value(fix: Any, e: Experiment) -> str:
    if any(other.name == "freeze" for other in e.fixes):  # torch's function fails where no weight has a gradient
        there = "p.grad for p in network.parameters() if p.grad is not None"
        return f"for g in [{there}]:\n    g.clamp_(-{fix.threshold!r}, {fix.threshold!r})"
    return f"nn.utils.clip_grad_value_(network.parameters(), {fix.threshold!r})"


def _freeze(fix: Any, e: Experiment) -> str:
    names = fix.names.split("+")
    names += ["b_rec"] * ("b" in names and CELLS[e.cell].recurrent_bias)
    weights = " = ".join(f"{WHERE[name]}.grad" for name in names)
    return f"{weights} = None  # the optimizer leaves alone what has no gradient"


SIGNAL: dict[str, Piece] = {"truncate": _truncate}

REMEDY: dict[str, Piece] = {
    "l1": _penalty("W.sign()"),
    "l2": _penalty("W"),
    "omega": _omega,
    "freeze": _freeze,
    "clip-norm": lambda fix, e: f"clip_norm(network, {fix.threshold!r})",
    "clip-value": _clip_value,
}

FUNCTION = {"omega": OMEGA, "clip-norm": CLIP_NORM}  # that a remedy calls
