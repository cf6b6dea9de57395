"""Minimal pairs of any language: read from every form of file, compared with intervals and coverage, and printed."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from rnnkit import Experiment
from rnnkit.analysis.lm_summary import MODELS, WHO, training_loss
from rnnkit.charts.corpora import groups_chart, groups_text
from rnnkit.charts.language import bits_text
from rnnkit.cli.main import main
from rnnkit.corpus import CorpusError, Pairs, Text, read_corpus, read_pairs, wilson
from rnnkit.corpus.pairs import Pair, join_words
from rnnkit.engine.trainer import Trainer
from rnnkit.studies.lm_bits import scores
from rnnkit.studies.lm_bits import study as language
from rnnkit.studies.minimal_pairs import Reading, counted, differences, frequent, stored_pairs
from rnnkit.studies.minimal_pairs import study as minimal_pairs
from rnnkit.studies.text_report import bits_lines, pair_lines, report
from rnnkit.tasks.data import KINDS, STORE
from rnnkit.tasks.text_symbols import spelt

SMALL = Experiment(task="words", length=8, hidden=6, batch=3, steps=4, replicas=2, input_scale=0.5)
GERMAN = "die Maler sind alt. der Maler ist alt. die Lampe neben der Brücke ist neu. " * 30


@pytest.fixture
def given():
    names = []

    def given(what):
        names.append(STORE.put(what))
        return names[-1]

    yield given
    for name in names:
        STORE.drop(name)


def last(parts):
    *_, found = parts
    return found


def same(before, right, wrong, attractors=-1):
    return Pair((before, before), (right, wrong), attractors)


# ---- files ----

TEXT = "die Maler neben der Lampe sind alt . <eos>\nder Maler neben der Lampen ist alt . <eos>\n"
GENERATED = "A green answer painted in nine towers call . <eos>\nThe idea to hold in mind is cold . <eos>\n"
WIDE = (
    "L!N!Number=Plur\t1\t7\t6\tVERB\tMood=Ind\tcalls\tcall\tcall\t2\tNOUN\tA formal answer given in May says\n"
    "L!N!Number=Plur\t0\t0\t6\tVERB\tMood=Ind\tis\tare\tbe\t1\tNOUN\tThe idea to hold in mind is\n"
)
ONE = {"one_prefix_prefix": "Anna repaired this", "one_prefix_word_good": "lamp", "one_prefix_word_bad": "lamps"}
TWO = {"two_prefix_prefix_good": "The lamps", "two_prefix_prefix_bad": "The lamp", "two_prefix_word": "shine"}
WHOLE = {"sentence_good": "The lamps shine now.", "sentence_bad": "The lamps shines now."}
FORMS = {
    ".gold": (TEXT, "5\tsind\tist\t0\n5\tist\tsind\t1\n"),
    "13 columns": (GENERATED, WIDE),
    "attractors -999": ("The painter near the lamp waves . <eos>\n", "5\twaves\twave\t-999\n"),
    "CLaMS": ("True\tthe painters wave\nFalse\tthe painters waves\nTrue\tder Maler winkt\nFalse\tder Maler winken\n", None),
    "CLaMS, wrong first": ("False\tder Maler winken\nTrue\tder Maler winkt\n", None),
    "CLaMS, two wrong": ("True\tder Maler winkt\nFalse\tder Maler winken\nFalse\tder Maler winkst\n", None),
    "one prefix": (json.dumps(WHOLE | ONE) + "\n", None),
    "two prefixes": (json.dumps(WHOLE | TWO) + "\n", None),
    "whole sentences": (json.dumps(WHOLE) + "\n", None),
    "named columns": ("id\tgood\tbad\n1\tIl dort bien.\tIl dorment bien.\n", None),
    "other order, Excel": ('wrong;right\n"Il dorment; oui";"Il dort; oui"\n;\n', None),
    "prefix and forms": ("prefix,right,wrong\nle chat,dort,dorment\n", None),
    "two columns": ("the cat is here\tthe cat are here\n", None),
    "two columns, commas": ("the cat is,the cat are\nthe cats are,the cats is\n", None),
    "three columns": ("le chat\tdort\tdorment\n", None),
    "rows by class": (
        "pattern\tconstr_id\tsent_id\tform\tclass\tprefix\tn_attr\nL\t1\t7\tcalls\tcorrect\tA green answer painted in nine\t0\n"
        "L\t1\t7\tcall\twrong\tA green answer painted in nine\t0\n",
        None,
    ),
    "quotation marks are words": ('the " cat " is\tthe " cat " are\n', None),
    "a cell over two lines": ('right;wrong\n"Il dort;\noui";"Il dorment;\noui"\n', None),
    "blanks before cells": ('"the cat is", "the cat are"\n"the cats are", "the cats is"\n', None),
    "a mark is a word in one row and in all": ('id\tgood\tbad\n1\t" he is\t" he are\n2\t"She is"\t"She are"\n', None),
    "two scripts": ("True\tהילדים ישנים\nFalse\tהילדים ישן\n", None),
}
FOUND = {
    ".gold": [same("die Maler neben der Lampe", "sind", "ist", 0), same("der Maler neben der Lampen", "ist", "sind", 1)],
    "13 columns": [same("A green answer painted in nine", "calls", "call"), same("The idea to hold in mind", "is", "are")],
    "attractors -999": [same("The painter near the lamp", "waves", "wave")],
    "CLaMS": [same("the painters", "wave", "waves"), same("der Maler", "winkt", "winken")],
    "CLaMS, wrong first": [same("der Maler", "winkt", "winken")],
    "CLaMS, two wrong": [same("der Maler", "winkt", "winken"), same("der Maler", "winkt", "winkst")],
    "one prefix": [same("Anna repaired this", "lamp", "lamps")],
    "two prefixes": [Pair(("The lamps", "The lamp"), ("shine", "shine"))],
    "whole sentences": [same("The lamps", "shine now.", "shines now.")],
    "named columns": [same("Il", "dort bien.", "dorment bien.")],
    "other order, Excel": [same("Il", "dort; oui", "dorment; oui")],
    "prefix and forms": [same("le chat", "dort", "dorment")],
    "two columns": [same("the cat", "is here", "are here")],
    "two columns, commas": [same("the cat", "is", "are"), same("the cats", "are", "is")],
    "three columns": [same("le chat", "dort", "dorment")],
    "rows by class": [same("A green answer painted in nine", "calls", "call", 0)],
    "quotation marks are words": [same('the " cat "', "is", "are")],
    "a cell over two lines": [same("Il", "dort; oui", "dorment; oui")],
    "blanks before cells": [same("the cat", "is", "are"), same("the cats", "are", "is")],
    "a mark is a word in one row and in all": [same('" he', "is", "are"), same('"She', 'is"', 'are"')],
    "two scripts": [same("הילדים", "ישנים", "ישן")],
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_file(form, end):
    text, gold = FORMS[form]
    pairs = read_pairs(b"\xef\xbb\xbf" + text.replace("\n", end).encode(), "my pairs", gold and gold.replace("\n", end).encode())
    assert list(pairs.items) == FOUND[form] and pairs.name == "my pairs"
    assert Pairs.from_bytes(pairs.to_bytes()) == pairs and KINDS["Pairs"] is Pairs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT, "need their .gold file"),
        ("prefix\tlabel\ni ponti\tplur\nil ponte\tsing\n", "right and the wrong sentence"),
        ("VBZ\tthe lamp near the old lamp\nVBP\tthe lamps\n", "two sentences that share words, got 'VBZ'"),
        ("the cat is\tthe cat is\n", "differ in a word, they are the same"),
        ("the cat\tthe cat is\n", "one is the beginning of the other"),
        ("It was a dark and stormy night.\nNobody was there.\n", "no known form begins with 'It was a dark"),
        ('{"text": "the cats were here"}\n', "sentence_good"),
        ("{broken\n", "expected a JSON object on each line"),
    ],
)
def test_what_is_no_file_of_pairs_is_refused_with_the_reason(text, expected):
    with pytest.raises(CorpusError, match=f".*{expected}"):
        read_pairs(text.encode())


def test_a_bad_line_is_told_and_left_out_and_a_repeated_pair_counts_once():
    lines = [json.dumps(WHOLE), "{", json.dumps(WHOLE), json.dumps(ONE)]
    pairs = read_pairs("\n".join(lines).encode())
    assert len(pairs) == 2
    assert any("1 pair repeats an earlier one" in note for note in pairs.notes)
    assert any(note.startswith("1 line left out; line 2: expected a JSON object") for note in pairs.notes)
    with pytest.raises(CorpusError, match=r"as many lines in the .gold file as sentences, got 1 and 2"):
        read_pairs(TEXT.encode(), gold=b"5\tsind\tist\t0\n")


@pytest.mark.parametrize("data", [b"[]", b'{"kind":"Pairs"}', b'{"kind":"Pairs","name":"a","pairs":[[1]],"notes":[]}', b"\xff"])
def test_broken_pairs_of_a_worker(data):
    with pytest.raises(CorpusError):
        Pairs.from_bytes(data)


def test_words_of_a_treebank_become_running_text():
    assert join_words("die Maler , die ( alt ) sind".split()) == "die Maler, die (alt) sind"


# ---- comparison ----


@pytest.mark.parametrize("task", ["words", "characters"])
@pytest.mark.parametrize("pair", [same("der Maler", "ist", "sind"), Pair(("die Maler", "der Maler"), ("sind", "sind"))])
def test_the_difference_of_log_probabilities_is_that_of_the_whole_readings(given, task, pair):
    e = replace(SMALL, task=task, data=given(Text("mine", GERMAN)), replicas=1)
    bound, trainer = e.bound_task, Trainer(e)
    p = {name: W.double() for name, W in trainer.params.items()}
    ((_, got),) = differences(e, p, bound, [Reading(bound, *pair[:2])])
    expected = []
    for before, after in zip(*pair[:2], strict=True):
        first, form = (bound.known.encode(part) for part in spelt(bound, before, after))
        log_p, _ = scores(e, p, np.concatenate([first, form]))
        expected.append(log_p[len(first) - 1 :].sum())
    assert got[0] == pytest.approx(expected[0] - expected[1], rel=1e-9)


def test_the_counting_model_reads_each_sentence_from_its_own_beginning(given):
    e = replace(SMALL, data=given(Text("mine", GERMAN)))
    task = e.bound_task
    pairs = [("der Maler", ("ist", "sind")), ("die Maler", ("sind", "ist")), ("der Brücke", ("ist", "sind"))]
    asked = [Reading(task, (before, before), after) for before, after in pairs]
    alone = np.concatenate([counted(task, [reading]) for reading in asked])
    np.testing.assert_allclose(counted(task, asked), alone)
    assert (alone > 0).all(), "it has seen all three"
    assert len(counted(task, [])) == 0


def test_pairs_of_another_language_are_asked_with_intervals_and_coverage(given):
    e = replace(SMALL, data=given(Text("mine", GERMAN)))
    pairs = given(read_pairs(TEXT.encode(), "german.text", b"5\tsind\tist\t0\n5\tist\tsind\t1\n"))
    found = last(minimal_pairs(e, 4, pairs=pairs))
    assert (found.pairs, found.skipped, found.strange) == (2, 0, 1), "Lampen is not in the text"
    assert found.known == pytest.approx(11 / 12), "of six pieces each"
    rows = {(row["by"], row["group"], row["who"]): row for row in found.rows}
    assert {who for _, _, who in rows} == {"network", "five-gram", "frequent-form"}, "no rule of English"
    whole = rows["all", "all", "network"]
    assert (whole["low"], whole["high"]) == wilson(2 * whole["right"], 2)
    assert rows["known", "something not known", "network"]["n"] == rows["attractors", "1", "network"]["n"] == 1


def test_a_pair_that_differs_in_an_unknown_word_is_told_not_scored(given):
    e = replace(SMALL, data=given(Text("mine", GERMAN)))
    pairs = given(read_pairs(b"der Maler ist\tder Maler singt\nder Hut ist alt\tdie Hut ist alt\n"))
    found = last(minimal_pairs(e, 4, pairs=pairs))
    assert (found.pairs, found.skipped, found.missing) == (1, 1, ["singt"])
    assert any("1 pair left out: a word that differs is not known (“singt”)" in line for line in pair_lines(found, "word"))
    none = given(read_pairs(b"der Maler lacht\tder Maler singt\n"))
    found = last(minimal_pairs(e, 4, pairs=none))
    assert found.pairs == 0 and found.rows == []
    assert pair_lines(found, "word")[0].startswith("minimal pairs: none can be asked. 1 pair left out")


def test_sentences_that_are_the_same_to_the_task_are_told_not_scored(given):
    e = replace(SMALL, data=given(Text("mine", GERMAN)))
    pairs = given(read_pairs(b"Die Maler sind\tdie Maler sind\nder Maler ist\tder Maler sind\n"))
    found = last(minimal_pairs(e, 0, pairs=pairs))
    assert (found.pairs, found.skipped, found.same) == (1, 0, 1)
    assert "1 pair left out: both sentences are the same words in lower case." in pair_lines(found, "word")
    found = last(minimal_pairs(replace(e, task="characters"), 0, pairs=pairs))
    assert (found.pairs + found.skipped, found.same) == (2, 0), "a model of characters tells D from d"


def test_sentences_without_spaces_differ_in_characters_and_are_read_without_spaces(given):
    pairs = read_pairs("猫は走る。\t猫が走る。\n犬は走る\t犬が走る\n".encode())
    assert pairs.items == (same("猫", "は走る。", "が走る。"), same("犬", "は走る", "が走る"))
    e = replace(SMALL, task="characters", data=given(Text("mine", "猫は走る。犬は走る。" * 60)))
    assert [spelt(e.bound_task, "猫", after)[1] for after in ("は走る。", "は走る")] == [[*"は走る。"], [*"は走る"]]
    pairs = given(read_pairs("猫は走る。\t猫走は。\n".encode()))
    found = last(minimal_pairs(e, 0, pairs=pairs))
    (frequent,) = (row for row in found.rows if row["who"] == "frequent-form")
    assert (found.strange, frequent["right"]) == (0, 1), "no space, which this text has not"


def test_a_form_that_follows_itself_is_counted_each_time(given):
    e = replace(SMALL, data=given(Text("mine", "ja ja ja und nein und nein . " * 30)))
    readings = [Reading(e.bound_task, ("und", "und"), ("ja", "nein"))]
    assert frequent(e.bound_task, readings) == [e.bound_task.text.words[: int(0.8 * 30 * 8)].count("ja") - 2 * 24]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_is_no_file_of_pairs_nor_a_corpus(indent):
    data = json.dumps([WHOLE, ONE] * 60, indent=indent).encode()
    for read in (read_pairs, read_corpus):
        with pytest.raises(CorpusError, match="expected JSON lines, an object on each line, got a JSON array"):
            read(data)


def test_a_tie_is_half_right_in_the_interval_as_well(given):
    e = replace(SMALL, data=given(Text("mine", GERMAN)))
    two = {"two_prefix_prefix_good": "die Maler", "two_prefix_prefix_bad": "der Maler", "two_prefix_word": "sind"}
    rows = last(minimal_pairs(e, 0, pairs=given(read_pairs(json.dumps(two).encode())))).rows
    (tied,) = (row for row in rows if row["who"] == "frequent-form")
    assert (tied["right"], tied["low"], tied["high"]) == (0.5, *wilson(0.5, 1))


def test_no_tooltip_of_the_pairs_holds_what_is_not_counted():
    rows = last(minimal_pairs(SMALL, 0)).rows
    texts = [row["text"] for row in groups_chart(rows, "attractors", "attractors").data.to_dict("records")]
    assert texts and not any("nan" in text or "different" in text for text in texts)
    repeated = {"by": "all", "group": "all", "n": 10, "prefixes": 4, "who": "network", "right": 0.5, "low": 0.1, "high": 0.9}
    (text,) = groups_chart([repeated], "all", "").data["text"]
    assert text == "50.0 % of 10 (4 different), 95 % interval 10.0 % to 90.0 %"


def test_only_the_last_noun_of_the_examples_pairs_is_known():
    found = last(minimal_pairs(SMALL, 0))
    nouns = {row["group"]: row["right"] for row in found.rows if row["who"] == "last-noun" and row["by"] == "attractors"}
    assert nouns == {"0": 1.0, "1": 0.0, "2": 0.0, "3": 0.0}
    assert found.missing == [] and found.strange == 0


def test_pairs_that_are_not_here(given):
    with pytest.raises(ValueError, match="give the file again"):
        stored_pairs("0" * 16)
    with pytest.raises(ValueError, match="expected the name of minimal pairs"):
        stored_pairs(given(Text("mine", GERMAN)))


# ---- what is printed ----


def test_the_report_has_bits_baselines_coverage_pairs_and_a_sample(given):
    pairs = given(read_pairs(TEXT.encode(), "german.text", b"5\tsind\tist\t0\n5\tist\tsind\t1\n"))
    e = replace(SMALL, data=given(Text("mine", GERMAN + "ganz neue Wörter stehen hier am Ende. " * 12)))
    trainer = Trainer(e)
    list(trainer.records())
    lines = "\n".join(report(e, trainer.params, pairs=pairs))
    found = last(language(e, 4))
    assert all(f"{found.bits[model]:.2f}" in lines for model in ("network", "five-gram", "unigram"))
    assert "In the bits an unknown word counts as the symbol of its shape: the model predicts that one comes, not which" in lines
    assert f"{found.known_bits['network']:.2f}" in lines
    assert "of the test part" in lines and "minimal pairs (2)" in lines and "It writes (temperature 0.7): " in lines
    assert "network 1 became NaN at step 7" in "\n".join(report(e, trainer.params, 7))
    assert "minimal pairs" not in "\n".join(report(e, trainer.params)), "the example's pairs are for the example text"


CLI = ["train", "--task", "words", "--length", "8", "--hidden", "6", "--replicas", "1", "--steps", "3", "--quiet"]


def test_the_command_line_asks_pairs_and_prints_the_report(tmp_path, capsys):
    (tmp_path / "book.txt").write_bytes(b"*** START OF THE PROJECT GUTENBERG EBOOK X ***\r\n" + GERMAN.encode())
    (tmp_path / "german.text").write_text(TEXT, "utf-8")
    (tmp_path / "german.gold").write_text("5\tsind\tist\t0\n5\tist\tsind\t1\n", "utf-8")
    files = ["--file", "book.txt", "--pairs", "german.text", "--pairs-gold", "german.gold"]
    options = [str(tmp_path / word) if "." in word else word for word in files]
    assert main([*CLI, *options]) == 0
    output = capsys.readouterr().out
    for words in ("bits per word", "five-gram", "unigram", "Known: 100 %", "minimal pairs (2)", "% interval", "It writes"):
        assert words in output
    assert main([*CLI[:-1], *options[:2]]) == 0 and "Left out: Project Gutenberg's header" in capsys.readouterr().err
    assert main([*CLI[:-1], *options[:2], "--whole-text"]) == 0 and "Left out" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--pairs", "none.tsv"], "cannot read the file none.tsv"),
        (["--pairs-gold", "x.gold"], "--pairs-gold belongs to --pairs"),
        (
            ["--pairs", __file__, "--task", "agreement"],
            "--pairs asks a text's model: expected --task characters or words, got 'agre",
        ),
        (["--pairs", __file__], "line 1: no known form begins with"),
    ],
)
def test_pairs_that_cannot_be_asked_are_refused_before_the_training(options, expected, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*CLI, *options])
    assert ended.value.code == 2 and expected in capsys.readouterr().err


def test_whoever_answers_has_one_name():
    """On the page, in its charts and on the command line."""
    found, pairs = last(language(SMALL, 0)), last(minimal_pairs(SMALL, 0))
    printed = "\n".join([*bits_lines(found, "word"), *pair_lines(pairs, "word")])
    drawn = bits_text(found, "word") + groups_text(pairs.rows, "attractors", "attractors")
    for name in {*MODELS.values(), *(WHO[row["who"]] for row in pairs.rows)}:
        assert re.search(rf"^{name} ", printed, re.MULTILINE) and f"{name} " in drawn
    assert len(set(WHO.values())) == len(WHO) and "majority" not in printed + drawn


def test_a_nan_counts_as_the_worst_network_in_the_training_loss():
    """Sorting would put any of them into the middle."""
    text = training_loss(np.array([2, np.nan, 1, np.nan, 0.5, 0.1, 0.2]), np.log(8), "word")
    assert text.startswith("**Training loss at this step, the median of 7 networks: 1.00 = 1.44 bits per word, perplexity 2.7.**")
    assert training_loss(np.array([np.nan, np.nan, 1]), np.log(8), "word").startswith(
        "**Training loss at this step, the median of 3 networks: NaN.** A guesser who knows how frequent each word is: 3.00 bits"
    )


def test_a_report_of_another_task():
    with pytest.raises(ValueError, match="needs one of the tasks characters, words"):
        report(Experiment(), {})
