"""How many test sentences were answered right, by attractors and by distance: a network beside the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnkit.corpus.baselines import BASELINES
from rnnkit.corpus.data import Corpus
from rnnkit.corpus.parts import groups, wilson
from rnnkit.shares import percent

Row = dict[str, Any]
FEW = 0.5  # with more of the sentences than this having an attractor, they are over-represented: in running text some 5 to 10 %


def results(corpus: Corpus, items: np.ndarray, predicted: Mapping[str, np.ndarray]) -> list[Row]:
    """A row for each group of the items and each of the predictions (name -> (n,) plural of the items), all items first.

    by ("all", "attractors", "distance"), group, n, who, right (share), low, high (Wilson's 95 % interval).
    """
    masks = {"all": {"all": np.ones(len(corpus), bool)}} | groups(corpus)
    right = {who: np.asarray(plural) == corpus.plural[items] for who, plural in predicted.items()}
    rows = []
    for by, of in masks.items():
        for group, mask in of.items():
            chosen = mask[items]
            n = int(chosen.sum())
            for who, good in right.items():
                k = int(good[chosen].sum())
                low, high = wilson(k, n)
                rows.append(
                    {"by": by, "group": group, "n": n, "who": who, "right": k / n if n else None, "low": low, "high": high}
                )
    return [row for row in rows if row["n"]]


def warnings(corpus: Corpus, rows: list[Row]) -> list[str]:
    """What makes these results worth less than they look, in sentences."""
    told = []
    overall = {row["who"]: row for row in rows if row["by"] == "all"}
    network = overall["network"]["right"]
    better = [who for who, row in overall.items() if who != "network" and row["right"] >= network]
    if better:
        names = ", ".join(f"“{BASELINES[who].title}” {percent(overall[who]['right'], 1)}" for who in better)
        told.append(f"What needs no memory is as good as this network, or better: {names}; the network {percent(network, 1)}.")
    known = corpus.attractors[corpus.attractors >= 0]
    if len(known) and (known > 0).mean() > FEW:
        told.append(
            f"{(known > 0).mean():.0%} of the sentences whose attractors are known have one, far more than in running text: "
            "the overall accuracy says little, and the opposite of the last noun is often right. Read the groups."
        )
    return told
