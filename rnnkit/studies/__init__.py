"""Studies, a file each: what can be measured on an Experiment's networks beside training them.

A study is a generator: `STUDIES[name](experiment, **options)` yields partial results and Progress, and the complete result last.
A result is a frozen dataclass of rnnkit/results, in a file of the same name, which pages can read without torch. Options are
plain JSON values. On the dashboard a worker runs the study (RunPool.ask). A notebook can call it directly.

A new study is a file here with a generator `study` and a line in STUDIES, and a file and a line in rnnkit/results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rnnkit.studies import (
    ablation,
    eigenvalues,
    evaluate_corpus,
    free_run,
    generalization,
    gradient_flow,
    lag_split,
    lm_bits,
    lm_sample,
    lyapunov,
    minimal_pairs,
    other_lengths,
    regime_map,
    training_outcome,
    weights,
    word_by_word,
)

__all__ = ["STUDIES"]

STUDIES: dict[str, Callable[..., Iterator[Any]]] = {
    "weights": weights.study,
    "gradient_flow": gradient_flow.study,
    "regime_map": regime_map.study,
    "word_by_word": word_by_word.study,
    "ablation": ablation.study,
    "generalization": generalization.study,
    "evaluate_corpus": evaluate_corpus.study,
    "lm_bits": lm_bits.study,
    "lm_sample": lm_sample.study,
    "minimal_pairs": minimal_pairs.study,
    "other_lengths": other_lengths.study,
    "lyapunov": lyapunov.study,
    "eigenvalues": eigenvalues.study,
    "lag_split": lag_split.study,
    "free_run": free_run.study,
    "training_outcome": training_outcome.study,
}
