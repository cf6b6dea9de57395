"""Random experiments: what a verdict says of the gradient and of the learning is held against the numbers, read in another way.

RNNKIT_VERDICTS=1000 takes so many instead of a few; the seed is fixed.
"""

import os
import re
from decimal import Decimal

import numpy as np
import pytest
import torch

from rnnkit import Experiment, ExperimentError, train
from rnnkit.analysis.summary import verdict
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import History
from rnnkit.engine.inits import INITS
from rnnkit.engine.optim import OPTIMIZERS
from rnnkit.experiment import applies
from rnnkit.tasks import TASKS
from rnnkit.tasks.base import shared_evaluation

MANY = int(os.environ.get("RNNKIT_VERDICTS", 40))
SCALE = [(1e-3, "it vanished"), (0.1, "it fades"), (10, "it arrives"), (1e3, "it grew"), (np.inf, "it grew large")]
FIXES = [
    (), ("clip-norm:1",), ("truncate:5",), ("l2:0.01",), ("clip-value:0.1",), ("omega:2",), ("omega:0.5", "clip-norm:1@3"),
    ("freeze:W_rec",), ("freeze:W_rec+W_in+b",), ("freeze:W_out@2",),
]  # fmt: skip


def experiment(rng):
    """A valid one, small; wild settings are as likely as sane ones."""
    while True:
        task = str(rng.choice(list(TASKS)))
        values = {
            "task": task,
            "length": max(TASKS[task].min_length, int(rng.choice([3, 8, 20, 60]))),
            "cell": str(rng.choice(list(CELLS))),
            "hidden": int(rng.choice([1, 4, 12])),
            "init": str(rng.choice(list(INITS))),
            "gain": float(rng.choice([0, 0.3, 1, 1.5, 5, 30])),
            "input_scale": float(rng.choice([0.01, 0.3, 3])),
            "fixes": FIXES[rng.integers(len(FIXES))],
            "optimizer": str(rng.choice(list(OPTIMIZERS))),
            "lr": float(rng.choice([1e-3, 0.05, 1, 30])),
            "batch": int(rng.choice([1, 4, 16])),
            "steps": int(rng.choice([1, 5, 12])),
            "replicas": int(rng.choice([1, 2, 3])),
            "seed": int(rng.integers(1000)),
        }
        try:
            return Experiment(**{k: v for k, v in values.items() if applies(Experiment(cell=values["cell"]), k)})
        except (ExperimentError, ValueError):
            continue


def word(ratio):
    if not np.isfinite(ratio):
        return "it exploded"
    return next(name for limit, name in SCALE if ratio < limit or (ratio == limit == 10) or (ratio == limit == 1e3))


def networks(grad, e, part):
    """The ratio of each network that has a gradient at the end, 1,000 tiny or more, and a symbol at the source."""
    least = 1000 * np.finfo(grad.dtype).tiny
    source, last = (grad[part, t].astype(float) for t in (TASKS[e.task].evidence_step(e.length), -1))
    return [s / end for s, end in zip(source, last, strict=True) if not end < least and s >= 0]


def check(e, said, grad, diverged, parts):
    """The sentence against these norms, (P, T, R)."""
    if (diverged >= 0).any():
        assert said.startswith("It exploded") and f"step {diverged[diverged >= 0].min()}" in said
        return
    assert "exploded" not in said or not np.isfinite(grad).all()
    ratios = [networks(grad, e, part) for part in range(len(parts))]
    if not any(ratios):
        task = TASKS[e.task]
        absent = grad[:, -1].any() and (grad[0, task.evidence_step(e.length)] == -1).all()  # no sequence has begun there
        none = f"No {task.samples.removesuffix('s')} of this batch is so long"
        mixed = grad[:, -1].any() and (grad[0, task.evidence_step(e.length)] == -1).any()
        if "No network has both" not in said or not mixed:
            assert (none if absent else "there is no gradient to send back") in said
        return
    cut = any(fix.name == "truncate" for fix in e.fixes) and TASKS[e.task].evidence_step(e.length) < e.length - 5
    for part, some in zip(parts, ratios, strict=True):
        if len(parts) > 2 and part not in ("h", CELLS[e.cell].memory_name):
            assert cut or f"dL/d{part} " not in said
            continue
        text = said if len(parts) == 1 else re.search(rf"dL/d{part} [^)]*\)|$", said)[0]
        middle = np.median(np.where(np.isnan(some), np.inf, some)) if some else np.nan
        if cut:
            assert (middle == 0 or not some) and "truncation cut" in said
        elif middle == 0:
            assert "below 1e-38" in text or "0 in float32" in text or "exactly 0: " in text
        elif some:
            assert word(middle) in text, f"{middle} of d{part}: {said}"
            number = re.search(rf"is ({NUMBER}) (of|times)", text)
            if number:
                assert near(number[1], middle) and word(shown(number[1])) == word(middle), f"{middle} of d{part}: {said}"
                assert (number[2] == "times") == (shown(number[1]) >= 1), said


