"""Accuracy on the test sentences by attractors and by distance, of a network and of the baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnkit.corpus.baselines import BASELINES
from rnnkit.corpus.data import Corpus
from rnnkit.corpus.parts import groups, wilson
from rnnkit.results.evaluate_corpus import CorpusEvaluation
from rnnkit.rounding import percent

Row = dict[str, Any]
MIN_DISTINCT_SHARE = 0.9  # of the sentences; below, a warning names the repetitions
MAX_USUAL_ATTRACTORS = 0.5  # share of sentences with an attractor; above, a warning says so. In running text 5 to 10 %


def results(corpus: Corpus, items: np.ndarray, predicted: Mapping[str, np.ndarray]) -> list[Row]:
    """Returns one row for each group of the items and each predictor; the group of all items comes first.

    items: mask or indices of n items. predicted: name -> (n,) bool, plural. Keys of a row: by ("all", "attractors" or
    "distance"), group, n, prefixes (number of different ones), who (name), right (share of the n), low and high (Wilson's
    95 % interval, which counts different prefixes).
    """
    masks = {"all": {"all": np.ones(len(corpus), bool)}} | groups(corpus)
    right = {who: np.asarray(plural) == corpus.plural[items] for who, plural in predicted.items()}
    where = np.arange(len(corpus))[items]
    rows: list[Row] = []
    for by, of in masks.items():
        for group, mask in of.items():
            chosen = mask[items]
            n = int(chosen.sum())
            if not n:
                continue
            different = len({corpus.prefixes[i] for i in where[chosen]})
            for who, correct in right.items():
                share = float(correct[chosen].mean())
                low, high = wilson(share * different, different)
                counts = {"by": by, "group": group, "n": n, "prefixes": different}
                rows.append(counts | {"who": who, "right": share, "low": low, "high": high})
    return rows


def as_text(found: CorpusEvaluation, published: Callable[[str], Mapping[int, float]] | None = None) -> str:
    """Returns results (rows, known, warnings) as a table for a terminal: one line a group, one column a predictor.

    published: group by attractors -> what is published, in percent: the last column.
    """
    names = list(dict.fromkeys(row["who"] for row in found.rows))
    table: dict[str, list[str]] = {}
    for row in found.rows:
        group = "all" if row["by"] == "all" else f"{row['by']} {row['group']}"
        interval = f" ({percent(row['low'], 1)} to {percent(row['high'], 1)})" if row["who"] == "network" else ""
        cell = percent(row["right"], 1) + interval
        table.setdefault(f"{group} ({row['n']})", []).append(cell)
    for row in found.rows:
        if published and row["by"] == "attractors" and row["who"] == "network":
            beside = published(row["group"]).values()
            table[f"attractors {row['group']} ({row['n']})"].append(", ".join(f"{right:.2f} %" for right in beside))
    names, other = ([*names, "published"], 18) if published else (names, 14)
    lines = [("on the test sentences", names), *table.items()]
    width = max(len(left) for left, _ in lines) + 2
    text = [f"{left:{width}}{network:>26}" + "".join(f"{cell:>{other}}" for cell in others) for left, (network, *others) in lines]
    return "\n".join([*text, known_words_text(found.known), *found.warnings])


def known_words_text(known: Mapping[str, float]) -> str:
    """Says how many of the words are in the vocabulary; `known` has the shares "train" and "test"."""
    train, test = percent(known["train"], 1), percent(known["test"], 1)
    return f"Known words: {train} of those in training, {test} of those in the test."


def warnings(corpus: Corpus, rows: list[Row]) -> list[str]:
    """Returns sentences on what limits these results: repeated sentences, strong baselines, too many attractors."""
    sentences = []
    total = next(row for row in rows if row["by"] == "all")
    if total["prefixes"] < MIN_DISTINCT_SHARE * total["n"]:
        sentences.append(
            f"{total['n']:,} test sentences are {total['prefixes']:,} different ones: intervals count those, not the repetitions."
        )
    overall = {row["who"]: row for row in rows if row["by"] == "all"}
    network = overall["network"]["right"]
    better = [who for who, row in overall.items() if who != "network" and row["right"] >= network]
    if better:
        names = ", ".join(f"“{BASELINES[who].title}” {percent(overall[who]['right'], 1)}" for who in better)
        score = percent(network, 1)
        sentences.append(f"What needs no memory is as good as this network, or better: {names}; the network {score}.")
    known = corpus.attractors[corpus.attractors >= 0]
    if len(known) and (known > 0).mean() > MAX_USUAL_ATTRACTORS:
        sentences.append(
            f"{percent((known > 0).mean())} of the sentences whose attractors are known have one, far more than in running text: "
            "the overall accuracy says little, and the opposite of the last noun is often right. Read the groups."
        )
    return sentences
