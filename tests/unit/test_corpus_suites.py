"""Train on one file, test on another; parts and sources that a file names; near copies; what is known; intervals."""

import re
from dataclasses import replace

import numpy as np
import pytest
from corpora import SMALL, corpus_of
from corpus_files import NOUNS, as_blimp, as_table, error

from rnnkit.cli.main import main
from rnnkit.corpus import (
    TEST,
    TRAIN,
    VALIDATION,
    Corpus,
    CorpusError,
    part_of,
    read_corpus,
    read_suite,
    results,
    split,
    warnings,
    wilson,
)
from rnnkit.corpus.near_copies import near_copies
from rnnkit.corpus.tokens import to_tokens
from rnnkit.engine.trainer import init_params
from rnnkit.rounding import percent
from rnnkit.studies.evaluate_corpus import evaluate
from rnnkit.tasks.data import STORE

SUITE = b"prefix\tlabel\nthe uncle near the towers\tsg\nthe uncles near the tower\tpl\n"


def counts(corpus):
    return np.bincount(split(corpus), minlength=3).tolist()


def table(rows, columns="prefix\tlabel"):
    return "\n".join([columns, *("\t".join(map(str, row)) for row in rows)]).encode()


def numbered(n=300):
    return [(f"the cook number {i}", "sg" if i % 2 else "pl") for i in range(n)]


# ---- another file as the test


def test_a_second_file_is_the_test_part_and_the_first_is_for_the_others():
    suite = read_suite(SUITE, "suite.tsv")
    corpus = read_corpus(as_table(), "mine.tsv", test=suite)
    alone = read_corpus(as_table())
    assert len(corpus) == 144 + 2
    assert corpus.prefixes[144:] == suite.prefixes and corpus.prefixes[:144] == alone.prefixes
    expected = [VALIDATION if part_of(words) == VALIDATION else TRAIN for words in alone.prefixes]
    assert split(corpus).tolist() == [*expected, TEST, TEST]
    assert corpus.name == "mine.tsv, tested on suite.tsv"
    assert any(note.startswith("Test: Read as table of prefixes") for note in corpus.notes)
    assert any("2 for the test" in note for note in corpus.notes)


def test_both_files_are_one_corpus_with_one_digest():
    suite = read_suite(SUITE)
    corpus = read_corpus(as_table(), test=suite)
    again = Corpus.from_bytes(corpus.to_bytes())
    assert again == corpus and split(again).tolist() == split(corpus).tolist()
    others = [read_corpus(as_table()), read_corpus(as_table(), test=read_suite(SUITE.replace(b"uncle", b"aunt")))]
    assert len({corpus.digest, *(other.digest for other in others)}) == 3


def test_the_files_may_be_of_different_formats():
    corpus = read_corpus(as_table(), test=read_suite(as_blimp(), "blimp"))
    assert counts(corpus)[TEST] == 144
    assert corpus.forms == () and corpus.format == "table"
    assert any("of the test are in the training part as well" in note for note in corpus.notes)


def test_one_sentence_is_enough_to_test_on_but_not_to_train_on():
    assert len(read_suite(b"prefix\tlabel\nthe cook\tsg\n")) == 1
    with pytest.raises(CorpusError, match="expected at least one prefix to test on, got none"):
        read_suite(b"prefix\tlabel\n")
    few = table(numbered(60))
    assert "expected at least 100 different prefixes, to train on, got 60" in error(few, test=read_suite(SUITE))


def test_the_command_line_takes_a_second_file(tmp_path, capsys):
    (tmp_path / "mine.tsv").write_bytes(as_table())
    (tmp_path / "suite.text").write_text("the bakers near the rider are old . <eos>\nthe baker is old . <eos>\n")
    (tmp_path / "suite.gold").write_text("5\tare\tis\t1\n2\tis\tare\t0\n")
    files = ["--file", str(tmp_path / "mine.tsv"), "--test", str(tmp_path / "suite.text")]
    small = ["--preset", "corpus-gru", "--hidden", "4", "--steps", "3", "--replicas", "1", "--length", "8"]
    assert main(["train", *small, *files]) == 0
    output = capsys.readouterr()
    assert "all (2)" in output.out and "attractors 1 (1)" in output.out
    assert re.search(r"Known words: [\d.]+ % of those in training, [\d.]+ % of those in the test", output.out)
    assert re.search(r"\d+\.\d % \(\d+\.\d % to \d+\.\d %\)", output.out), "the network's interval"
    assert "Test: Read as Gulordava et al. 2018" in output.err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--test", "x"], "--test belongs to --file"),
        (["--file", "{mine}", "--test", "/nowhere/x"], "cannot read the file of --test"),
        (["--file", "{mine}", "--test", "{bad}"], "--test bad.tsv: line 1: no known format begins with"),
        (["--task", "words", "--file", "{mine}", "--test", "{mine}"], "--test needs the task corpus"),
    ],
)
def test_what_is_wrong_with_a_second_file_is_told(tmp_path, capsys, options, expected):
    (tmp_path / "mine.tsv").write_bytes(as_table())
    (tmp_path / "bad.tsv").write_text("once upon a time")
    paths = {"mine": tmp_path / "mine.tsv", "bad": tmp_path / "bad.tsv"}
    with pytest.raises(SystemExit):
        main(["train", *(option.format(**paths) for option in options)])
    assert expected in capsys.readouterr().err


