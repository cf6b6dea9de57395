"""Agreement corpora and plain texts that somebody brings along: read from bytes, split, encoded, and what baselines get right.

read_corpus(bytes) -> Corpus, read_text(bytes) -> Text and read_pairs(bytes) -> Pairs; FORMATS, split, groups, wilson, Vocabulary,
BASELINES. numpy alone.
"""

from rnnkit.corpus.baselines import BASELINES, Baseline, predictions
from rnnkit.corpus.data import Corpus, Text
from rnnkit.corpus.formats import FORMATS, Format
from rnnkit.corpus.pairs import Pairs, read_pairs
from rnnkit.corpus.parts import TEST, TRAIN, VALIDATION, groups, part_of, split, wilson
from rnnkit.corpus.read import read_corpus
from rnnkit.corpus.results import results, warnings
from rnnkit.corpus.source import CorpusError
from rnnkit.corpus.texts import read_text
from rnnkit.corpus.vocabulary import SHAPES, Vocabulary

__all__ = [
    "BASELINES",
    "FORMATS",
    "SHAPES",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "Baseline",
    "Corpus",
    "CorpusError",
    "Format",
    "Pairs",
    "Text",
    "Vocabulary",
    "groups",
    "part_of",
    "predictions",
    "read_corpus",
    "read_pairs",
    "read_text",
    "results",
    "split",
    "warnings",
    "wilson",
]
