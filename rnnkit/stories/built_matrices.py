"""Presets of the cells whose matrix is built from W_rec, of coRNN, and of the two short cuts through time."""

from __future__ import annotations

from dataclasses import replace

from rnnkit.experiment import Experiment
from rnnkit.stories.claims import ALL, FEW, NONE, Claim
from rnnkit.stories.preset import RECURRENCE, Preset

_tanh = Experiment()
_weak = replace(_tanh, length=50, gain=0.7, input_scale=0.1, steps=300)
_rotates = replace(_tanh, length=50, input_scale=0.03, cell="exprnn", lr=0.001, steps=300)

OF_RECURRENCE: dict[str, Preset] = {
    "antisymmetric": Preset(
        "AntisymmetricRNN: small steps, 100 words",
        "The length at which the plain network forgets. Here a word moves the state by a small step, along a matrix that turns "
        "and does not stretch: 99 % of the gradient arrives at the subject before anything is trained, and it learns.",
        replace(_tanh, cell="antisymmetric", lr=0.03, steps=200),
        Claim(ALL, ALL, ratio=(0.9, 1.1), after=(0.5, 9.9)),
        question=RECURRENCE,
    ),
    "exprnn": Preset(
        "expRNN: an orthogonal matrix, 50 words",
        "Its matrix is orthogonal at every training step, not at the first one alone, and no slope is above 1: no step "
        "lengthens the gradient. It arrives, and after training, with all units on, it has the same size at every word.",
        _rotates,
        Claim(ALL, ALL, ratio=(0.4, 1), after=(0.5, 1.0001)),
        question=RECURRENCE,
    ),
    "exprnn-off": Preset(
        "expRNN, large inputs and steps: units turn off",
        "The matrix stays orthogonal here, too. But the trained threshold turns units off, and a unit that is off stops the "
        "gradient: it arrives before training, and vanishes after it.",
        replace(_rotates, input_scale=0.3, lr=0.01, steps=200),
        Claim(FEW, FEW, ratio=(0.9, 1), after=(0, 1e-3)),
        question=RECURRENCE,
    ),
    "cornn": Preset(
        "coRNN: coupled oscillators, 100 words",
        "The length at which the plain network forgets, with units that swing: each has a position h and a velocity z. Half of "
        "the gradient arrives at the subject in the velocity, and it learns.",
        replace(_tanh, cell="cornn", lr=0.03, steps=200),
        Claim(ALL, ALL, ratio=(0.3, 0.8), after=(0.5, 9.9), part="z"),
        question=RECURRENCE,
    ),
    "no-skip": Preset(
        "Weak recurrent weights, 50 words",
        "Less than half of the gradient is left at each word on the way back, less than 1e-16 of it at the subject: it vanishes, "
        "and none learns.",
        _weak,
        Claim(NONE, NONE, ratio=(0, 1e-16), after=(0, 1e-12)),
        question=RECURRENCE,
    ),
    "skip": Preset(
        "A connection over 6 steps: the gradient jumps",
        "The same networks, but each state enters again 6 words later. Before training the gradient jumps up 6, 12, 18 words "
        "before the verb; far back many ways blur this. The shortest one to the subject has 8 factors and not 48, and it learns.",
        replace(_weak, cell="skip"),
        Claim(ALL, ALL, ratio=(2e-4, 1e-3), after=(1e-2, 2)),
        question=RECURRENCE,
    ),
    "attention": Preset(
        "Attention: the readout takes all states",
        "The same networks, but what is read is an average of all states, each with a weight that is learnt. Every state reaches "
        "it past all steps between: before training the gradient is as large at the subject as at the verb, and it learns.",
        replace(_weak, cell="attention"),
        Claim(ALL, ALL, ratio=(0.8, 1.5), after=(2, 30), part="r"),
        question=RECURRENCE,
    ),
}