# ---- parts that a file names


def test_a_column_split_is_followed():
    names = {TRAIN: "train", VALIDATION: "dev", TEST: "test"}
    parts = [TEST if i % 7 == 0 else VALIDATION if i % 5 == 0 else TRAIN for i in range(300)]
    corpus = read_corpus(table([(*row, names[p]) for row, p in zip(numbered(), parts, strict=True)], "prefix\tlabel\tsplit"))
    assert split(corpus).tolist() == parts
    assert any("as the column split" in note for note in corpus.notes)


def test_a_split_without_validation_takes_it_from_training():
    parts = ["test" if i % 4 == 0 else "train" for i in range(300)]
    corpus = read_corpus(table([(*row, p) for row, p in zip(numbered(), parts, strict=True)], "prefix\tlabel\tsplit"))
    assert (split(corpus) == TEST).tolist() == [p == "test" for p in parts]
    held = [words for words, part in zip(corpus.prefixes, split(corpus), strict=True) if part == VALIDATION]
    assert held and all(part_of(words) == VALIDATION for words in held)


def test_a_split_without_a_test_needs_a_second_file():
    parts = ["valid" if i % 4 == 0 else "train" for i in range(300)]
    data = table([(*row, p) for row, p in zip(numbered(), parts, strict=True)], "prefix\tlabel\tsplit")
    assert "expected prefixes for training, validation and test, got (225, 75, 0)" in error(data)
    assert counts(read_corpus(data, test=read_suite(SUITE))) == [225, 75, 2]


def test_an_unknown_part_is_a_bad_row():
    rows = [(*row, "many" if i == 3 else "train" if i % 4 else "test") for i, row in enumerate(numbered())]
    assert (
        "expected in the column split train, valid or test, got 'many'"
        in read_corpus(table(rows, "prefix\tlabel\tsplit")).notes[-1]
    )


# ---- sources and near copies


def variants(n=60):
    """Of each source four sentences with other words."""
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(4000)]
    frames = ["the {} to {} near the {}", "the {}s that a {} of {}s", "the {} and the {} by the {}"]
    return [
        (frames[i % 3].format(*rng.choice(words, 3)), "pl" if i % 3 == 1 else "sg", f"s{i}") for i in range(n) for _ in range(4)
    ]


@pytest.mark.parametrize("name", ["source", "group", "constr_id"])
def test_all_variants_of_a_source_are_in_one_part(name):
    rows = variants(100)
    corpus = read_corpus(table(rows, f"prefix\tlabel\t{name}"))
    parts = {}
    for source, part in zip(corpus.source, split(corpus), strict=True):
        parts.setdefault(source, set()).add(int(part))
    assert len(parts) == 100 and all(len(found) == 1 for found in parts.values())
    assert "All sentences of one source are in one part: 100 sources." in corpus.notes


def test_without_sources_near_copies_are_told():
    rows = [row[:2] for row in variants()]
    corpus = read_corpus(table(rows))
    assert near_copies(corpus) > 0.9
    assert any("training prefixes with other content words" in note and "a column source" in note for note in corpus.notes)
    rng = np.random.default_rng(1)
    loose = [" ".join(rng.choice([f"w{i}" for i in range(200)], 8)) for _ in range(300)]
    assert near_copies(read_corpus(table([(prefix, "sg" if i % 2 else "pl") for i, prefix in enumerate(loose)]))) < 0.1


def test_near_copies_in_a_large_corpus_are_found_wherever_their_siblings_stand(monkeypatch):
    """All training prefixes are compared, however many they are."""
    rng = np.random.default_rng(2)
    words = [f"w{i}" for i in range(300)]
    frames = [" ".join(rng.choice(words, 6)) for _ in range(300)]
    corpus = read_corpus(table([(f"{frame} a{i}{k}", "sg" if i % 2 else "pl") for i, frame in enumerate(frames) for k in "xy"]))
    whole = near_copies(corpus)
    assert whole > 0.6
    monkeypatch.setattr("rnnkit.corpus.near_copies.MAX_TEST_PREFIXES", 100)  # of 480 for training and 73 for the test
    assert near_copies(corpus) == whole


def test_shares_near_one_are_not_rounded_to_it():
    rows = [(f"the w{i} near v{i % 7}", "pl" if i % 214 == 0 else "sg") for i in range(3000)]
    corpus = read_corpus(table(rows))
    (note,) = (note for note in corpus.notes if "of all verbs" in note)
    assert corpus.plural.sum() == 15 and note.startswith("99.5 % of all verbs in the file are singular")
    assert all("%" not in note or " %" in note for note in corpus.notes)


def test_too_few_sources_are_told():
    rows = [(f"{prefix} {i}", label, "ab"[i % 2]) for i, (prefix, label) in enumerate(numbered())]
    assert "more sources are needed" in error(table(rows, "prefix\tlabel\tsource"))


# ---- numbers beside the results


