"""PANELS: all remedies on the same task, length, batches and seeds as a plain network, each with the Claim that a test checks.

The plain network's gradient vanishes in one panel and explodes in the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rnnkit.engine.fixes import L1, L2, ClipNorm, ClipValue, Omega, Truncate
from rnnkit.experiment import Experiment
from rnnkit.stories.claims import ALL, ANY, FEW, MOST, NONE, SOME, Claim
from rnnkit.stories.remedies.ideas import IDEAS, Idea


@dataclass(frozen=True)
class Remedy:
    """One row of a panel: a remedy applied to its plain network."""

    idea: Idea
    experiment: Experiment
    claim: Claim


@dataclass(frozen=True)
class Panel:
    """A plain network and all remedies applied to it."""

    title: str
    text: str  # why the plain network fails
    remedies: Mapping[str, Remedy]  # the first one is the plain network

    @property
    def plain(self) -> Experiment:
        """The plain network's Experiment."""
        return next(iter(self.remedies.values())).experiment


def _row(name: str, e: Experiment, claim: Claim) -> tuple[str, Remedy]:
    return name, Remedy(IDEAS[name], e, claim)


# One input scale and one learning rate with which every remedy can work, so that nothing else has to change.
_faint = Experiment(length=50, input_scale=0.02, lr=0.001, fixes=(), steps=200)
_esn = Experiment(length=50, cell="esn", hidden=200, leak=0.1, gain=0.9, input_scale=0.02, steps=20)
_LOST, _CUT, _ARRIVES = (0, 1e-8), (0, 0), (0.11, 0.6)
_VANISHES = Claim(NONE, NONE, ratio=_LOST, after=(0, 1e-6))
_TRUNCATED = Claim(FEW, FEW, ratio=_CUT, after=_CUT)
_SHRUNK = Claim(NONE, NONE, ratio=_LOST, after=(0, 1e-15))
_forget_1 = replace(_faint, cell="lstm", bias="forget-1")

_VANISHING = [
    _row("plain", _faint, _VANISHES),
    _row("other-steps", replace(_faint, lr=0.01), Claim((0, 0.4), FEW, ratio=_LOST)),
    _row("larger-inputs", replace(_faint, input_scale=0.3), _VANISHES),
    _row("truncate", replace(_faint, fixes=(Truncate(25),)), _TRUNCATED),
    _row("truncate-orthogonal", replace(_faint, init="orthogonal", fixes=(Truncate(25),)), _TRUNCATED),
    _row("l1", replace(_faint, fixes=(L1(1e-4),)), _SHRUNK),
    _row("l2", replace(_faint, fixes=(L2(1e-3),)), _SHRUNK),
    _row("omega", replace(_faint, fixes=(Omega(2.0), ClipNorm(1.0))), Claim(ALL, ALL, ratio=_LOST, after=(0.1, 10))),
    _row("clip-norm", replace(_faint, fixes=(ClipNorm(1.0),)), _VANISHES),
    _row("clip-value", replace(_faint, fixes=(ClipValue(0.1),)), _VANISHES),
    _row("orthogonal", replace(_faint, init="orthogonal"), Claim(ALL, ALL, ratio=(0.3, 1.5), after=(0.2, 10))),
    _row("identity", replace(_faint, cell="relu", init="identity"), Claim(ALL, ALL, ratio=(0.15, 1.2), after=(5, 1e3))),
    _row("spectral", replace(_faint, init="spectral"), Claim(SOME, SOME, ratio=(0.05, 0.6))),
    _row("relu", replace(_faint, cell="relu"), Claim(NONE, NONE, ratio=(0, 1e-14), after=(0, 1e-12))),
    _row("esn", _esn, Claim(ALL, ALL, ratio=_ARRIVES)),
    _row("lstm-forget-1", _forget_1, Claim(MOST, MOST, ratio=(1e-5, 1e-3), part="c")),
    _row("lstm-forget-1-large", replace(_forget_1, input_scale=0.1, lr=0.01), Claim(FEW, FEW, ratio=(1e-5, 1e-3), part="c")),
    _row("lstm-chrono", replace(_faint, cell="lstm", bias="chrono"), Claim(ALL, ALL, ratio=_ARRIVES, part="c")),
    _row("gru", replace(_faint, cell="gru"), Claim(NONE, NONE, ratio=_LOST, after=(0, 1e-6))),
    _row("gru-chrono", replace(_faint, cell="gru", bias="chrono"), Claim(ALL, ALL, ratio=_ARRIVES)),
]

_wild = Experiment(
    length=30, cell="relu", init="identity", gain=1.3, input_scale=0.1, optimizer="sgd", lr=0.02, fixes=(), steps=400
)
_tame = replace(_wild, gain=1.0)
_GROWS, _SHRINKS = (200, 1e4), (0, 1e-3)
_BLOWN = Claim(NONE, NONE, diverged=ALL, ratio=_GROWS)
_STILL = Claim(NONE, NONE, ratio=_ARRIVES)
_gru = replace(_tame, cell="gru", init="gaussian", bias="chrono", lr=1.0)

_EXPLODING = [
    _row("plain", _wild, _BLOWN),
    _row("other-steps", replace(_wild, lr=0.0002), Claim(NONE, NONE, diverged=FEW, ratio=_GROWS)),
    _row("adam", replace(_wild, optimizer="adam", lr=0.001), Claim(ALL, ALL, ratio=_GROWS)),
    _row("truncate", replace(_wild, fixes=(Truncate(10),)), Claim(NONE, NONE, diverged=SOME, ratio=_CUT)),
    _row("l1", replace(_wild, fixes=(L1(0.1),)), _BLOWN),
    _row("l2", replace(_wild, fixes=(L2(0.1),)), _BLOWN),
    _row("omega-alone", replace(_wild, fixes=(Omega(0.5),)), _BLOWN),
    _row("omega", replace(_wild, fixes=(Omega(0.5), ClipNorm(1.0))), Claim(ANY, (0, 0.4), ratio=_GROWS)),
    _row("clip-norm", replace(_wild, fixes=(ClipNorm(1.0),)), Claim(MOST, MOST, ratio=_GROWS)),
    _row("clip-value", replace(_wild, fixes=(ClipValue(0.1),)), Claim(ALL, ALL, ratio=_GROWS)),
    _row("orthogonal", replace(_tame, init="orthogonal"), Claim(NONE, NONE, ratio=_SHRINKS, after=_SHRINKS)),
    _row("identity", _tame, Claim(NONE, NONE, ratio=(0.15, 1.2))),
    _row("spectral", replace(_tame, init="spectral"), Claim(NONE, NONE, ratio=_SHRINKS, after=_SHRINKS)),
    _row("tanh", replace(_wild, cell="tanh"), Claim(NONE, NONE, ratio=(1, 1e3), after=_SHRINKS)),
    _row("esn", replace(_esn, length=30, input_scale=0.1), Claim(ALL, ALL, ratio=_ARRIVES)),
    _row("lstm-chrono", replace(_gru, cell="lstm"), replace(_STILL, part="c")),
    _row("gru-chrono", _gru, _STILL),
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


def repairs(name: str, kind: str) -> bool:
    """Whether a remedy works by its claim: most networks learn in the vanishing panel, none becomes NaN in the exploding one."""
    claim = PANELS[kind].remedies[name].claim
    return bool(claim.learnt) if kind == "vanishing" else claim.diverged[1] == 0
