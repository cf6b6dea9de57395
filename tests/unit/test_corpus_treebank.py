"""Treebanks in CoNLL-U: subject and verb as the annotation has them. The sentences are made up."""

import numpy as np
import pytest
from treebanks import FIN, ROOT, as_conllu, plain, sentence

from rnnkit.corpus import BASELINES, CorpusError, predictions, read_corpus, read_suite


def one(text):
    return read_suite(text.encode())


def test_a_treebank_is_recognised_and_read():
    corpus = read_corpus(as_conllu(), "mine.conllu")
    assert (corpus.format, len(corpus)) == ("conllu", 150)
    assert corpus.prefixes[1] == ("the", "baker1", "near", "the", "painter1")
    assert corpus.plural.tolist() == [i % 2 == 0 for i in range(150)]
    assert corpus.last_noun.tolist() == [int(i % 3 == 0) for i in range(150)]
    assert corpus.attractors.tolist() == [int((i % 2 == 0) != (i % 3 == 0)) for i in range(150)]
    assert set(corpus.distance.tolist()) == {4}
    assert corpus.notes[0] == "Read as CoNLL-U treebank, recognised by its first line."


def test_the_gold_last_noun_is_the_baseline():
    corpus = read_corpus(as_conllu())
    items = np.arange(150)
    found = predictions(corpus, items)
    assert list(found) == list(BASELINES)
    assert found["last-noun"].tolist() == [i % 3 == 0 for i in range(150)]
    assert (found["opposite"] != found["last-noun"]).all()


@pytest.mark.parametrize(
    ("words", "prefix", "plural", "distance"),
    [
        (  # the copula agrees, not the predicate
            [
                ("Keys", "NOUN", "Number=Plur", 3, "nsubj"),
                ("are", "AUX", f"Number=Plur|{FIN}", 3, "cop"),
                ("old", "ADJ", "_", 0, ROOT),
            ],
            "keys",
            True,
            1,
        ),
        (  # the passive's auxiliary agrees, not the participle
            [
                ("Key", "NOUN", "Number=Sing", 4, "nsubj:pass"),
                ("often", "ADV", "_", 4, "advmod"),
                ("is", "AUX", f"Number=Sing|{FIN}", 4, "aux:pass"),
                ("sold", "VERB", "VerbForm=Part", 0, ROOT),
            ],
            "key often",
            False,
            2,
        ),
        (  # any language; "vom" is one token and two words
            [
                ("Die", "DET", "_", 2, "det"),
                ("Maler", "NOUN", "Number=Plur", 3, "nsubj"),
                ("malen", "VERB", f"Number=Plur|{FIN}", 0, ROOT),
            ],
            "die maler",
            True,
            1,
        ),
    ],
)
def test_the_verb_is_the_finite_word(words, prefix, plural, distance):
    suite = one(sentence(*words))
    assert [" ".join(p) for p in suite.prefixes] == [prefix]
    assert (suite.plural[0], suite.distance[0]) == (plural, distance)


NOTHING = {
    "a pronoun": [("They", "PRON", "Number=Plur", 2, "nsubj"), ("sing", "VERB", f"Number=Plur|{FIN}", 0, ROOT)],
    "no number": [("Boys", "NOUN", "Number=Plur", 2, "nsubj"), ("sang", "VERB", FIN, 0, ROOT)],
    "an infinitive": [("Boys", "NOUN", "Number=Plur", 2, "nsubj"), ("sing", "VERB", "Number=Plur|VerbForm=Inf", 0, ROOT)],
    "another number": [("Boy", "NOUN", "Number=Sing", 2, "nsubj"), ("sing", "VERB", f"Number=Plur|{FIN}", 0, ROOT)],
    "the subject behind": [("Are", "VERB", f"Number=Plur|{FIN}", 0, ROOT), ("boys", "NOUN", "Number=Plur", 1, "nsubj")],
}


@pytest.mark.parametrize("kind", NOTHING)
def test_what_is_no_item(kind):
    suite = one(sentence(*NOTHING[kind]) + "\n" + plain("Baker", True, "cook", False, "b"))
    assert len(suite) == 1
    assert suite.prefixes[0][1] == "baker"


def test_tags_tell_the_number_where_there_is_no_feature():
    rows = ["1\tBoys\t_\tNOUN\tNNS\t_\t2\tnsubj\t_\t_", "2\tsing\t_\tVERB\tVBP\tVerbForm=Fin\t0\troot\t_\t_"]
    assert one("\n".join(rows)).plural.tolist() == [True]


def test_multiword_tokens_and_empty_nodes_are_no_words():
    rows = plain("Baker", True, "cook", False, "b").split("\n")
    rows.insert(4, "3-4\tnearthe\t_\t_\t_\t_\t_\t_\t_\t_")
    rows.insert(7, "5.1\tghost\t_\tVERB\t_\t_\t_\t_\t_\t_")
    assert one("\n".join(rows)).prefixes == (("the", "baker", "near", "the", "cook"),)


def test_all_items_of_a_sentence_have_one_source():
    """The boys sing and the girls sing: the second prefix begins as the first."""
    both = [
        ("Boys", "NOUN", "Number=Plur", 2, "nsubj"),
        ("sing", "VERB", f"Number=Plur|{FIN}", 0, ROOT),
        ("girls", "NOUN", "Number=Plur", 4, "nsubj"),
        ("sing", "VERB", f"Number=Plur|{FIN}", 2, "conj"),
    ]
    suite = one(sentence(*both))
    assert len(suite) == 2 and len(set(suite.source)) == 1


def test_a_broken_sentence_is_told_and_left_out():
    lines = as_conllu().decode().split("\n")
    lines[11] = "3\tnear the wrong columns"
    corpus = read_corpus("\n".join(lines).encode())
    assert len(corpus) == 149
    assert "line 10: expected a sentence in CoNLL-U" in corpus.notes[-1]


def test_sentences_without_a_blank_line_between_them_are_told():
    rows = [line for line in as_conllu(400).decode().split("\n") if line]
    with pytest.raises(CorpusError, match="expected at most 2,000 lines in a sentence, got 3,200: is a blank line missing"):
        one("\n".join(rows))


@pytest.mark.parametrize("feature", ["VerbForm", "Number"])
def test_a_treebank_without_the_features_that_are_needed_is_refused_with_the_reason(feature):
    data = as_conllu().decode().replace(f"{feature}=", "Other=").encode()
    for read in (read_corpus, read_suite):
        with pytest.raises(CorpusError, match="got 150 sentences without: the features Number and VerbForm=Fin are needed"):
            read(data)
