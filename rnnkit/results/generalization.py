"""Accuracy of an agreement network by distance, attractors, and the subject's position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Generalization:
    """Of n points found so far, each on some 500 sentences that no training sees."""

    kind: list[str]  # (n) "distance", "attractors" or "place"
    x: np.ndarray  # (n,) words between subject and verb, attractors in the clause, or words before the subject
    relation: list[str]  # (n) number of the attractors beside the subject's: "opposite", "same"; "" the task's own
    length: np.ndarray  # (n,) words of a sentence
    right: np.ndarray  # (n,) sentences that the network answers right ...
    sentences: np.ndarray  # (n,) ... of so many
    rules: list[str]  # names of rules that need no network (tasks.sentences.baselines)
    rules_right: np.ndarray  # (len(rules), n) sentences that they answer right
    reach: np.ndarray  # (n,) ||dL/ds|| at the subject over that at the last word, last part, float64; NaN but for "distance"
