"""Agreement corpora, texts, minimal pairs and series of numbers from a user's files: reading, splitting, encoding, baselines.

- read_corpus(bytes) -> Corpus; read_suite(bytes) -> Corpus reads a second file as its test part
- read_text(bytes) -> Text
- read_pairs(bytes) -> Pairs
- read_series(bytes) -> Series

Needs numpy, and conllu for treebanks.
"""

from rnnkit.corpus.baselines import BASELINES, Baseline, no_last_noun, predictions
from rnnkit.corpus.data import Corpus, Text
from rnnkit.corpus.decoding import CorpusError
from rnnkit.corpus.formats import FORMATS, Format
from rnnkit.corpus.nouns import is_english
from rnnkit.corpus.number_table import read_series
from rnnkit.corpus.pairs import Pairs, read_pairs
from rnnkit.corpus.parts import TEST, TRAIN, VALIDATION, groups, part_of, split, wilson
from rnnkit.corpus.read import read_corpus, read_suite
from rnnkit.corpus.results import as_text, known_words_text, results, warnings
from rnnkit.corpus.series import Series
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
    "Series",
    "Text",
    "Vocabulary",
    "as_text",
    "groups",
    "is_english",
    "known_words_text",
    "no_last_noun",
    "part_of",
    "predictions",
    "read_corpus",
    "read_pairs",
    "read_series",
    "read_suite",
    "read_text",
    "results",
    "split",
    "warnings",
    "wilson",
]
