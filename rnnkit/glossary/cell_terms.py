"""Terms of the cells since 2018: linear recurrences, the normalized LSTM, matrices that are built."""

from __future__ import annotations

from collections.abc import Mapping

from rnnkit.glossary.term import CELL, Term

LATER_CELLS: Mapping[str, Term] = {
    "lru": Term(
        "LRU",
        CELL,
        "A linear cell: each unit is one complex number, which every step turns and shrinks by an eigenvalue drawn on a ring.",
        r"s_t = \lambda \odot s_{t-1} + x_t W_{in} + b",
        ("orvieto", "zucchet"),
        spellings=("LRU",),
        controls=("cell", "r_min", "r_max"),
    ),
    "mingru": Term(
        "minGRU",
        CELL,
        "A GRU whose gate and candidate see the input alone: the product of its gates is the gradient.",
        r"h_t = z_t \odot h_{t-1} + (1 - z_t) \odot g_t",
        ("feng",),
        spellings=("minGRU",),
        controls=("cell",),
    ),
    "minlstm": Term(
        "minLSTM",
        CELL,
        "A linear cell with two gates of the input alone, divided by their sum. The product of the f′ is the gradient.",
        r"h_t = f'_t \odot h_{t-1} + i'_t \odot g_t, \quad f' = \frac{f}{f + i}",
        ("feng",),
        spellings=("minLSTM",),
        controls=("cell",),
    ),
    "gated-linear": Term(
        "Gated linear recurrence",
        CELL,
        "A linear cell whose decay and new value see the input alone. With a negative decay a step can turn the state's sign.",
        r"h_t = \lambda_t \odot h_{t-1} + v_t",
        ("grazzi",),
        spellings=("gated linear",),
        controls=("cell",),
    ),
    "slstm": Term(
        "sLSTM",
        CELL,
        "An LSTM with an exponential input gate. Its normalizer n makes c / n a weighted mean. A stabilizer m prevents overflow.",
        r"h_t = o_t \odot \frac{c_t}{n_t}, \quad n_t = f_t \odot n_{t-1} + e^{a_i}",
        ("beck",),
        spellings=("sLSTM",),
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
    "skip": Term(
        "Connection over k steps",
        CELL,
        "A short cut through time: the state of k steps ago enters again. The gradient can go back k steps with one factor.",
        r"\begin{aligned} h_t = \tanh(&x_t W_{in} + b \\ &+ h_{t-1} W_{rec} + h_{t-k} W_{skip}) \end{aligned}",
        ("lin", "zhang"),
        spellings=("connection over 6 steps",),
        controls=("cell",),
    ),
    "attention": Term(
        "Attention readout",
        CELL,
        "A short cut through time: what is read is an average of all states, so each of them reaches it past the steps between.",
        r"\begin{gathered} h_t = \sum_{s \le t} \alpha_s\, r_s \\ \alpha = \mathrm{softmax}_s(q \odot r_s) \end{gathered}",
        ("zhai",),
        spellings=("attention readout", "attention over its states"),
        controls=("cell",),
    ),
}
