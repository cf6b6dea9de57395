"""Names and sentences for the results of a language model: bits per symbol, known symbols, minimal pairs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rnnkit.corpus import BASELINES
from rnnkit.corpus.notes import count
from rnnkit.engine.history import median
from rnnkit.results.lm_bits import LmBits
from rnnkit.results.minimal_pairs import MinimalPairs
from rnnkit.rounding import percent

WHO = {  # key "who" in rows of results and of minimal pairs -> its name
    "network": "network",
    **{who: baseline.title for who, baseline in BASELINES.items()},
    "five-gram": "five-gram",
    "frequent-form": "the more frequent form",
}
MODELS = {  # key in LmBits.bits -> its name
    "network": WHO["network"],
    "five-gram": WHO["five-gram"],
    "bigram": "bigram",
    "unigram": "unigram",
    "uniform": "knows nothing",
}
OWN_COLUMNS = 4  # of paradigm_table; behind them stand the published ones
MAX_LISTED = 10  # unknown symbols that a sentence names


def training_loss(losses: np.ndarray, guess: float, unit: str) -> str:
    """Returns the sentence on the median of losses (R,) at one training step and a guesser's loss, in nats and bits."""
    loss = float(median(losses[None])[0])
    of = f", the median of {len(losses)} networks" if len(losses) > 1 else ""
    value = "NaN" if math.isnan(loss) else f"{loss:.2f} = {_bits(loss, unit)}"
    return f"**Training loss at this step{of}: {value}.** A guesser who knows how frequent each {unit} is: {_bits(guess, unit)}."


def _bits(loss: float, unit: str) -> str:
    perplexity = f"{math.exp(loss):,.1f}" if loss < 50 else "beyond all bounds"
    return f"{loss / math.log(2):.2f} bits per {unit}, perplexity {perplexity}"


def stand_in(unit: str) -> str:
    """Returns what the network reads in place of an unknown symbol, in words."""
    return "the symbol of its shape" if unit == "word" else "the one symbol for all rare ones"


def unknown_note(found: LmBits, unit: str) -> str:
    """Returns the sentence on how unknown symbols count in the bits."""
    if not found.unknown:
        return f"The bits are per {unit}; all are known."
    return (
        f"{percent(found.unknown, 1)} of these {unit}s are not known. In the bits an unknown {unit} counts as "
        f"{stand_in(unit)}: the model predicts that one comes, not which one. As a guess it is never right."
    )


def known_bits(found: LmBits, unit: str) -> str:
    """Returns the sentence on the bits of all models over the known symbols alone; "" where all or none are known."""
    if not found.unknown or not found.known_bits:
        return ""
    bits = ", ".join(f"{name} {found.known_bits[key]:.2f}" for key, name in MODELS.items())
    return f"Over the known {unit}s alone, in bits: {bits}."


def known_shares(coverage: Mapping[str, float], unit: str) -> str:
    """Returns the sentence on how many symbols of the training and test part are known."""
    train, test = percent(coverage["training"], 1), percent(coverage["test"], 1)
    return f"{train} of the {unit}s of the training part are known, {test} of those of the test part."


def left_out(found: MinimalPairs, unit: str) -> str:
    """Returns sentences on the minimal pairs that were left out, and why; "" where none was."""
    sentences = []
    if found.skipped:
        words = quoted_list(found.missing)
        sentences.append(f"{count(found.skipped, 'pair')} left out: a {unit} that differs is not known ({words}).")
    if found.same:
        alike = count(found.same, "pair")
        sentences.append(f"{alike} left out: both sentences are the same {unit}s{' in lower case' * (unit == 'word')}.")
    if found.pairs < found.usable:
        sentences.append(f"{found.pairs:,} of the other {found.usable:,} were asked, evenly chosen.")
    return " ".join(sentences)


def prefixes_known(found: MinimalPairs, unit: str) -> str:
    """Returns sentences on unknown symbols in the prefixes, and the accuracy with and without them; "" where all are known."""
    if not found.strange:
        return ""
    known = [row for row in found.rows if row["by"] == "known" and row["who"] == "network"]
    sentences = [f"Of the {row['n']:,} with {row['group']}, {percent(row['right'], 1)} are right." for row in known]
    has = count(found.strange, "pair has", "pairs have")
    return " ".join([f"{percent(found.known, 1)} of the prefixes' {unit}s are known: {has} one that is not.", *sentences])


def paradigm_table(found: MinimalPairs, published: Callable[[str], Mapping[str, float] | None]) -> list[list[str]]:
    """Returns the network's accuracy by paradigm, beside what is published, as cells of text: the header, then a row each.

    published: UID -> percent by name (rnnkit.corpus.blimp_2020). Its columns are left out where it knows none of the paradigms,
    and the table is empty where the pairs have no UID.
    """
    rows = [row for row in found.rows if row["by"] == "paradigm" and row["who"] == "network"]
    values = [published(row["group"]) or {} for row in rows]
    names = list(dict.fromkeys(name for beside in values for name in beside))
    table = [["paradigm (UID)", "pairs", WHO["network"], "95 % interval", *names]]
    for row, beside in zip(rows, values, strict=True):
        interval = f"{percent(row['low'], 1)} to {percent(row['high'], 1)}"
        cells = [f"{beside[name]:.1f} %" if name in beside else "–" for name in names]
        table.append([row["group"], f"{row['n']:,}", percent(row["right"], 1), interval, *cells])
    return table if rows else []


def quoted_list(pieces: Sequence[str]) -> str:
    """Returns the first MAX_LISTED pieces in quotation marks, and how many more there are."""
    shown = ", ".join(f"“{piece[:40]}”" for piece in pieces[:MAX_LISTED])
    return shown + (f" and {len(pieces) - MAX_LISTED} more" if len(pieces) > MAX_LISTED else "")