def test_intervals_count_different_prefixes():
    prefixes = (("the", "lamp"), ("the", "lamps")) * 9
    plural = np.array([False, True] * 9)
    unknown = [-1] * 18
    corpus = Corpus("a", "table", prefixes, plural, unknown, unknown, (), ())
    (row,) = results(corpus, np.arange(18), {"network": plural})
    assert (row["n"], row["prefixes"], row["right"]) == (18, 2, 1)
    assert (row["low"], row["high"]) == wilson(2, 2)
    assert any("18 test sentences are 2 different ones" in warning for warning in warnings(corpus, [row]))
    half = {"network": np.array([True, True] * 9)}
    assert results(corpus, np.arange(18), half)[0]["low"] == wilson(1, 2)[0]


def test_repeated_rows_are_not_enough_to_train_on():
    again = table([("the lamp near the tower", "sg"), ("the lamps near the tower", "pl")] * 100)
    assert "expected at least 100 different prefixes" in error(again) and "got 2" in error(again)


def test_what_is_known_in_training_and_in_the_test_stands_beside_the_results():
    plain = corpus_of()
    part = split(plain)
    words = [(*w, "unheard") if p == TEST else w for w, p in zip(plain.prefixes, part, strict=True)]
    digest = STORE.put(replace(plain, prefixes=tuple(words), part=part))
    e = replace(SMALL, data=digest, vocabulary=50)
    found = evaluate(e, init_params(e))
    STORE.drop(digest)
    lengths = [len(w) for w, p in zip(words, part, strict=True) if p == TEST]
    assert found.known["train"] == 1
    assert found.known["test"] == pytest.approx(1 - len(lengths) / sum(lengths))


def test_the_missing_baseline_is_told_beside_the_results():
    digest = STORE.put(corpus_of())
    e = replace(SMALL, data=digest)
    found = evaluate(e, init_params(e))
    STORE.drop(digest)
    assert {row["who"] for row in found.rows} == {"network", "majority", "bag-of-words"}
    assert any("The baselines of the last noun are left out" in warning for warning in found.warnings)


def test_few_validation_sentences_are_told():
    share = 1 / counts(read_corpus(as_table()))[VALIDATION]
    assert any(f"in steps of {percent(share, 1)}" in note for note in read_corpus(as_table()).notes)
    assert not any("validation part has only" in note for note in read_corpus(table(numbered(2000))).notes)


def test_what_few_sentences_mean_counts_different_ones():
    """A test part of 500 rows that are 50 different sentences tells as much as 50; so does the bar of learning."""
    rows = [row for row in numbered(500) for _ in range(10)]
    corpus = read_corpus(table(rows))
    n = [len({corpus.prefixes[i] for i in np.flatnonzero(split(corpus) == part)}) for part in range(3)]
    assert counts(corpus)[TEST] == 10 * n[TEST] > 200 and counts(corpus)[VALIDATION] == 10 * n[VALIDATION] > 100
    k = round(0.9 * n[TEST])
    low, high = wilson(k, n[TEST])
    expected = f"{n[TEST]} different prefixes: {k} right of {n[TEST]} would mean {percent(low)} to {percent(high)}"
    assert any(expected in note for note in corpus.notes)
    expected = (
        f"{n[VALIDATION]} different prefixes: the accuracy while training moves in steps of {percent(1 / n[VALIDATION], 1)} on"
    )
    assert any(expected in note for note in corpus.notes)
    digest = STORE.put(corpus)
    assert replace(SMALL, data=digest).bound_task.evaluation_size(20) == n[VALIDATION]
    STORE.drop(digest)


HIDDEN = ["\ufeff", "\u200f", "\u202b", "\u2069", "\u00ad"]


@pytest.mark.parametrize("mark", HIDDEN, ids=[f"U+{ord(mark):04X}" for mark in HIDDEN])
def test_what_nobody_sees_makes_no_other_words(mark):
    rows = numbered()
    marked = [(f"{mark}{words[:2]}{mark}{words[2:]}{mark}", f"{mark}{label}") for words, label in rows]
    corpus = read_corpus(table(marked, f"{mark}prefix\t{mark}label"))
    assert corpus == read_corpus(table(rows))
    assert any(note.endswith("left out (marks of direction or byte order, soft hyphens).") for note in corpus.notes)
    assert to_tokens(f"the{mark} la{mark}mps") == ("the", "lamps")


def test_a_space_of_no_width_is_a_space_and_letters_are_composed():
    plain = numbered()
    spaced = [(words.replace(" ", "\u200b"), label) for words, label in plain]
    assert read_corpus(table(spaced)) == read_corpus(table(plain)) and to_tokens("a\u200bb") == ("a", "b")
    one, several = ([(f"café {words}".replace("é", e), label) for words, label in plain] for e in ("\u00e9", "e\u0301"))
    assert read_corpus(table(several)) == read_corpus(table(one))


def test_columns_that_are_not_used_are_named():
    rows = [(*row, NOUNS[i % 12], i) for i, row in enumerate(numbered())]
    assert "Columns that are not used: noun, year." in read_corpus(table(rows, "prefix\tlabel\tnoun\tyear")).notes
