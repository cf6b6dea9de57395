"""Studies: what can be measured on an Experiment's networks beside training them; STUDIES holds them by name.

A study is a generator: `STUDIES[name](experiment, **options)` yields dicts of arrays and plain values as they are found, the last
one complete; a long one yields {"progress": share done} in between. Options are plain JSON values. On the dashboard a
worker runs it (RunPool.ask); in a notebook it can be called as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rnnkit.studies.ablation import units
from rnnkit.studies.evaluate_corpus import tested
from rnnkit.studies.generalization import breaks
from rnnkit.studies.gradient_flow import flow
from rnnkit.studies.lm_bits import language, sample
from rnnkit.studies.minimal_pairs import minimal_pairs
from rnnkit.studies.networks import Part, network, weights
from rnnkit.studies.regime_map import regimes
from rnnkit.studies.word_by_word import reading

__all__ = ["STUDIES", "Part", "network", "weights"]

STUDIES: dict[str, Callable[..., Iterator[Part]]] = {
    "weights": weights,
    "flow": flow,
    "regimes": regimes,
    "reading": reading,
    "units": units,
    "breaks": breaks,
    "tested": tested,
    "language": language,
    "sample": sample,
    "minimal_pairs": minimal_pairs,
}
