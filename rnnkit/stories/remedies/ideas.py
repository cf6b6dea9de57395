"""Descriptions of all remedies, independent of an experiment: equation, when it helps, when it fails, source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Idea:
    """The description of a remedy."""

    title: str
    level: str  # what it changes: a key of LEVELS
    formula: str  # one line of LaTeX, with the symbols of the code
    helps: str
    fails: str
    source: str
    mentions: Mapping[str, str] = field(default_factory=dict)  # part of these texts about a preset -> that preset's name


LEVELS = {  # what a remedy changes -> heading of its rows
    "plain": "The plain network, and what a sceptic asks first",
    "gradient": "Changes the gradient",
    "weights": "Changes the initial weights",
    "cell": "Changes the cell",
}

_SHORT = {"with 10 words it learns (story: Remembers)": "remembers"}
_PASCANU = "Pascanu, Mikolov & Bengio 2013"

IDEAS: dict[str, Idea] = {
    "plain": Idea(
        "Plain network",
        "plain",
        "$a_t = x_t W_{in} + h_{t-1} W_{rec} + b$, $h_t = \\phi(a_t)$, so $dh_{t-1} = (dh_t \\odot \\phi'(a_t))\\, W_{rec}^T$",
        "Short sequences: with 10 words it learns (story: Remembers).",
        "Long ones: the gradient is multiplied by the same matrix once for every word.",
        "Elman 1990",
        _SHORT,
    ),
    "other-steps": Idea(
        "Other learning rate",
        "plain",
        "$W \\leftarrow W - \\eta \\, dW$ with another $\\eta$",
        "Where the gradient has the right direction and only the step is too short or too long.",
        "Vanishing: with steps ten times as long a few networks learn, but most go on guessing. Exploding: with steps 100 times "
        "as short hardly any network becomes NaN, and none learns.",
        "Robbins & Monro 1951",
    ),
    "larger-inputs": Idea(
        "Larger input weights",
        "plain",
        "$W_{in} \\sim N(0, 0.3^2)$",
        "Short sequences: with 10 words it learns (story: Remembers).",
        "Vanishing: units that saturate let less gradient through, since tanh' = 1 - tanh². The networks go on guessing.",
        "Glorot & Bengio 2010",
        _SHORT,
    ),
    "adam": Idea(
        "Adam instead of SGD",
        "plain",
        "$W \\leftarrow W - \\eta\\, m / (\\sqrt v + \\epsilon)$; $m$, $v$: means of the gradient and its square",
        "Exploding: each component is divided by its own recent size, so that no step is long. It works like "
        "clipping, and the networks learn.",
        "Vanishing: the plain network of the other panel is trained with Adam already.",
        "Kingma & Ba 2015",
    ),
    "truncate": Idea(
        "Truncated backpropagation",
        "gradient",
        "$dh_{T-k-1} = 0$: the gradient flows $k$ steps back, no further",
        "Long streams: time and memory grow with k, not with T. Shorter products explode less.",
        "It cuts the path: before the cut the gradient is exactly 0 and teaches nothing. Forward, the state grows as before.",
        "Williams & Peng 1990",
    ),
    "truncate-orthogonal": Idea(
        "Orthogonal but truncated",
        "gradient",
        "$W_{rec}^T W_{rec} = I$, and $dh_{T-k-1} = 0$",
        "It shows what truncation costs: compare it with the orthogonal row, which differs in the truncation alone.",
        "The gradient that would come back in full is cut half way.",
        "Williams & Peng 1990",
    ),
    "l1": Idea(
        "L1 penalty",
        "gradient",
        "$dW \\leftarrow dW + \\alpha\\, \\mathrm{sign}(W)$",
        "It is made to leave few weights that are not 0. On gradients through time it helps in neither panel.",
        "Vanishing: smaller weights make it vanish faster. Exploding: one long step makes the weights useless before the "
        "penalty has made them smaller.",
        f"Tibshirani 1996; for recurrent networks discussed by {_PASCANU}, section 3.1",
    ),
    "l2": Idea(
        "L2 penalty",
        "gradient",
        "$dW \\leftarrow dW + \\alpha W$",
        "It is made against overfitting. In theory it can keep weights so small that nothing explodes; here it is too late.",
        "Vanishing: smaller weights make it vanish faster. Exploding: one long step makes the weights useless before the "
        "penalty has made them smaller.",
        f"Krogh & Hertz 1992; for recurrent networks discussed by {_PASCANU}, section 3.1",
    ),
    "omega": Idea(
        "Omega with clipping",
        "gradient",
        "$\\Omega = \\mathrm{mean}_t\\, (\\lVert da_t W_{rec}^T \\rVert^2 / \\lVert dh_t \\rVert^2 - 1)^2$; "
        "$dW_{rec} \\leftarrow dW_{rec} + \\alpha\\, d\\Omega/dW_{rec}$",
        "Vanishing: it asks the gradient to keep its size from each step to the one before. At first it vanishes as in the "
        "plain network, after training it arrives, and the networks learn.",
        "Exploding: it is the clipping that prevents the NaN, and most networks do not learn. Not defined for cells with gates.",
        f"{_PASCANU}, section 3.3",
    ),
    "omega-alone": Idea(
        "Omega alone",
        "gradient",
        "the same, without clipping",
        "Vanishing; see the row with clipping.",
        "Exploding: the penalty is one more gradient that explodes, and the weights become NaN.",
        f"{_PASCANU}, section 3.3",
    ),
    "clip-norm": Idea(
        "Clipping by norm",
        "gradient",
        "$g \\leftarrow g \\cdot \\min(1, \\theta / \\lVert g \\rVert)$, with the norm over all weights",
        "Exploding: the direction stays, the length is bounded. No network becomes NaN, and most learn.",
        "Vanishing: there is nothing to shorten.",
        f"{_PASCANU}, section 3.2",
    ),
    "clip-value": Idea(
        "Clipping by value",
        "gradient",
        "$g_i \\leftarrow \\max(-\\theta, \\min(\\theta, g_i))$",
        "Exploding: as clipping by norm, though it turns the direction as well. The networks learn.",
        "Vanishing: there is nothing to shorten.",
        "Mikolov 2012",
    ),
    "orthogonal": Idea(
        "Orthogonal weights",
        "weights",
        "$W_{rec}^T W_{rec} = I$: every singular value is 1",
        "Vanishing: with tanh and small inputs the gradient arrives from the first step on, and the networks learn.",
        "Exploding: with ReLU, which switches units off, the gradient vanishes, and nothing is learnt. No network becomes NaN.",
        "Saxe, McClelland & Ganguli 2014",
    ),
    "identity": Idea(
        "Identity with ReLU (IRNN)",
        "weights",
        "$W_{rec} = I$, $\\phi = \\max(0, \\cdot)$: the state is copied until something is written",
        "Vanishing: the gradient is copied back as the state is copied forward. It arrives, and the networks learn.",
        "It needs just this size: 1.3 times the identity is the plain network of the other panel. Exploding: with 1 times the "
        "identity no network becomes NaN, but with plain SGD nothing is learnt in 400 steps.",
        "Le, Jaitly & Hinton 2015",
    ),
    "spectral": Idea(
        "Spectral radius 1",
        "weights",
        "$\\max_i \\lvert\\lambda_i(W_{rec})\\rvert = 1$",
        "Vanishing: one direction keeps its size, so far more of the gradient is left than in the plain network. In 200 steps "
        "that is enough for some of the networks.",
        "The other directions shrink: less is left than with orthogonal weights. Exploding: with ReLU the gradient vanishes, and "
        "nothing is learnt. No network becomes NaN.",
        f"Jaeger 2001; {_PASCANU}, section 2",
    ),
    "relu": Idea(
        "ReLU alone",
        "cell",
        "$\\phi = \\max(0, \\cdot)$, $\\phi' = 0$ or $1$",
        "It does not saturate. But for the IRNN the identity matters more: see its row.",
        "Vanishing: with ordinary weights the gradient vanishes faster than with tanh.",
        "Le, Jaitly & Hinton 2015",
    ),
    "tanh": Idea(
        "tanh instead of ReLU",
        "cell",
        "$\\lvert h_t \\rvert < 1$, and $\\phi' = 1 - h_t^2 \\leq 1$",
        "Exploding: the state is bounded, and no network becomes NaN.",
        "Exploding: the unclipped steps drive the units into saturation, where the gradient vanishes: nothing is learnt.",
        "Elman 1990",
    ),
    "esn": Idea(
        "Echo state network",
        "cell",
        "$h_t = (1 - \\lambda) h_{t-1} + \\lambda \\tanh(a_t)$; only $W_{out}$ is fitted, by ridge regression",
        "Both: no weight through time is trained, so no gradient is needed. A slow reservoir (leak 0.1) still holds the subject.",
        "The reservoir is drawn, not learnt: it takes 200 units here, the others have 32.",
        "Jaeger 2001",
    ),
    "lstm-forget-1": Idea(
        "LSTM forget bias 1",
        "cell",
        "$dc_{t-1} \\approx f_t \\odot dc_t$ with $f_t = \\sigma(1) = 0.73$",
        "Vanishing: each step keeps 73 % of the cell state. Over 50 words the gradient vanishes: less than a thousandth is left. "
        "With inputs and steps as small as here most networks learn all the same.",
        "Larger inputs and steps: see the next row.",
        "Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000",
    ),
    "lstm-forget-1-large": Idea(
        "LSTM forget bias 1 with larger inputs and steps",
        "cell",
        "the same",
        "It shows how narrow the range is in which forget bias 1 is enough.",
        "Vanishing: most networks fail. With chrono they learn with these settings too (story: LSTM with chrono initialization).",
        "Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000",
        {"With chrono they learn with these settings too (story: LSTM with chrono initialization)": "lstm-chrono"},
    ),
    "lstm-chrono": Idea(
        "LSTM chrono",
        "cell",
        "$b_f = \\log U(1, T - 1)$, $b_i = -b_f$: memories of 1 to T steps",
        "Vanishing: the gradient travels in the cell state c. Look at dL/dc: it arrives before training, of dL/dh hardly a "
        "hundredth as much is left. The networks learn.",
        "Exploding: no network becomes NaN, but with plain SGD nothing is learnt, even with steps 50 times as long.",
        "Tallec & Ollivier 2018",
    ),
    "gru": Idea(
        "GRU bias 0",
        "cell",
        "$dh_{t-1} \\approx z_t \\odot dh_t$ with $z_t = \\sigma(0) = 0.5$",
        "Short memories: each step keeps half of the state.",
        "Vanishing: over 50 words nothing is learnt. Gates alone are not enough.",
        "Cho et al. 2014",
    ),
    "gru-chrono": Idea(
        "GRU chrono",
        "cell",
        "$b_z = \\log U(1, T - 1)$: memories of 1 to T steps",
        "Vanishing: the gates start nearly open for the memory. A fifth of the gradient arrives, and the networks learn.",
        "Exploding: no network becomes NaN, but with plain SGD nothing is learnt, even with steps 50 times as long.",
        "Cho et al. 2014; Tallec & Ollivier 2018",
    ),
}
