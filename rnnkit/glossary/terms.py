"""The words of the dashboard that have a meaning of their own: one line each, an equation, a picture, and the papers.

Row vectors, as everywhere in this project: a_t = x_t W_in + h_{t-1} W_rec + b, h_t = phi(a_t).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rnnkit.experiment import FIELDS


@dataclass(frozen=True)
class Term:
    """A word. Pages explain it by its line wherever one of its spellings stands."""

    name: str
    topic: str
    line: str  # plain text, one sentence or two
    equation: str = ""  # LaTeX
    sources: tuple[str, ...] = ()  # keys of SOURCES
    picture: str = ""  # key of PICTURES
    spellings: tuple[str, ...] = ()  # in the texts of pages
    controls: tuple[str, ...] = ()  # fields and remedies whose control it explains


SEQUENCE, GRADIENT, WEIGHTS, CELL, REMEDY, TEXT = (
    "The sequence",
    "The gradient",
    "The weights at the start",
    "The state and the cells",
    "Remedies",
    "Sentences and texts",
)

TERMS: Mapping[str, Term] = {
    "length": Term(
        "Sequence length T", SEQUENCE, FIELDS["length"].help, r"t = 0, \dots, T - 1", picture="sequence", controls=("length",)
    ),
    "time-step": Term(
        "Time step t",
        SEQUENCE,
        "One word or symbol of the sequence. The network reads them forwards; the gradient goes through them backwards.",
        r"h_t = \phi(x_t W_{in} + h_{t-1} W_{rec} + b)",
        ("elman",),
        "time-step",
        ("time step", "time steps"),
    ),
    "training-step": Term(
        "Training step",
        SEQUENCE,
        "One update of the weights, from one batch of sequences. It goes through all time steps of each.",
        r"W \leftarrow W - \eta\, \frac{dL}{dW}",
        picture="training-step",
        spellings=("training step", "training steps"),
        controls=("steps",),
    ),
    "replicas": Term(
        "Networks side by side R",
        SEQUENCE,
        FIELDS["replicas"].help,
        spellings=("networks side by side",),
        controls=("replicas",),
    ),
    "state-gradient": Term(
        "dL/dhₜ",
        GRADIENT,
        "The derivative of the loss with respect to the state at time step t: how a small change of that state changes the loss.",
        r"\frac{dL}{dh_{t-1}} = \left(\frac{dL}{dh_t} \odot \phi'(a_t)\right) W_{rec}^T",
        ("pascanu",),
        "profile",
        ("dL/dhₜ", "dL/dh"),
    ),
    "bptt": Term(
        "Backpropagation through time",
        GRADIENT,
        "The chain rule, applied from the last time step back to the first: the gradient of all weights in one pass.",
        r"\frac{dL}{dW} = \sum_t \frac{dL}{dh_t}\, \frac{\partial h_t}{\partial W}",
        ("werbos",),
        "back",
        ("backpropagation through time", "backpropagation"),
    ),
    "jacobian": Term(
        "Jacobian",
        GRADIENT,
        "The derivatives of one state with respect to the state before: the matrix by which the gradient is multiplied.",
        r"dh_{t-1} = dh_t\, \mathrm{diag}(\phi'(a_t))\, W_{rec}^T",
        ("pascanu",),
        "jacobian",
        ("Jacobian", "Jacobians"),
    ),
    "vanishing": Term(
        "Vanishing gradient",
        GRADIENT,
        "The gradient shrinks on its way back to almost nothing. It must where λ₁ times the steepest slope γ is below 1.",
        r"\|dh_0\| \le (\gamma \lambda_1)^{T-1}\, \|dh_{T-1}\|",
        ("bengio", "pascanu"),
        "vanishing",
        ("vanishing gradient", "vanishing gradients", "vanishes"),
    ),
    "exploding": Term(
        "Exploding gradient",
        GRADIENT,
        "The gradient grows on its way back. It can only where λ₁ times the steepest slope γ is above 1.",
        r"\|dh_{t-1}\| > \|dh_t\| \ \Rightarrow\ \gamma \lambda_1 > 1",
        ("bengio", "pascanu"),
        "exploding",
        ("exploding gradient", "exploding gradients", "explodes"),
    ),
    "nan": Term(
        "NaN",
        GRADIENT,
        "Not a number: what arithmetic gives after numbers have become too large. A network with a NaN computes nothing else.",
        r"\infty - \infty,\quad 0 \cdot \infty",
        spellings=("NaN",),
    ),
    "saturation": Term(
        "Saturation",
        GRADIENT,
        "A unit is saturated where its slope is close to 0. It then lets hardly any gradient through.",
        r"\tanh'(a) = 1 - \tanh^2(a)",
        ("glorot",),
        "saturation",
        ("saturation", "saturated", "saturate"),
    ),
    "lyapunov": Term(
        "Lyapunov exponent",
        GRADIENT,
        "The logarithm of the mean growth of a small difference between states in a time step. Above 0: chaos.",
        r"\lambda = \lim_{T \to \infty} \frac{1}{T} \ln \left\| \prod_t \frac{dh_t}{dh_{t-1}} \right\|",
        ("vogt",),
        spellings=("Lyapunov exponent", "Lyapunov exponents"),
    ),
    "lag": Term(
        "Lag k",
        GRADIENT,
        "How many time steps a part of the gradient of the recurrent weights looks back from a loss.",
        r"\sum_k \frac{\langle dW_k, dW \rangle}{\|dW\|^2} = 1",
        spellings=("lag", "lags"),
    ),
    "gain": Term("Gain", WEIGHTS, FIELDS["gain"].help, picture="gain", controls=("gain",)),
    "input-scale": Term(
        "Input scale",
        WEIGHTS,
        FIELDS["input_scale"].help,
        r"W_{in} \sim N(0, s^2)",
        spellings=("input scale",),
        controls=("input_scale",),
    ),
    "spectral-radius": Term(
        "Spectral radius ρ",
        WEIGHTS,
        "The largest absolute value of an eigenvalue of the recurrent weights: the rate at which their powers grow or shrink.",
        r"\rho = \max_i |\mu_i| = \lim_{k \to \infty} \|W_{rec}^k\|^{1/k}",
        ("pascanu", "jaeger"),
        "spectrum",
        ("spectral radius",),
    ),
    "singular-value": Term(
        "Singular value λ₁",
        WEIGHTS,
        "The largest singular value of the recurrent weights: the most by which they lengthen any vector in one step.",
        r"\lambda_1 = \max_{v \ne 0} \frac{\|v W_{rec}\|}{\|v\|}",
        ("pascanu",),
        "stretch",
        ("singular value", "singular values"),
    ),
    "orthogonal": Term(
        "Orthogonal weights",
        WEIGHTS,
        "Weights that turn or mirror vectors and keep their length: all singular values are 1.",
        r"W_{rec}^T W_{rec} = I",
        ("saxe",),
        "rotation",
        ("orthogonal weights", "orthogonal initialization", "orthogonal recurrent weights"),
        controls=("init",),
    ),
    "irnn": Term(
        "IRNN",
        WEIGHTS,
        "A network of ReLU units whose recurrent weights start as the identity: it copies its state from step to step.",
        r"W_{rec} = I, \quad b = 0",
        ("le",),
        "identity",
        ("IRNN",),
        controls=("init",),
    ),
    "state": Term(
        "State h",
        CELL,
        "What the network carries from one time step to the next: the values of its hidden units.",
        r"h_t = \phi(x_t W_{in} + h_{t-1} W_{rec} + b)",
        ("elman",),
        spellings=("hidden state",),
        controls=("hidden",),
    ),
    "cell-state": Term(
        "Cell state c of an LSTM",
        CELL,
        "A second state, which the gates scale and add to. The gradient travels in it through sums and the forget gates.",
        r"\begin{gathered} c_t = f_t \odot c_{t-1} + i_t \odot g_t \\ h_t = o_t \odot \tanh(c_t) \end{gathered}",
        ("hochreiter", "gers"),
        "gate",
        ("cell state", "LSTM"),
        ("cell",),
    ),
    "gru": Term(
        "GRU",
        CELL,
        "A cell with gates and one state: an update gate says which share of the state stays as it was.",
        r"h_t = z_t \odot h_{t-1} + (1 - z_t) \odot n_t",
        ("cho",),
        spellings=("GRU",),
        controls=("cell",),
    ),
    "janet": Term(
        "JANET",
        CELL,
        "A cell whose only gate is a forget gate. Its state is its memory.",
        r"h_t = f_t \odot h_{t-1} + \sigma(1 - a_f) \odot \tanh(a_g)",
        ("westhuizen",),
        spellings=("JANET",),
        controls=("cell",),
    ),
    "antisymmetric": Term(
        "AntisymmetricRNN",
        CELL,
        "A cell whose state moves by a small step at each word, along a matrix with imaginary eigenvalues.",
        r"\begin{gathered} h_t = h_{t-1} + \epsilon \tanh(a_t) \\ a_t = x_t W_{in} + b + h_{t-1} M \\"
        r" M = W_{rec} - W_{rec}^T - \gamma 1 \end{gathered}",
        ("chang",),
        spellings=("AntisymmetricRNN",),
        controls=("cell",),
    ),
    "exprnn": Term(
        "expRNN",
        CELL,
        "A cell whose recurrent matrix stays orthogonal in training: the exponential of an antisymmetric matrix.",
        r"\begin{gathered} h_t = \mathrm{modReLU}(a_t) \\ a_t = x_t W_{in} + b + h_{t-1} M \\"
        r" M = \exp(W_{rec} - W_{rec}^T) \end{gathered}",
        ("lezcano",),
        spellings=("expRNN",),
        controls=("cell",),
    ),
    "cornn": Term(
        "coRNN",
        CELL,
        "A cell of damped oscillators: the state h has a velocity z, and inputs and the other units drive it.",
        r"\begin{gathered} f_t = \tanh(a_t) - \gamma h_{t-1} - \epsilon z_{t-1} \\ z_t = z_{t-1} + \Delta t\, f_t \\"
        r" h_t = h_{t-1} + \Delta t\, z_t \end{gathered}",
        ("rusch",),
        spellings=("coRNN",),
        controls=("cell",),
    ),
    "forget-gate": Term(
        "Forget gate",
        CELL,
        "A number between 0 and 1 for each unit and time step: the share of the memory that stays, and of its gradient.",
        r"f_t = \sigma(x_t W_{in} + h_{t-1} W_{rec} + b_f)",
        ("gers",),
        "gate",
        ("forget gate", "forget gates"),
        controls=("bias",),
    ),
    "chrono": Term(
        "Chrono initialization",
        CELL,
        "Biases of the gates, drawn so that the memories last between 1 and T steps at the start.",
        r"b_f \sim \log U(1, T - 1)",
        ("tallec",),
        "chrono",
        ("chrono initialization", "chrono"),
        controls=("bias",),
    ),
    "esn": Term(
        "Echo state network",
        CELL,
        "A network whose recurrent weights stay as they were drawn. Its output weights alone are fitted, by ridge regression.",
        r"\min_{W_{out}} \tfrac{1}{N} \|H W_{out} - Y\|^2 + \lambda \|W_{out}\|^2",
        ("jaeger",),
        "reservoir",
        ("echo state network", "reservoir"),
        controls=("ridge", "density"),
    ),
    "leak": Term(
        "Leak",
        CELL,
        FIELDS["leak"].help,
        r"h_t = (1 - \alpha)\, h_{t-1} + \alpha \tanh(a_t)",
        ("jaeger-leaky",),
        controls=("leak",),
    ),
    "clipping": Term(
        "Clipping",
        REMEDY,
        "A gradient that is longer than a threshold is shortened to it; its direction stays.",
        r"g \leftarrow g\, \min\left(1, \frac{\theta}{\|g\|}\right)",
        ("pascanu",),
        "clipping",
        ("clipping", "clipped"),
        ("clip-norm",),
    ),
    "truncation": Term(
        "Truncation",
        REMEDY,
        "The gradient of the last time step goes back k time steps and no further: before them it is exactly 0.",
        r"dh_t = 0 \quad \text{for } t < T - k",
        ("williams-peng",),
        "truncation",
        ("truncation", "truncated", "truncated backpropagation"),
        ("truncate",),
    ),
    "omega": Term(
        "Omega",
        REMEDY,
        "A penalty on the recurrent weights that asks the gradient to keep its norm from each time step to the one before.",
        r"\Omega = \mathrm{mean}_t \left(\frac{\|dh_t\, \partial h_t / \partial h_{t-1}\|^2}{\|dh_t\|^2} - 1\right)^2",
        ("pascanu",),
        "omega",
        ("Omega",),
        ("omega",),
    ),
    "ar": Term(
        "AR and TAR",
        REMEDY,
        "Penalties on the size of the states (AR) and on their change from one time step to the next (TAR).",
        r"\begin{gathered} \mathrm{AR} = \alpha\, \mathrm{mean}\, h_t^2 \\"
        r" \mathrm{TAR} = \beta\, \mathrm{mean}\, (h_{t+1} - h_t)^2 \end{gathered}",
        ("merity",),
        controls=("ar", "tar"),
    ),
    "agreement": Term(
        "Agreement",
        TEXT,
        "The verb has the number of its subject, which stands some words before: the dog … was, the dogs … were.",
        "",
        ("linzen",),
        "agreement",
        ("agreement",),
        ("task",),
    ),
    "attractor": Term(
        "Attractor",
        TEXT,
        "A noun between the subject and the verb that has a number, too. One of the other number can mislead.",
        "",
        ("linzen",),
        "attractor",
        ("attractor", "attractors"),
    ),
    "minimal-pair": Term(
        "Minimal pair",
        TEXT,
        "Two texts that differ in one place, one right and one wrong. A model agrees where it finds the right one more probable.",
        r"p(\text{right}) > p(\text{wrong})",
        ("warstadt",),
        "",
        ("minimal pair", "minimal pairs"),
    ),
    "bits": Term(
        "Bits per character or word",
        TEXT,
        "The mean of −log₂ of the probability that a model gives to what comes next. Fewer are better.",
        r"-\frac{1}{N} \sum_n \log_2 p(x_n \mid x_1 \dots x_{n-1})",
        spellings=("bits", "Bits"),
    ),
}
