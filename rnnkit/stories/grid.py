"""GRID: the textbook remedies for exploding and for vanishing gradients, each as two trainings, without it and with it.

The page Remedies begins with them, and a test trains every claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rnnkit.engine.fixes import L2, Truncate
from rnnkit.experiment import Experiment
from rnnkit.stories.claims import ALL, FEW, NONE, Claim
from rnnkit.stories.presets import PRESETS
from rnnkit.stories.remedies.panels import PANELS


@dataclass(frozen=True)
class Training:
    """An Experiment and what its networks do."""

    experiment: Experiment
    claim: Claim


@dataclass(frozen=True)
class Comparison:
    """A remedy as two trainings. They differ in it, in the settings that suit its cell, and in how long they train."""

    title: str
    text: str  # what happens without it and with it
    without: Training
    repaired: Training


_relu = Experiment(
    length=50, cell="relu", init="identity", gain=1.2, input_scale=0.1, optimizer="sgd", lr=0.0005, fixes=(), steps=100
)
_wild = Experiment(length=30, gain=4.0, input_scale=0.3, optimizer="sgd", lr=0.001, fixes=(), steps=200)


def _preset(name: str) -> Training:
    return Training(PRESETS[name].experiment, PRESETS[name].claim)


def _row(name: str) -> Training:
    return Training(PANELS["vanishing"].remedies[name].experiment, PANELS["vanishing"].remedies[name].claim)


GRID: Mapping[str, Sequence[Comparison]] = {
    "Exploding gradients": (
        Comparison(
            "Truncation",
            "Without it nearly every network is NaN after two steps. With the gradient cut after three words few are, and none "
            "learns: the subject lies further back.",
            Training(_relu, Claim(NONE, NONE, diverged=ALL, ratio=(1e3, 1e5))),
            Training(replace(_relu, fixes=(Truncate(3),)), Claim(NONE, NONE, diverged=FEW, ratio=(0, 0), after=(0, 0))),
        ),
        Comparison(
            "Penalty",
            "Without it the gradient grows some hundredfold on the way back. The L2 penalty shrinks the weights until it "
            "grows no longer. Then it vanishes, and nothing is learnt.",
            Training(_wild, Claim(NONE, NONE, ratio=(100, 2e3), after=(5, 2e3))),
            Training(replace(_wild, fixes=(L2(10.0),)), Claim(NONE, NONE, ratio=(100, 2e3), after=(0, 1e-10))),
        ),
        Comparison(
            "Clipping",
            "Without it nearly every network is NaN after two steps. With the gradient clipped to norm 0.5 none is NaN, and the "
            "same networks learn.",
            _preset("explodes"),
            _preset("clipped"),
        ),
    ),
    "Vanishing gradients": (
        Comparison(
            "Initialization",
            "Without it the gradient vanishes before it reaches the subject. Orthogonal recurrent weights let a good part "
            "of it through, and the networks learn.",
            _row("plain"),
            _row("orthogonal"),
        ),
        Comparison(
            "Echo state network",
            "Its recurrent weights are not trained at all, so that no gradient needs to arrive: many slow units hold the "
            "subject, and the output weights alone are fitted.",
            _row("plain"),
            _row("esn"),
        ),
        Comparison(
            "LSTM",
            "Its cell state passes the gradient on by addition. With forget gates that begin almost open (chrono) part of it "
            "arrives, and the networks learn.",
            _row("plain"),
            _row("lstm-chrono"),
        ),
    ),
}
