"""The published corpora, where they lie beside the repository: the counts, and how good the guesses are. Else skipped."""

import numpy as np
import pytest
from conftest import ROOT

from rnnkit.corpus import TRAIN, Vocabulary, groups, is_english, predictions, read_corpus, read_suite, split
from rnnkit.corpus.copies import near_copies
from rnnkit.corpus.nouns import last_noun

DATA = ROOT.parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"needs the corpora in {DATA}")
WIKIPEDIA, BLIMP = DATA / "wikipedia-agreement", DATA / "blimp"


@pytest.fixture(scope="module")
def wikipedia():
    name = WIKIPEDIA / "subj_agr_filtered"
    return read_corpus(name.with_suffix(".text").read_bytes(), name.name, gold=name.with_suffix(".gold").read_bytes())


def test_gulordava(wikipedia):
    assert len(wikipedia) == 7489
    assert (wikipedia.plural.sum(), (~wikipedia.plural).sum()) == (4759, 2730)
    sizes = {label: int(mask.sum()) for label, mask in groups(wikipedia)["attractors"].items()}
    assert sizes == {"0": 1972, "1": 1957, "2": 1943, "3": 1287, "4+": 330}
    assert wikipedia.prefixes[1] == ("the", "two", "versions", "of", "the", "game")
    assert wikipedia.forms[1] == ("have", "has")
    assert wikipedia.notes[-1].startswith("4 lines: the right and the wrong form are the same word")


def test_the_table_made_from_it_is_the_same_corpus(wikipedia):
    table = read_corpus((WIKIPEDIA / "prefixes.tsv").read_bytes())
    assert table.format == "table"
    assert table.prefixes == wikipedia.prefixes
    assert (table.plural == wikipedia.plural).all()
    assert (table.attractors == wikipedia.attractors).all()
    assert (table.distance == -1).sum() == 145


def test_the_guessed_number_of_the_last_noun(wikipedia):
    """Where there are attractors the last noun is nearly always one, else the subject or a noun like it. 98 % agree."""
    expected = wikipedia.plural ^ (wikipedia.attractors > 0)
    guessed = [noun[1] if (noun := last_noun(words)) else None for words in wikipedia.prefixes]
    agree = np.array([g == e for g, e in zip(guessed, expected.tolist(), strict=True)])
    assert agree.mean() > 0.97
    for n in range(5):
        assert agree[wikipedia.attractors == n].mean() > 0.95


def test_baselines(wikipedia):
    """Measured on the 1,483 items outside the training part: 63.5, 29.5, 70.4, 74.8 %; a standard deviation is 1.2 points."""
    held_out = split(wikipedia) != TRAIN
    found = predictions(wikipedia, held_out)
    right = {name: float((predicted == wikipedia.plural[held_out]).mean()) for name, predicted in found.items()}
    assert right["majority"] == pytest.approx(wikipedia.plural[held_out].mean())
    assert right["last-noun"] < 0.35
    assert right["opposite"] > 0.68
    assert right["bag-of-words"] > 0.72


def test_coverage(wikipedia):
    part = split(wikipedia)
    train, rest = ([w for w, p in zip(wikipedia.prefixes, part, strict=True) if (p == TRAIN) == side] for side in (True, False))
    coverage = [Vocabulary.of(train, size).coverage(rest) for size in (500, 2000, 5000)]
    assert coverage == sorted(coverage)
    assert coverage[1] > 0.75


@pytest.mark.parametrize(
    ("name", "items", "plural"),
    [
        ("distractor_agreement_relational_noun", 1000, 509),
        ("distractor_agreement_relative_clause", 999, 523),  # line 822: sing, singing
        ("irregular_plural_subject_verb_agreement_1", 1000, 496),
        ("regular_plural_subject_verb_agreement_1", 1000, 296),
    ],
)
def test_blimp(name, items, plural):
    corpus = read_corpus((BLIMP / f"{name}.jsonl").read_bytes(), name)
    assert (corpus.format, len(corpus), corpus.plural.sum()) == ("blimp", items, plural)


@pytest.mark.parametrize("name", ["irregular_plural_subject_verb_agreement_2", "regular_plural_subject_verb_agreement_2"])
def test_the_two_prefix_sets_of_blimp(name):
    """Two items a pair: the right subject has the verb's number, the other one not."""
    suite = read_suite((BLIMP / f"{name}.jsonl").read_bytes(), name)
    assert (len(suite), suite.plural.sum()) == (2000, 1000)
    agree = [last_noun(words)[1] == plural for words, plural in zip(suite.prefixes, suite.plural, strict=True)]
    assert np.mean(agree) > 0.98


def test_what_is_known_of_a_corpus_does_not_change_its_digest(wikipedia):
    """Links name data by it: these values may not move."""
    assert read_corpus((WIKIPEDIA / "prefixes.tsv").read_bytes()).digest == "8ac705b05d9cf4e3"
    assert wikipedia.digest == "21eda23ecaedd491"


def test_real_text_has_few_near_copies(wikipedia):
    assert near_copies(wikipedia) < 0.1
    assert is_english(wikipedia.prefixes)
