"""Terms of linear cells and of the normalized LSTM."""

from __future__ import annotations

from collections.abc import Mapping

from rnnkit.glossary.term import CELL, Term

LINEAR_AND_NORMALIZED: Mapping[str, Term] = {
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
}
