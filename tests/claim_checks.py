"""What tests of stories and remedies share: networks trained for a Claim, and texts held against it."""

import re
from dataclasses import dataclass, replace

import numpy as np

from rnnkit.analysis.gradient_summary import gradient_ratio
from rnnkit.analysis.learnt import last_accuracy, solved_at, solved_threshold
from rnnkit.analysis.summary import Verdict, verdict
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import History
from rnnkit.engine.trainer import train
from rnnkit.serving.limits import gigaflops
from rnnkit.stories.claims import UNBOUNDED

FRESH = 12_345  # the pages show seeds 0..7, settings were searched with 1000..1031
NETWORKS = 32  # that `make claims` trains
FEWER = 8  # that the usual test run trains, as many as a page shows
QUICK = 20  # GFLOP of NETWORKS networks that the usual test run trains, too: a median of 32 is steadier


@dataclass(frozen=True)
class Found:
    """What fresh networks did, as a Claim speaks of it."""

    solved: float
    solved_at_end: float
    diverged: float
    ratio: float
    after: float
    verdict: Verdict


def networks(e):
    """How many of this Experiment's networks the usual test run trains."""
    return NETWORKS if gigaflops(replace(e, replicas=NETWORKS)) <= QUICK else min(FEWER, e.replicas)


def found(e, part, replicas, seed=FRESH):
    e = replace(e, seed=seed, replicas=replicas)
    h = History.of(e, train(e))
    end, i = h.n - 1, CELLS[e.cell].parts.index(part)
    return Found(
        solved=float((solved_at(h.steps, h.accuracy, solved_threshold(e)) >= 0).mean()),
        solved_at_end=float((last_accuracy(h.accuracy, h.diverged[end]) >= solved_threshold(e)).mean()),
        diverged=float((h.diverged[end] >= 0).mean()),
        ratio=gradient_ratio(h.state_grad[0], e, i),
        after=gradient_ratio(h.state_grad[end], e, i),
        verdict=verdict(h),
    )


def assert_holds(claim, e, replicas, seed=FRESH):
    """Trains the networks; every bound of the claim, and the verdict's colour and words."""
    seen = found(e, claim.part, replicas, seed)
    for name in ("solved", "solved_at_end", "diverged", "ratio", "after"):
        low, high = getattr(claim, name)
        value = getattr(seen, name)
        of_nan = np.isnan(value) and seen.diverged >= 0.5  # the gradient of most is NaN
        if not (of_nan and (name == "after" or (low, high) == UNBOUNDED)):
            assert low <= value <= high, f"{name} is {value:.3g}, claimed is {low:g} to {high:g}: {seen}"
    end = seen.verdict
    assert ("NaN" in end.gradient) == (seen.diverged > 0) and (end.tone == "bad") == (seen.diverged > 0)
    if not seen.diverged:
        assert (end.tone == "good") == (seen.solved_at_end > 0.5)
    return seen


# ---- texts

_DENIED = r"\b(?:none|nothing is|hardly any network|a few networks|some networks|does not|do not) (?:learns?|learnt)\b"
WORDS = [  # what a text says -> whether a claim bears it out; a denial is looked for first, and taken out
    (r"\b(?:no|hardly any) network becomes NaN|\bno NaN\b|\bprevents the NaN", lambda c: c.diverged[1] <= 0.3),
    (r"\bNaN\b|\bexplod", lambda c: c.diverged[0] >= 0.5 or c.ratio[0] >= 100),
    (_DENIED, lambda c: c.solved_at_end[1] <= 0.4),
    (r"\bguess|\bfails?\b|\bnot enough\b", lambda c: c.solved_at_end[1] <= 0.4),
    (r"\bmost\b[^.:;]* learn", lambda c: c.solved_at_end[0] >= 0.6),
    (r"\blearn(?:s|t)?\b", lambda c: c.solved_at_end[0] >= 0.6),
    (r"\bvanish", lambda c: {"it vanished"} in c.ratio_phrases),
    (r"\bfades?\b", lambda c: {"it fades"} in c.ratio_phrases),
    (r"\barrives?\b", lambda c: {"it arrives"} in c.ratio_phrases),
    (r"\bgrows?\b|\bgrew\b", lambda c: any(f and f <= {"it grew", "it grew large"} for f in c.ratio_phrases)),
]  # fmt: skip


GENERAL = (
    r"memory grows|necessary for exploding|not vanished|not learnt: what is|"
    r"nothing has to arrive|\**nothing is learnt through time"
)


def contradictions(text, *claims):
    """The words of the text that none of the claims bears out; GENERAL phrases speak of no run."""
    wrong, text = [], re.sub(GENERAL, " ", text, flags=re.I)
    for pattern, borne_out in WORDS:
        said = re.findall(pattern, text, re.I)
        if said and not any(borne_out(claim) for claim in claims):
            wrong += said
        text = re.sub(pattern, " ", text, flags=re.I)
    return wrong


def own_words(text, beside):
    """The text without what it says of other stories."""
    for quote in beside:
        text = text.replace(quote, " ")
    return text
