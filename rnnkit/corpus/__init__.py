"""Agreement corpora and plain texts that somebody brings along: read from bytes, split, encoded, and what baselines get right.

read_corpus(bytes) -> Corpus, with read_suite(bytes) as its test part where there is a second file; read_text(bytes) -> Text;
read_pairs(bytes) -> Pairs; FORMATS, split, groups, wilson, Vocabulary, BASELINES. numpy, and conllu for treebanks.
"""

from rnnkit.corpus.baselines import BASELINES, Baseline, no_last_noun, predictions
from rnnkit.corpus.data import Corpus, Text
from rnnkit.corpus.formats import FORMATS, Format
from rnnkit.corpus.nouns import is_english
from rnnkit.corpus.pairs import Pairs, read_pairs
from rnnkit.corpus.parts import TEST, TRAIN, VALIDATION, groups, part_of, split, wilson
from rnnkit.corpus.read import read_corpus, read_suite
from rnnkit.corpus.results import about_known, as_text, results, warnings
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
    "about_known",
    "as_text",
    "groups",
    "is_english",
    "no_last_noun",
    "part_of",
    "predictions",
    "read_corpus",
    "read_pairs",
    "read_suite",
    "read_text",
    "results",
    "split",
    "warnings",
    "wilson",
]
