"""Presets of the cells whose gates see the input alone, and of sLSTM."""

from __future__ import annotations

from dataclasses import replace

from rnnkit.experiment import Experiment
from rnnkit.stories.claims import ALL, MOST, NONE, Claim
from rnnkit.stories.preset import GATES, TASKS_OF_COURSES, Preset

PARITY = Experiment(task="parity", length=50, input_scale=1.0, lr=0.01, steps=300)
_gated = Experiment(length=50, input_scale=0.1, lr=0.01, bias="zero", cell="gru", steps=150)
_overflow = replace(_gated, length=10, input_scale=30, bias="chrono", steps=40)

OF_GATES: dict[str, Preset] = {
    "lru-ring": Preset(
        "LRU: a linear recurrence on a ring",
        "No gate and no product with the state: eigenvalues drawn between 0.99 and 0.9999 shrink the gradient by a power that "
        "the input cannot change. Almost half of it arrives over 98 words, and it learns.",
        replace(_gated, length=100, cell="lru", input_scale=0.3, r_min=0.99, r_max=0.9999, steps=200),
        Claim(ALL, ALL, ratio=(0.3, 0.7), after=(0.4, 1)),
        question=GATES,
    ),
    "lru-full-ring": Preset(
        "LRU: eigenvalues in the whole disc",
        "Units of every memory side by side: the share of the gradient that arrives falls like 1/√(k + 1), a power of the "
        "distance k and no exponential. Over 98 words it fades to some hundredths, and most networks learn.",
        replace(_gated, length=100, cell="lru", input_scale=0.3, steps=300),
        Claim(MOST, MOST, ratio=(2e-3, 0.1), after=(0.2, 1)),
        question=GATES,
    ),
    "mingru-zero": Preset(
        "minGRU with bias 0, 50 words",
        "A gate that sees the word alone, and no recurrent weights: the gradient is the product of the gates, exactly. With "
        "bias 0 each gate starts at about one half, and 48 halves make 3.6e-15: the gradient vanishes, and none learns.",
        replace(_gated, cell="mingru"),
        Claim(NONE, NONE, ratio=(2e-15, 2e-14), after=(0, 1e-8)),
        question=GATES,
    ),
    "mingru-chrono": Preset(
        "minGRU with chrono initialization, 50 words",
        "The same cell with gates that start at memories of 1 to 50 steps: about a fifth of the gradient arrives at the subject, "
        "and it learns.",
        replace(_gated, cell="mingru", bias="chrono"),
        Claim(ALL, ALL, ratio=(0.1, 0.35), after=(0.2, 2)),
        question=GATES,
    ),
    "minlstm-chrono": Preset(
        "minLSTM with chrono initialization, 100 words",
        "Its forget and input gate are divided by their sum. They see the word alone, too: about a fifth of the gradient arrives "
        "at the subject, and it learns.",
        replace(_gated, length=100, cell="minlstm", bias="chrono", steps=200),
        Claim(ALL, ALL, ratio=(0.1, 0.35), after=(0.2, 2)),
        question=GATES,
    ),
    "slstm-chrono": Preset(
        "sLSTM with chrono initialization, 50 words",
        "The LSTM of xLSTM: its input gate is an exponential, and c is divided by n, the sum of the weights so far. It learns as "
        "the LSTM does. The gradient travels in c and in n. That of the stabilizer m is 0.",
        replace(_gated, cell="slstm", bias="chrono", steps=60),
        Claim(ALL, ALL, ratio=(0.05, 0.5), after=(0.02, 1), part="c"),
        question=GATES,
    ),
    "slstm-overflow": Preset(
        "sLSTM without its stabilizer: large inputs become NaN",
        "The exponential of a pre-activation above 88 is too large for 32 bits, and infinity over infinity is NaN. Inputs of "
        "standard deviation 30 do that in nearly every network, before any training.",
        replace(_overflow, cell="slstm-unstabilized"),
        Claim(NONE, NONE, diverged=ALL),
        question=GATES,
    ),
    "slstm-stabilized": Preset(
        "sLSTM with its stabilizer: the same large inputs",
        "The same networks and inputs, with c and n divided by the largest weight so far: no network becomes NaN. The gates are "
        "saturated, and within these few steps it keeps guessing.",
        replace(_overflow, cell="slstm"),
        Claim(NONE, NONE),
        question=GATES,
    ),
}

OF_PARITY: dict[str, Preset] = {
    "parity-gated-linear": Preset(
        "Parity of 50 bits: a linear recurrence, decay in (0, 1)",
        "Each bit multiplies the state by a number between 0 and 1 and adds another: the state can sum and forget, but it cannot "
        "alternate. It goes on guessing where the tanh network learns.",
        replace(PARITY, cell="gated-linear", bias="zero"),
        Claim(NONE, NONE),
        mentions={"the tanh network learns": "parity"},
        question=TASKS_OF_COURSES,
    ),
    "parity-signed": Preset(
        "Parity of 50 bits: a linear recurrence, decay in (-1, 1)",
        "The same recurrence, but its decay can be negative: a one turns the sign of the state, a zero leaves it. It learns, "
        "afterwards the gradient arrives, and 100 bits are no harder.",
        replace(PARITY, cell="gated-linear-signed", bias="zero"),
        Claim(ALL, ALL, ratio=(1e-12, 1e-7), after=(0.1, 1)),
        question=TASKS_OF_COURSES,
    ),
    "parity-mingru": Preset(
        "Parity of 50 bits: minGRU",
        "Its gate sees the bit alone and lies between 0 and 1: what a bit does cannot depend on the bits before it. One layer "
        "goes on guessing.",
        replace(PARITY, cell="mingru", bias="zero"),
        Claim(NONE, NONE),
        question=TASKS_OF_COURSES,
    ),
}
