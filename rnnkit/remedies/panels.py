"""PANELS: every remedy on the same task, length, batches and seeds as a plain network. In one panel the plain network's gradient
vanishes, in the other it explodes. What a row claims is checked on fresh seeds by a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rnnkit.experiment import Experiment
from rnnkit.fixes import L1, L2, ClipNorm, ClipValue, Omega, Truncate
from rnnkit.presets import ALL, FEW, MOST, NONE, Claim
from rnnkit.remedies.ideas import IDEAS, Idea

Bounds = tuple[float, float]


@dataclass(frozen=True)
class Remedy:
    """An idea tried on one panel's plain network."""

    idea: Idea
    experiment: Experiment
    claim: Claim
    after: Bounds = (0.0, float("inf"))  # of the gradient ratio after training, as claim.ratio is before


@dataclass(frozen=True)
class Panel:
    title: str
    text: str  # what the plain network suffers from
    remedies: Mapping[str, Remedy]  # the first one is the plain network

    @property
    def plain(self) -> Experiment:
        return next(iter(self.remedies.values())).experiment


def _row(name: str, e: Experiment, claim: Claim, after: Bounds = Remedy.after) -> tuple[str, Remedy]:
    return name, Remedy(IDEAS[name], e, claim, after)


# Input scale and learning rate are such that every remedy can do with them: nothing else has to be changed.
_faint = Experiment(length=50, input_scale=0.02, lr=0.001, fixes=(), steps=200)
_esn = Experiment(length=50, cell="esn", hidden=200, leak=0.1, gain=0.9, input_scale=0.02, steps=20)
_LOST, _CUT, _FADED = (0, 1e-8), (0, 0), (0, 1e-6)
_ARRIVES, _EDGE = (0.05, 1), (0.02, 1.2)

_VANISHING = [
    _row("plain", _faint, Claim(FEW, ratio=_LOST), _FADED),
    _row("other-steps", replace(_faint, lr=0.01), Claim(FEW, ratio=_LOST)),
    _row("larger-inputs", replace(_faint, input_scale=0.3), Claim(FEW, ratio=_LOST), _FADED),
    _row("truncate", replace(_faint, fixes=(Truncate(25),)), Claim(FEW, ratio=_CUT), _CUT),
    _row("truncate-orthogonal", replace(_faint, init="orthogonal", fixes=(Truncate(25),)), Claim(FEW, ratio=_CUT), _CUT),
    _row("l1", replace(_faint, fixes=(L1(1e-4),)), Claim(FEW, ratio=_LOST), (0, 1e-15)),
    _row("l2", replace(_faint, fixes=(L2(1e-3),)), Claim(FEW, ratio=_LOST), (0, 1e-15)),
    _row("omega", replace(_faint, fixes=(Omega(2.0), ClipNorm(1.0))), Claim(ALL, ratio=_LOST), (0.02, 20)),
    _row("clip-norm", replace(_faint, fixes=(ClipNorm(1.0),)), Claim(FEW, ratio=_LOST), _FADED),
    _row("clip-value", replace(_faint, fixes=(ClipValue(0.1),)), Claim(FEW, ratio=_LOST), _FADED),
    _row("orthogonal", replace(_faint, init="orthogonal"), Claim(ALL, ratio=(0.55, 1.2)), (0.2, 20)),
    _row("identity", replace(_faint, cell="relu", init="identity"), Claim(MOST, ratio=_EDGE)),
    _row("spectral", replace(_faint, init="spectral"), Claim((0.5, 1), ratio=(0.02, 0.55))),
    _row("relu", replace(_faint, cell="relu"), Claim(FEW, ratio=(0, 1e-15)), (0, 1e-12)),
    _row("esn", _esn, Claim(ALL, ratio=_ARRIVES)),
    _row("lstm-forget-1", replace(_faint, cell="lstm", bias="forget-1"), Claim((0.5, 1), ratio=(1e-5, 1e-3), part="c")),
    _row(
        "lstm-forget-1-large",
        replace(_faint, cell="lstm", bias="forget-1", input_scale=0.1, lr=0.01),
        Claim(FEW, ratio=(1e-5, 1e-3), part="c"),
        (0, 1e-3),
    ),
    _row("lstm-chrono", replace(_faint, cell="lstm", bias="chrono"), Claim(ALL, ratio=_ARRIVES, part="c"), (0.2, 100)),
    _row("gru", replace(_faint, cell="gru"), Claim(FEW, ratio=_LOST), (0, 1e-4)),
    _row("gru-chrono", replace(_faint, cell="gru", bias="chrono"), Claim(ALL, ratio=(0.1, 0.4)), (0.1, 50)),
]

