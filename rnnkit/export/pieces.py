"""Templates of an exported script that are the same for all cells and remedies; script.py fills them.

`$name` stands for text. Alone on its line it stands for any number of lines, and takes its indentation.
"""

from __future__ import annotations

import re
from textwrap import indent


def fill(template: str, **blocks: str) -> str:
    """Returns the template with each $name replaced by its block."""

    def put(match: re.Match[str]) -> str:
        if match[3]:
            return blocks[match[3]]
        block = blocks[match[2]].removesuffix("\n")
        return indent(block, match[1]) + "\n" if block else ""

    return re.sub(r"(?m)^( *)\$(\w+)\n|\$(\w+)", put, template)


WEIGHTS = '''\
def stream(seed, number):
    """A random generator of its own for each purpose, so that one changed choice leaves all other draws alone."""
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
        $own_weights
        W_out = stream(seed, $W_OUT).standard_normal((HIDDEN, OUTPUTS)) / np.sqrt(3 * HIDDEN)
        b = np.zeros($width)
        $gate_bias
        self.cell = $cell
        self.cell.weight_ih = parameter(W_in.T)  # numpy's are (from, to), torch's (to, from)
        self.cell.bias_ih = parameter(b)
        $recurrent_weights
        $own_parameters
        self.readout = nn.Linear(HIDDEN, OUTPUTS)
        self.readout.weight = parameter(W_out.T)
        self.readout.bias = parameter(np.zeros(OUTPUTS))

    def forward(self, x):
        """x (T, B, INPUTS) -> the outputs of the last ASKED steps, and the states of all steps."""
        $zero = x.new_zeros(x.shape[1], HIDDEN)
        $window
        states = {$no_states}
        for $each:
            $truncation
            $step
            $append
            $shift
        return self.readout(torch.stack(states["h"][-ASKED:])), states
'''

TRAINING = '''\
def tensors(batch):
    """The inputs (T, B, INPUTS) and the answers of the last ASKED steps."""
    return $x, $y


def norm(gradients):
    """The Euclidean norm of all of them together; None counts as 0. In float64, where squares do not overflow or underflow."""
    return math.sqrt(sum(float(g.double().square().sum()) for g in gradients if g is not None))


$penalty
$remedies
$ridge
$schedule
def train(network, seed):
    """Yields for every step: its number, the loss, the gradient's norm before and after the remedies, the states.

    dL/dh_t is h.grad. Ends early where the loss or the gradient after the remedies is not finite.
    """
    batches = task.stream(LENGTH, BATCH, stream(seed, $DATA))
    $optimizer
    for step in range(STEPS + 1):  # the last one only measures
        x, y = tensors(next(batches))
        network.zero_grad()
        z, states = network(x)
        $penalised
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
    """Prints the gradient's norm at some time steps, the first and the last among them: does the error reach the start?"""
    times = sorted({*range(0, LENGTH, max(1, LENGTH // 8)), LENGTH - 1})
    for name, over_time in states.items():
        print(f"  ||dL/d{name}_t||:", ", ".join(f"t={t} {norm([over_time[t].grad]):.1e}" for t in times))


@torch.no_grad()
def accuracy(network):
    """Share of right answers on held-out sequences, which no network is trained on."""
    x, y = tensors(task.evaluation_batch(LENGTH, np.random.default_rng($TEST)))
    z = network(x)[0][-len(y) :]
    right = $right
    return right.double().mean().item()


def main():
    torch.set_num_threads(1)  # the fastest for networks this small
    torch.set_flush_denormal(True)  # a vanishing gradient passes through denormal numbers, which are slow
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
        print(f"  step {step}: loss {loss:.4g}, {share:.1%} of held-out sequences right: {verdict}")
    print(f"{learnt} of {len(SEEDS)} networks learnt the task, {diverged} diverged")
'''

REMEDIES = '''\
$functions
@torch.no_grad()
def remedies(network, states, step):
    """Changes the gradients before the optimizer's step, in this order."""
    $steps


'''

SCHEDULE = '''\
def factor(step):
    """The factor on LR in the update of this training step."""
    $lines


'''

PENALTY = '''\
$functions
def penalty_gradient(network, states, step):
    """Pairs of a weight and the gradient of the penalty on the states in it."""
    h = torch.stack(states["h"])  # (T, B, HIDDEN)
    penalty = 0 * h.sum()
    $terms
    weights = [p for p in network.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(penalty, weights, retain_graph=True, allow_unused=True)
    return [(p, g) for p, g in zip(weights, gradients, strict=True) if g is not None]


'''

PENALISED = "of_penalty = penalty_gradient(network, states, step)  # before retain_grad(): h.grad is that of the loss alone"

ADD_PENALTY = "for p, g in of_penalty:\n    p.grad += g"

RIDGE = '''\
class Ridge:
    """Fits the readout to all states so far by ridge regression."""

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

LOSS = {
    "cross_entropy": "loss = F.cross_entropy(z.flatten(0, 1), target.flatten())",
    "squared_error": "loss = F.mse_loss(z, target)",
}
