"""Reading corpora and texts: each format against files written here. What is wrong with a file: test_corpus_bad.py."""

import csv

import numpy as np
import pytest
from corpus_files import as_blimp, as_gulordava, as_linzen, as_table, check, error, replaced

from rnnkit.corpus import FORMATS, CorpusError, Text, read_corpus, read_text
from rnnkit.corpus.verbs import number

# ---- each format


@pytest.mark.parametrize(
    "data",
    [
        as_table(),
        as_table(","),
        as_table(";", csv.QUOTE_ALL, "\r\n"),
        as_table(end="\r"),
        b"\xef\xbb\xbf" + as_table(),
        b"\n\n" + as_table().replace(b"\n", b"\n\n"),
        as_table(columns=("distance", "label", "n_attractors", "prefix")),
        as_table().replace(b"prefix\tlabel", b" Prefix\tLABEL "),
    ],
    ids=["tabs", "commas", "semicolons, quotes, CRLF", "CR", "BOM", "blank lines", "other order", "header"],
)
def test_a_table(data):
    corpus = read_corpus(data, "mine.tsv")
    check(corpus)
    assert (corpus.name, corpus.format, corpus.forms) == ("mine.tsv", "table", ())
    assert corpus.notes[0] == "Read as table of prefixes, recognised by its first line."
    assert corpus.notes[1].startswith("144 prefixes, 72 before a singular and 72 before a plural verb: ")
    assert corpus == read_corpus(as_table())


def test_a_table_without_attractors_and_distance():
    corpus = read_corpus(as_table(columns=("prefix", "label")))
    check(corpus, attractors=False, distance=False)
    assert any("unknown" in note for note in corpus.notes)


@pytest.mark.parametrize("label", "singular sing sg VBZ SINGULAR plural plur pl VBP Plur".split())
def test_labels(label):
    corpus = read_corpus(replaced(as_table(columns=("prefix", "label")), 2, f"a cook\t{label} ".encode()))
    assert corpus.prefixes[0] == ("a", "cook")
    assert corpus.plural[0] == label.lower().startswith(("pl", "vbp"))


def test_unknown_counts_and_those_that_pandas_wrote():
    data = replaced(as_table(), 2, b"a cook\tsg\t\t-1")
    data = replaced(data, 3, b"two old cooks\tpl\t1.0\t1.0")
    corpus = read_corpus(data)
    assert corpus.attractors[:3].tolist() == [-1, 1, 1]
    assert corpus.distance[:3].tolist() == [-1, 1, 4]


def test_words_are_lower_case_and_without_the_marks_at_their_edges():
    prefix = 'The "Bakers", who ate (with U.S. sailors): and 5,000 x-rays ... :)'
    data = replaced(as_table("\t", columns=("prefix", "label")), 2, f"{prefix}\tpl".encode())
    expected = 'the " bakers " , who ate ( with u.s. sailors ) : and 5,000 x-rays ... :)'
    assert read_corpus(data).prefixes[0] == tuple(expected.split())
    quoted = replaced(as_table(",", columns=("prefix", "label")), 2, b'"The cooks, who ate ""cake""",pl')
    assert read_corpus(quoted).prefixes[0] == tuple('the cooks , who ate " cake "'.split())


def test_a_stray_quote_in_a_tsv_is_a_word_and_swallows_nothing():
    corpus = read_corpus(replaced(as_table(columns=("prefix", "label")), 2, b'" the cooks\tpl'))
    assert corpus.prefixes[0] == ('"', "the", "cooks")
    assert len(corpus) == 144


def test_blimp():
    corpus = read_corpus(as_blimp())
    check(corpus, attractors=False, distance=False)
    assert corpus.format == "blimp"
    assert corpus.forms[:2] == (("are", "is"), ("was", "were"))


def test_gulordava():
    text, gold = as_gulordava()
    corpus = read_corpus(text, gold=gold)
    check(corpus, distance=False)
    assert corpus.format == "gulordava"
    assert corpus.forms[0] == ("are", "is")
    assert corpus.notes[0].endswith("recognised by the second file.")


def test_gulordava_with_the_same_word_twice():
    text, gold = as_gulordava()
    text, gold = replaced(text, 1, b"the cooks edit . <eos>"), replaced(gold, 1, b"2\tedit\tedit\t0")
    corpus = read_corpus(text, gold=gold)
    assert corpus.plural[0]
    assert corpus.notes[-1] == "1 line: the right and the wrong form are the same word; its ending decided the number."


def test_linzen():
    corpus = read_corpus(as_linzen())
    check(corpus)
    assert (corpus.format, corpus.forms) == ("linzen", ())


def test_linzen_without_the_original_sentence():
    """Then the tags that stand for rare words are words."""
    data = as_linzen().replace(b"orig_sentence", b"other")
    assert "nns" in read_corpus(data).prefixes[0]


def test_the_format_can_be_chosen():
    assert read_corpus(as_table(), format="table").notes[0].endswith("as asked for.")
    assert "expected a JSON object on each line, got 'prefix\\tlabel" in error(as_table(), format="blimp")
    assert error(as_table(), format="nope") == f"unknown format 'nope': valid are {', '.join(FORMATS)}"
    assert "belongs to the format gulordava, not to table" in error(as_table(), format="table", gold=as_gulordava()[1])


@pytest.mark.parametrize(
    ("right", "wrong", "plural"),
    [
        ("is", "are", False),
        ("Were", "was", True),
        ("were", "is", True),
        ("hasn't", "haven't", False),
        ("applies", "apply", False),
        ("pass", "passes", True),
        ("look like", "looks like", True),
        ("plays", "play", False),
        ("is", "is", None),
        ("is", "was", None),
        ("sing", "singing", None),
        ("looks like", "look at", None),
        ("s", "", None),
        ("is", "be", None),
        ("", "", None),
        ("ies", "y", False),
    ],
)
def test_the_number_of_a_verb(right, wrong, plural):
    assert number(right, wrong) is plural
    assert number(wrong, right) is (None if plural is None else not plural)


# ---- plain text


def test_a_text():
    text = read_text("Der Bäcker schläft.\r\nEr träumt.\r".encode() * 30, "märchen.txt")
    assert isinstance(text, Text)
    assert text.name == "märchen.txt"
    assert text.text == text.characters == "Der Bäcker schläft.\nEr träumt.\n" * 30
    assert text.words[:7] == ("der", "bäcker", "schläft", ".", "er", "träumt", ".")
    assert text.notes == ("930 characters are few: the tenth that is kept for the test has 93.",)
    assert Text.from_bytes(text.to_bytes()) == text
    assert read_text(b"a" * 10_000).notes == ()


def test_a_text_that_is_too_short():
    with pytest.raises(CorpusError, match="expected at least 500 characters, a tenth of which are kept for the test, got 499"):
        read_text(b"a" * 499)
    with pytest.raises(CorpusError, match="the file has 600 bytes; expected at most 599"):
        read_text(b"a" * 600, max_bytes=599)


def test_names_can_be_shown():
    assert read_text(b"a" * 600, "a\0b\n\ud800" + "c" * 200).name == "a b  " + "c" * 75
    assert read_text(b"a" * 600, " \n").name == "text"
    assert read_corpus(as_table()).name == "corpus"


def test_arrays_are_read_only():
    corpus = read_corpus(as_table())
    assert (corpus.plural.dtype, corpus.attractors.dtype, corpus.distance.dtype) == (np.bool_, np.int16, np.int16)
    with pytest.raises(ValueError, match="read-only"):
        corpus.plural[0] = False
