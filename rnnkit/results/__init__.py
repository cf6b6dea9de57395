"""Results of the studies, a file a study: frozen dataclasses without torch, so that pages, charts and the server can read them.

RESULTS holds the class of each study's result under the study's name, the same as in rnnkit.studies.STUDIES. `weights` gives a
dict of arrays, since its names depend on the cell. Between processes a result travels as the dict of its fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from rnnkit.results.ablation import Ablation
from rnnkit.results.eigenvalues import Eigenvalues
from rnnkit.results.evaluate_corpus import CorpusEvaluation
from rnnkit.results.free_run import FreeRun
from rnnkit.results.generalization import Generalization
from rnnkit.results.gradient_flow import GradientFlow
from rnnkit.results.lag_split import LagSplit
from rnnkit.results.lm_bits import LmBits
from rnnkit.results.lm_sample import LmSample
from rnnkit.results.lyapunov import Lyapunov
from rnnkit.results.minimal_pairs import MinimalPairs
from rnnkit.results.other_lengths import OtherLengths
from rnnkit.results.regime_map import RegimeMap
from rnnkit.results.training_outcome import TrainingOutcome
from rnnkit.results.word_by_word import WordByWord

RESULTS: dict[str, type[Any]] = {
    "weights": dict,
    "gradient_flow": GradientFlow,
    "regime_map": RegimeMap,
    "word_by_word": WordByWord,
    "ablation": Ablation,
    "generalization": Generalization,
    "evaluate_corpus": CorpusEvaluation,
    "lm_bits": LmBits,
    "lm_sample": LmSample,
    "minimal_pairs": MinimalPairs,
    "other_lengths": OtherLengths,
    "lyapunov": Lyapunov,
    "eigenvalues": Eigenvalues,
    "lag_split": LagSplit,
    "free_run": FreeRun,
    "training_outcome": TrainingOutcome,
}


@dataclass(frozen=True)
class Progress:
    """Progress of a study, which it yields between its results."""

    share: float  # of the work that is done, 0 to 1


def to_wire(part: Any) -> Mapping[str, Any]:
    """Returns a Progress or a result as arrays and plain values by name, for record.pack."""
    return part if isinstance(part, dict) else {f.name: getattr(part, f.name) for f in fields(part)}


def from_wire(study: str, values: Mapping[str, Any]) -> Any:
    """Returns the Progress or the result of this study that `to_wire` was given; raises TypeError for other fields."""
    return Progress(**values) if values.keys() == {"share"} else RESULTS[study](**values)