def check_learning(h, row, v):
    """The summary of the evaluations, against each network's accuracy and the answers of the evaluation batch."""
    e, dead = h.e, h.diverged[row] >= 0
    scores = [[a for a in network if a == a] for network in h.accuracy[: row + 1].T]
    now = [s[-1] for s, gone in zip(scores, dead, strict=True) if s and not gone]
    answers = shared_evaluation(e.bound_task, e.length).y
    classes = answers.dtype.kind == "i"
    constant = max(np.mean(answers == k) for k in np.unique(answers[answers >= 0])) if classes else None
    if "got at least" in v.outcome:
        least = float(re.search(r"at least ([\d.]+) %", v.outcome)[1]) / 100
        passed = [any(a >= least for a in s) for s in scores]
        match = re.match(r"(\d+) of \d+ networks|The network", v.outcome)
        assert sum(passed) == int(match[1] or 1) and least >= 0.99, v.outcome
        lost = sum(s[-1] < least for s, ok, gone in zip(scores, passed, dead, strict=True) if ok and not gone)
        assert ("fell below again" in v.outcome) == (lost > 0) and ("became NaN" in v.outcome) == (dead & passed).any()
    elif v.outcome != "Nothing was learnt.":
        assert "learnt" in v.outcome or "so far" in v.outcome.lower() or TASKS[e.task].data, v.outcome
        shares = [float(text) / 100 for text in re.findall(r"([\d.]+) %", v.outcome)]
        assert all(share < 1 or 1 in now for share in shares), v.outcome
        if classes and e.replicas == 1 and now:
            assert now[0] - 0.0051 <= shares[0] <= now[0] + (0.0051 if now[0] < 0.8 else 1e-9), f"{now[0]}: {v.outcome}"
            assert any(abs(share - constant) < 0.0051 for share in shares[1:]), f"{constant}: {v.outcome}"
    else:
        assert constant is None or all(a < constant + 0.2 for s in scores for a in s)
    good = 2 * sum(a >= 0.99 for a in now) > e.replicas
    assert v.tone != "good" or (good and not dead.any())


def shown(text):
    """The number that stands for a share or an amount in a sentence."""
    return float(text.replace(",", "").removesuffix(" %")) / (100 if text.endswith("%") else 1)


def near(text, value):
    """Whether this is the value, rounded in its last digit; shares are rounded down as well."""
    if text.startswith("below"):
        return value < shown(text.removeprefix("below "))
    unit = 10.0 ** Decimal(text.replace(",", "").removesuffix(" %")).as_tuple().exponent
    return abs(shown(text) - value) <= (0.01001 * unit if text.endswith("%") else 0.5001 * unit)


NUMBER = r"(?:below )?[\d.,]*\d(?:e-?\d+)?(?: %)?"
RANGE = rf"({NUMBER})(?: to ({NUMBER}))?"


def holds(low, high, values):
    """The one or two numbers of RANGE are the least and the largest of these."""
    assert near(low, np.nanmin(values)) and near(high or low, np.nanmax(values)), f"{low} to {high}: {values}"


def check_cause(h, row, v):
    """Every number of the cause is one that was recorded, and "threw" stands only where something went wrong since step 0."""
    e, text, last = h.e, v.cause, CELLS[h.e.cell].memory
    cut = "truncation cut" in v.gradient
    if found := re.search(rf"{RANGE} of the (?:states are saturated|units are off)(?: \(({NUMBER}) at training step 0\))?", text):
        holds(found[1], found[2], h.flat[row])
        assert found[3] is None or near(found[3], np.median(h.flat[0]))
        assert not cut or found[3]
    if found := re.search(rf"radius of W_rec is {RANGE}(?: at training step (\d+))?(?: \({RANGE} at training step 0\))?", text):
        at = row if found[3] is None else list(h.steps).index(int(found[3]))
        assert at <= row and not np.isnan(h.radius[at]).all() and np.isnan(h.radius[at + 1 : row + 1]).all()
        holds(found[1], found[2], h.radius[at])
        if found[4]:
            holds(found[4], found[5], h.radius[0])
    if found := re.search(rf"keeps {RANGE} of it", text):
        holds(found[1], found[2], h.gate[row])
        assert not cut, text
    if found := re.search(rf"The loss is {RANGE}, a guesser has ({NUMBER})", text):
        holds(found[1], found[2], h.loss[row])
        assert near(found[3], e.guess_loss) and np.median(h.loss[row]) > 1.5 * e.guess_loss
    if "threw" in text:
        then, now = (np.median(networks(h.state_grad[i], e, last) or [np.nan]) for i in (0, row))
        changed = np.isfinite([then, now]).all() and word(then) != word(now)
        assert changed or np.median(h.loss[row]) > 1.5 * e.guess_loss, text
    if "exactly 0: W_rec is 0" in v.gradient:
        held = [str(fix) for fix in e.fixes if str(fix).startswith("freeze:") and "W_rec" in str(fix)]
        assert e.gain == 0 and (row == 0 or held or e.cell == "esn")
    assert ("networks have from" in text) <= (len({word(r) for r in networks(h.state_grad[row], e, last)}) > 1), text


@pytest.mark.parametrize("case", range(MANY))
def test_the_sentence_says_what_the_numbers_say(case):
    e = experiment(np.random.default_rng([14, case]))
    h, parts = History.of(e, train(e)), CELLS[e.cell].parts
    for row in {0, h.n // 2, h.n - 1}:
        v = verdict(h, row)
        check(e, v.gradient, h.state_grad[row], h.diverged[row], parts)
        check_learning(h, row, v)
        check_cause(h, row, v)
        assert "nan" not in v.text.replace("NaN", "") and "  " not in v.text
        if row == 0:
            assert "training step 0" not in v.cause and "threw" not in v.cause
        exact_zero(e, v.gradient)


def exact_zero(e, said):
    """In float64, with the weights as drawn, what is called too small is, and what is called exactly 0 is."""
    if not any(words in said for words in ("below 1e-38", "exactly 0: ")) or "truncation" in said or "dL/d" in said:
        return
    if not hasattr(exact_zero, "of") or exact_zero.of[0] != e:
        exact_zero.of = (e, next(iter(train(e, torch.float64))).state_grad)
    if said != verdict(History.of(e, [next(iter(train(e)))])).gradient:
        return  # of trained weights, which float64 does not have
    middle = np.median(networks(exact_zero.of[1], e, 0))
    assert middle == 0 if "exactly 0: " in said else middle < 1e-33, f"{middle}: {said}"