_wild = Experiment(
    length=30, cell="relu", init="identity", gain=1.3, input_scale=0.1, optimizer="sgd", lr=0.02, fixes=(), steps=400
)
_tame = replace(_wild, gain=1.0)
_GROWS, _SHRINKS = (100, 1e5), (0, 2e-3)
_BLOWN = Claim(NONE, diverged=(0.85, 1), ratio=_GROWS)

_EXPLODING = [
    _row("plain", _wild, _BLOWN),
    _row("other-steps", replace(_wild, lr=0.0002), Claim(FEW, diverged=FEW, ratio=_GROWS)),
    _row("adam", replace(_wild, optimizer="adam", lr=0.001), Claim(ALL, ratio=_GROWS)),
    _row("truncate", replace(_wild, fixes=(Truncate(10),)), Claim(NONE, diverged=(0.3, 1), ratio=_CUT)),
    _row("l1", replace(_wild, fixes=(L1(0.1),)), _BLOWN),
    _row("l2", replace(_wild, fixes=(L2(0.1),)), _BLOWN),
    _row("omega-alone", replace(_wild, fixes=(Omega(0.5),)), _BLOWN),
    _row("omega", replace(_wild, fixes=(Omega(0.5), ClipNorm(1.0))), Claim((0.2, 1), ratio=_GROWS)),
    _row("clip-norm", replace(_wild, fixes=(ClipNorm(1.0),)), Claim(MOST, ratio=_GROWS)),
    _row("clip-value", replace(_wild, fixes=(ClipValue(0.1),)), Claim(ALL, ratio=_GROWS)),
    _row("orthogonal", replace(_tame, init="orthogonal"), Claim(NONE, ratio=_SHRINKS)),
    _row("identity", _tame, Claim(NONE, ratio=_EDGE)),
    _row("spectral", replace(_tame, init="spectral"), Claim(NONE, ratio=_SHRINKS)),
    _row("tanh", replace(_wild, cell="tanh"), Claim(NONE, ratio=(1, 1e3)), _SHRINKS),
    _row("esn", replace(_esn, length=30, input_scale=0.1), Claim(ALL, ratio=_ARRIVES)),
    _row(
        "lstm-chrono", replace(_tame, cell="lstm", init="gaussian", bias="chrono", lr=1.0), Claim(NONE, ratio=_ARRIVES, part="c")
    ),
    _row("gru-chrono", replace(_tame, cell="gru", init="gaussian", bias="chrono", lr=1.0), Claim(NONE, ratio=_ARRIVES)),
]

PANELS: dict[str, Panel] = {
    "vanishing": Panel(
        "Vanishing",
        "A plain tanh network over 50 words: next to nothing of the gradient reaches the subject, and it keeps guessing.",
        dict(_VANISHING),
    ),
    "exploding": Panel(
        "Exploding",
        "A ReLU network over 30 words whose recurrent weights are 1.3 times the identity: its gradient grows a thousandfold on "
        "the way back, and after a step or two of plain SGD the weights are NaN.",
        dict(_EXPLODING),
    ),
}
UNTRIED = {  # registered names that stand in no panel, and why
    "freeze": "a means for studying what is learnt, not a remedy",
    "sigmoid": "as tanh, but its derivative is at most 1/4",
    "xavier": "uniform weights with spectral radius about 1: see the row with spectral radius 1",
    "sparse": "spectral radius set as in the row with spectral radius 1, with fewer connections",
}


def repairs(name: str, kind: str) -> bool:
    """What the claims say: in the vanishing panel, that most networks learn; in the exploding one, that none becomes NaN."""
    claim = PANELS[kind].remedies[name].claim
    return claim.solved[0] >= 0.5 if kind == "vanishing" else claim.diverged[1] == 0
