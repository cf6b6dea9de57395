"""How many test sentences were answered right, by attractors and by distance: a network beside the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnkit.corpus.baselines import BASELINES
from rnnkit.corpus.data import Corpus
from rnnkit.corpus.parts import groups, wilson
from rnnkit.rounding import percent

Row = dict[str, Any]
REPEATED = 0.9  # with a smaller share of different sentences than this, repetitions are told
FEW = 0.5  # with more of the sentences than this having an attractor, they are over-represented: in running text some 5 to 10 %


def results(corpus: Corpus, items: np.ndarray, predicted: Mapping[str, np.ndarray]) -> list[Row]:
    """A row for each group of the items and each of the predictions (name -> (n,) plural of the items), all items first.

    by ("all", "attractors", "distance"), group, n, prefixes (different ones among the n), who, right (share of the n), low, high
    (Wilson's 95 % interval for as many sentences as there are different prefixes: a repeated one tells nothing new).
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
            for who, good in right.items():
                share = float(good[chosen].mean())
                low, high = wilson(share * different, different)
                counted = {"by": by, "group": group, "n": n, "prefixes": different}
                rows.append(counted | {"who": who, "right": share, "low": low, "high": high})
    return rows


def as_text(found: Mapping[str, Any]) -> str:
    """Results (rows, known, warnings) as a table for a terminal: a line a group, a column each of those who answer."""
    names = list(dict.fromkeys(row["who"] for row in found["rows"]))
    table: dict[str, list[str]] = {}
    for row in found["rows"]:
        group = "all" if row["by"] == "all" else f"{row['by']} {row['group']}"
        interval = f" ({percent(row['low'], 1)} to {percent(row['high'], 1)})" if row["who"] == "network" else ""
        cell = percent(row["right"], 1) + interval
        table.setdefault(f"{group} ({row['n']})", []).append(cell)
    lines = [("on the test sentences", names), *table.items()]
    width = max(len(left) for left, _ in lines) + 2
    drawn = [f"{left:{width}}{network:>26}" + "".join(f"{cell:>14}" for cell in others) for left, (network, *others) in lines]
    return "\n".join([*drawn, about_known(found["known"]), *found["warnings"]])


def about_known(known: Mapping[str, float]) -> str:
    train, test = percent(known["train"], 1), percent(known["test"], 1)
    return f"Known words: {train} of those in training, {test} of those in the test."


def warnings(corpus: Corpus, rows: list[Row]) -> list[str]:
    """What makes these results worth less than they look, in sentences."""
    told = []
    every = next(row for row in rows if row["by"] == "all")
    if every["prefixes"] < REPEATED * every["n"]:
        told.append(
            f"{every['n']:,} test sentences are {every['prefixes']:,} different ones: intervals count those, not the repetitions."
        )
    overall = {row["who"]: row for row in rows if row["by"] == "all"}
    network = overall["network"]["right"]
    better = [who for who, row in overall.items() if who != "network" and row["right"] >= network]
    if better:
        names = ", ".join(f"“{BASELINES[who].title}” {percent(overall[who]['right'], 1)}" for who in better)
        told.append(f"What needs no memory is as good as this network, or better: {names}; the network {percent(network, 1)}.")
    known = corpus.attractors[corpus.attractors >= 0]
    if len(known) and (known > 0).mean() > FEW:
        told.append(
            f"{percent((known > 0).mean())} of the sentences whose attractors are known have one, far more than in running text: "
            "the overall accuracy says little, and the opposite of the last noun is often right. Read the groups."
        )
    return told
