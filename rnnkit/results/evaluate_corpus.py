"""Accuracy of a network on the test sentences of its corpus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CorpusEvaluation:
    """The network beside the baselines."""

    rows: list[dict[str, Any]]  # accuracy by attractors and distance, as rnnkit.corpus.results gives them
    known: dict[str, float]  # "train", "test" -> share of the words that the vocabulary holds
    warnings: list[str]  # sentences
