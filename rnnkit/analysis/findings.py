"""What a language model was found to be worth, in names and sentences: for the page, its charts and the command line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnkit.corpus import BASELINES
from rnnkit.corpus.notes import count
from rnnkit.engine.history import median
from rnnkit.rounding import percent

WHO = {  # who answers, in the rows of results and of minimal pairs -> its name
    "network": "network",
    **{who: baseline.title for who, baseline in BASELINES.items()},
    "five-gram": "five-gram",
    "frequent-form": "the more frequent form",
}
MODELS = {  # key in what `judged` finds -> its name
    "bits": WHO["network"],
    "five-gram": WHO["five-gram"],
    "bigram": "bigram",
    "unigram": "unigram",
    "uniform": "knows nothing",
}
LISTED = 10  # unknown pieces that are named


def training_loss(losses: np.ndarray, guess: float, unit: str) -> str:
    """The loss (R,) of the networks at one training step, beside a guesser's, in nats and bits."""
    loss = float(median(losses[None])[0])
    of = f", the median of {len(losses)} networks" if len(losses) > 1 else ""
    told = "NaN" if math.isnan(loss) else f"{loss:.2f} = {_bits(loss, unit)}"
    return f"**Training loss at this step{of}: {told}.** A guesser who knows how frequent each {unit} is: {_bits(guess, unit)}."


def _bits(loss: float, unit: str) -> str:
    perplexity = f"{math.exp(loss):,.1f}" if loss < 50 else "beyond all bounds"
    return f"{loss / math.log(2):.2f} bits per {unit}, perplexity {perplexity}"


def stand_in(unit: str) -> str:
    """What the network reads instead of a symbol that is not known."""
    return "the symbol of its shape" if unit == "word" else "the one symbol for all rare ones"


def counting(found: Mapping[str, Any], unit: str) -> str:
    """What the bits count."""
    if not found["unknown"]:
        return f"The bits are per {unit}; all are known."
    return (
        f"{percent(found['unknown'], 1)} of these {unit}s are not known. In the bits an unknown {unit} counts as "
        f"{stand_in(unit)}: the model predicts that one comes, not which one. As a guess it is never right."
    )


def known_bits(found: Mapping[str, Any], unit: str) -> str:
    """The bits of all models over the known symbols alone; "" where all or none are known."""
    if not found["unknown"] or not found["known"]:
        return ""
    told = ", ".join(f"{name} {found['known'][key]:.2f}" for key, name in MODELS.items())
    return f"Over the known {unit}s alone, in bits: {told}."


def known_shares(coverage: Mapping[str, float], unit: str) -> str:
    train, test = percent(coverage["training"], 1), percent(coverage["test"], 1)
    return f"{train} of the {unit}s of the training part are known, {test} of those of the test part."


def left_out(found: Mapping[str, Any], unit: str) -> str:
    """Which minimal pairs were not asked; "" where all were."""
    told = []
    if found["skipped"]:
        words = listed(found["missing"])
        told.append(f"{count(found['skipped'], 'pair')} left out: a {unit} that differs is not known ({words}).")
    if found["same"]:
        alike = count(found["same"], "pair")
        told.append(f"{alike} left out: both sentences are the same {unit}s{' in lower case' * (unit == 'word')}.")
    if found["pairs"] < found["usable"]:
        told.append(f"{found['pairs']:,} of the other {found['usable']:,} were asked, evenly chosen.")
    return " ".join(told)


def prefixes_known(found: Mapping[str, Any], unit: str) -> str:
    """How much of the prefixes is known, and what the network gets right with and without the rest; "" where all is."""
    if not found["strange"]:
        return ""
    known = [row for row in found["rows"] if row["by"] == "known" and row["who"] == "network"]
    told = [f"Of the {row['n']:,} with {row['group']}, {percent(row['right'], 1)} are right." for row in known]
    has = count(found["strange"], "pair has", "pairs have")
    return " ".join([f"{percent(found['known'], 1)} of the prefixes' {unit}s are known: {has} one that is not.", *told])


def listed(pieces: Sequence[str]) -> str:
    shown = ", ".join(f"“{piece[:40]}”" for piece in pieces[:LISTED])
    return shown + (f" and {len(pieces) - LISTED} more" if len(pieces) > LISTED else "")
