"""Small files in the forms of the published corpora (tests/data), each with what it says; and a corpus as large as those."""

import numpy as np
import pytest
from conftest import ROOT
from corpora import varied_corpus

from rnnkit.corpus import TRAIN, Vocabulary, groups, is_english, predictions, read_suite, split
from rnnkit.corpus.near_copies import MIN_NOTED_SHARE, near_copies
from rnnkit.corpus.nouns import last_noun

DATA = ROOT / "tests" / "data"


def read(name, **more):
    return read_suite((DATA / name).read_bytes(), name, **more)


@pytest.fixture(scope="module")
def sentences():
    """Gulordava et al.'s form: every word a piece of its own, and the verb's place in the .gold file."""
    return read("agreement.text", gold=(DATA / "agreement.gold").read_bytes())


@pytest.fixture(scope="module")
def varied():
    return varied_corpus()


def test_gulordava(sentences):
    assert len(sentences) == 20
    assert (sentences.plural.sum(), (~sentences.plural).sum()) == (11, 9)
    sizes = {label: int(mask.sum()) for label, mask in groups(sentences)["attractors"].items()}
    assert sizes == {"0": 4, "1": 6, "2": 5, "3": 3, "4+": 2}
    assert sentences.prefixes[1] == ("the", "two", "drawings", "of", "the", "castle")
    assert sentences.forms[1] == ("have", "has")
    assert sentences.notes[-1].startswith("1 line: the right and the wrong form are the same word")


def test_the_table_made_from_it_is_the_same_corpus(sentences):
    table = read("agreement.tsv")
    assert table.format == "table"
    assert table.prefixes == sentences.prefixes
    assert (table.plural == sentences.plural).all()
    assert (table.attractors == sentences.attractors).all()
    assert (table.distance == -1).all()


def test_the_guessed_number_of_the_last_noun(sentences):
    """Where there are attractors the last noun is one, else the subject. A third person verb is taken for a plural noun."""
    expected = sentences.plural ^ (sentences.attractors > 0)
    wrong = [
        " ".join(words)
        for words, plural in zip(sentences.prefixes, expected.tolist(), strict=True)
        if last_noun(words)[1] != plural
    ]
    assert wrong == ["the lists that the clerk of the court keeps"]


def test_what_is_known_of_a_corpus_does_not_change_its_digest(sentences):
    """Links name data by it: these values may not move."""
    assert (read("agreement.tsv").digest, sentences.digest) == ("afb3af967c5bb257", "0fa708b7ab88efcb")


@pytest.mark.parametrize(
    ("name", "plural", "expected"),
    [
        ("blimp_relational_noun.jsonl", [False, True, True], "recognised by its first line"),
        ("blimp_relative_clause.jsonl", [False, True], "1 line of 3 left out; line 2"),  # wave, waving
    ],
)
def test_blimp(name, plural, expected):
    suite = read(name)
    assert (suite.format, suite.plural.tolist()) == ("blimp", plural)
    assert expected in suite.notes[-1]


def test_the_two_prefix_sets_of_blimp():
    """Two items a pair: the right subject has the verb's number, the other one not."""
    suite = read("blimp_two_prefix.jsonl")
    assert [" ".join(words) for words in suite.prefixes] == ["the women", "the woman", "this painter", "these painters"]
    assert suite.plural.tolist() == [True, False, False, True] == [last_noun(words)[1] for words in suite.prefixes]


# ---- as many sentences as the published corpus has


def test_baselines(varied):
    """The last noun is the subject or like it where there are no attractors, else an attractor."""
    held_out = split(varied) != TRAIN
    plural = varied.plural[held_out]
    right = {name: float((predicted == plural).mean()) for name, predicted in predictions(varied, held_out).items()}
    without = float((varied.attractors[held_out] == 0).mean())
    assert right["last-noun"] == pytest.approx(without) and right["opposite"] == pytest.approx(1 - without)
    assert right["majority"] == pytest.approx(plural.mean())
    assert 0.5 < right["bag-of-words"] < right["opposite"]


def test_coverage(varied):
    part = split(varied)
    train, rest = ([w for w, p in zip(varied.prefixes, part, strict=True) if (p == TRAIN) == side] for side in (True, False))
    coverage = [Vocabulary.of(train, size).coverage(rest) for size in (500, 2000, 5000)]
    assert coverage == sorted(coverage)
    assert coverage[1] > 0.75


def test_sentences_that_differ_have_few_near_copies(varied):
    assert near_copies(varied) < MIN_NOTED_SHARE
    assert is_english(varied.prefixes)
    assert np.bincount(varied.attractors).argmin() == 4
