"""Texts that somebody brings: words and marks of any language, Project Gutenberg, which symbols are told apart, and coverage."""

from dataclasses import replace

import numpy as np
import pytest

from rnnkit import Experiment
from rnnkit.corpus import SHAPES, CorpusError, Text, read_text
from rnnkit.corpus.tokens import to_tokens, unspaced
from rnnkit.engine.trainer import Trainer, train
from rnnkit.experiment import ExperimentError
from rnnkit.serving.limits import Limits
from rnnkit.studies.lm_bits import scores
from rnnkit.studies.lm_bits import study as language
from rnnkit.tasks.characters import MAX_CHARACTERS, OTHER, Characters, NextCharacter
from rnnkit.tasks.data import STORE
from rnnkit.tasks.next_symbol import UNKNOWN, axis_label
from rnnkit.tasks.text_symbols import beginning, joined, pieces, unknown
from rnnkit.tasks.words import NextWord

SMALL = Experiment(task="characters", length=8, hidden=6, batch=3, steps=4, replicas=2)
BOOK = "It was the best of times, it was the worst of times.\n" * 60
HAN = "".join(chr(0x4E00 + i) for i in range(3000))


@pytest.fixture
def given():
    """Keeps texts for a test and forgets them after it."""
    names = []

    def given(text, name="mine"):
        names.append(STORE.put(Text(name, text)))
        return names[-1]

    yield given
    for name in names:
        STORE.drop(name)


# ---- words and marks ----


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("«Oui», dit-il… — Non !", ["«", "oui", "»", ",", "dit-il", "…", "—", "non", "!"]),
        ("„Ja“, sagte er; ‚nein‘", ["„", "ja", "“", ",", "sagte", "er", ";", "‚", "nein", "‘"]),
        ("¿Qué? ¡No!", ["¿", "qué", "?", "¡", "no", "!"]),
        ("مرحبا، العالم؟", ["مرحبا", "،", "العالم", "؟"]),
        ("他来了。你呢？", ["他来了", "。", "你呢", "？"]),
        ("राम आया।", ["राम", "आया", "।"]),
        ("yes—no, yes--no", ["yes", "—", "no", ",", "yes", "--", "no"]),
        (
            "don't l'homme he’s well-known e.g. 3,000 12:30",
            ["don't", "l'homme", "he’s", "well-known", "e.g", ".", "3,000", "12:30"],
        ),
        ("'quoted' dogs' _emphasis_", ["'", "quoted", "'", "dogs", "'", "_", "emphasis", "_"]),
        ("wait... a,b", ["wait", "...", "a", ",", "b"]),
        ("the cats , which slept .", ["the", "cats", ",", "which", "slept", "."]),
        ("\u200fשלום\u200f צה״ל", ["שלום", "צה״ל"]),
    ],
)
def test_marks_of_every_language_are_words_of_their_own(text, words):
    assert list(to_tokens(text)) == words
    assert Text("mine", text).words == tuple(words)


def test_words_become_text_again():
    task = NextWord(Text("mine", BOOK))
    for text in ("„ja“, sagte er. «oui»?", "¿qué? ¡no!", 'he said "no" (or "yes"), twice.', "don't: l'homme; well-known."):
        assert joined(task, pieces(task, text)) == text
    assert joined(task, ["yes", '"'], before=['"']) == 'yes"'


# ---- Project Gutenberg ----

HEADERS = {
    "2020s": "The Project Gutenberg eBook of Emma\n\nLicense: as you like\n\n*** START OF THE PROJECT GUTENBERG EBOOK EMMA ***\n",
    "a title of two lines": "x\n*** START OF THIS PROJECT GUTENBERG EBOOK THE LIFE\nAND ADVENTURES OF EMMA ***\n",
    "no spaces": "x\n***START OF THE PROJECT GUTENBERG EBOOK EMMA***\n",
    "1990s": (
        "**The Project Gutenberg Etext of Emma**\n***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\nWhy?\n"
        "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n"
    ),
    "2001": "x\n*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.10/04/01*END*\n",
    "none": "",
}
LICENCES = {
    "2020s": "*** END OF THE PROJECT GUTENBERG EBOOK EMMA ***\n\nUpdated editions will replace the previous one.\n",
    "twice": "End of the Project Gutenberg EBook of Emma\n\n*** END OF THIS PROJECT GUTENBERG EBOOK EMMA ***\nSection 1.\n",
    "1990s": "End of Project Gutenberg's Etext of Emma\n",
    "German": "Ende dieses Project Gutenberg Etextes Emma\n",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("licence", LICENCES)
@pytest.mark.parametrize("header", HEADERS)
def test_a_header_and_a_licence_of_project_gutenberg_are_left_out_and_told(header, licence, end):
    file = (HEADERS[header] + "\n" + BOOK + "\n" + LICENCES[licence]).replace("\n", end).encode()
    text = read_text(file)
    assert text.text == BOOK
    (note,) = (note for note in text.notes if "Project Gutenberg" in note)
    assert ("header" in note) == bool(HEADERS[header]) and "licence" in note
    assert "GUTENBERG" in read_text(file, whole=True).text.upper()


NEXT = BOOK.replace("Emma", "Anna").upper()


@pytest.mark.parametrize("header", [name for name in HEADERS if name != "none"])
@pytest.mark.parametrize("licence", LICENCES)
def test_all_books_of_a_file_stay_and_what_stands_between_them_goes(header, licence):
    file = "\n".join([HEADERS[header], BOOK, LICENCES[licence], HEADERS[header], NEXT, LICENCES[licence], HEADERS["2020s"], BOOK])
    text = read_text(file.encode())
    assert text.text == f"{BOOK}\n{NEXT}\n{BOOK}"
    (note,) = (note for note in text.notes if "Project Gutenberg" in note)
    assert "licences and headers between 3 books" in note


@pytest.mark.parametrize("header", ["", HEADERS["2020s"]])
def test_words_like_a_licence_in_the_middle_of_a_novel_cut_nothing(header):
    novel = BOOK + "End of Project Gutenberg fans' meeting came.\n" + 3 * BOOK
    for ending in ("", LICENCES["twice"]):
        assert read_text((header + novel + ending).encode()).text == novel
    long = novel + 50_000 * "a word " + "Project Gutenberg\n"  # even where the name comes again
    assert read_text((header + long).encode()).text == long


def test_a_book_that_is_about_project_gutenberg_is_left_whole():
    text = read_text(("Project Gutenberg was founded in 1971.\n" + BOOK).encode())
    assert text.text.startswith("Project Gutenberg") and any("no border" in note for note in text.notes)
    assert read_text(BOOK.encode()).text == BOOK and not any("Gutenberg" in note for note in read_text(BOOK.encode()).notes)


def test_a_licence_no_longer_fills_the_test_part():
    file = BOOK + "*** END OF THE PROJECT GUTENBERG EBOOK X ***\n" + "Redistribution is subject to the trademark licence. " * 30
    task, whole = (NextCharacter(read_text(file.encode(), whole=whole)) for whole in (False, True))
    last, filled = ("".join(t.known.decode(t.parts[2])) for t in (task, whole))
    assert "times" in last and "licence" not in last
    assert "licence" in filled and "times" not in filled


# ---- characters and the limit ----


def test_every_character_of_the_training_part_is_told_apart_up_to_a_limit():
    text = HAN * 2 + "".join(chr(0xAC00 + i) for i in range(1500))
    task = NextCharacter(Text("mine", text))
    train = "".join(task.text.characters[: int(0.8 * len(text))])
    assert task.named == len(set(train)) == 3000 and task.coverage["training"] == 1
    assert task.coverage["test"] == 0 and "0 % of the test part" in task.remarks(10)[0]
    many = Characters.of("".join(chr(0x20000 + i) for i in range(MAX_CHARACTERS + 7)))
    assert MAX_CHARACTERS >= 3000 and len(many) == MAX_CHARACTERS + 1


def test_coverage_is_counted_in_every_part():
    task = NextWord(Text("mine", "a b " * 40 + "a c " * 5 + "a d " * 5), vocabulary=1)
    assert task.known.words == ("a",)
    assert task.coverage == {"training": 0.5, "validation": 0.5, "test": 0.5}
    wide = NextWord(Text("mine", "a b " * 40 + "a c " * 5 + "a d " * 5))
    assert wide.coverage == {"training": 1, "validation": 0.5, "test": 0.5}
    assert "50.0 % of the test part" in wide.remarks(5)[0]
    assert wide.samples == "words (50.0 % of them known)", "beside every accuracy"
    assert NextWord().samples == "words"


def test_guessing_the_catch_all_symbol_is_never_right(given):
    """A text whose last fifth is unknown: a network that always says so has 100 % by the old count."""
    e = replace(SMALL, data=given("ab" * 400 + "".join(HAN[:200])), replicas=1)
    task = e.bound_task
    assert task.coverage["validation"] == 0 and set(task.evaluation_batch(8, None).y.ravel()) == {UNKNOWN}
    trainer = Trainer(e)
    trainer.params["b_out"].zero_()[..., task.named] = 100  # which says the catch-all symbol, whatever comes
    assert trainer.recorder.evaluation.accuracy() == 0
    p = {name: W.double() for name, W in trainer.params.items()}
    _, right = scores(e, p, task.parts[2])
    assert right.all(), "the symbol itself is predicted"
    *_, found = language(e, 4)
    assert found.accuracy == 0 and found.unknown == 1 and found.known_bits is None
    assert found.coverage["test"] == 0 and found.different == 2


def test_a_guesser_does_not_get_the_catch_all_symbol_right():
    task = NextWord(Text("mine", "a x1 b x2 a x3 c x4 a x5 " * 40), vocabulary=3)
    assert task.shares[task.named :].max() == pytest.approx(0.5, abs=0.01) and task.chance == pytest.approx(0.3, abs=0.01)


def test_bits_over_known_symbols_alone(given):
    e = replace(SMALL, data=given(("abcd" * 25 + HAN[:4]) * 4 + "abcd" * 20 + HAN[100:120] * 2 + "abcd" * 5))
    task, _ = e.bound_task, list(train(e))
    *_, found = language(e, 4)
    trainer = Trainer(replace(e, steps=1000, replicas=1))
    for _ in range(4):
        trainer.advance()
    test = task.parts[2]
    log_p, _ = scores(e, {name: W.double() for name, W in trainer.params.items()}, test)
    known = test[1:] < task.named
    assert 0 < known.mean() < 1 and found.unknown == pytest.approx(1 - known.mean())
    assert found.bits["network"] == pytest.approx(-log_p.mean() / np.log(2))
    assert found.known_bits["network"] == pytest.approx(-log_p[known].mean() / np.log(2))
    assert set(found.known_bits) == {"network", "unigram", "bigram", "five-gram", "uniform"}


def test_a_published_corpus_mark_for_rare_words_is_no_word():
    task = NextWord(Text("mine", "the <unk> of the <unk> was <unk> . " * 30))
    assert "<unk>" not in task.known.symbols and task.coverage["test"] < 0.7
    assert unknown(task, ["<unk>", *SHAPES]) == ["<unk>", *SHAPES], "nor are the catch-all symbols"


# ---- texts with something odd about them ----


def test_accents_that_stand_apart_become_one_character_with_their_letter():
    apart, one = "cafe\u0301 " * 200, "café " * 200
    text = read_text(apart.encode())
    assert text == read_text(one.encode()) and any("NFC" in note and "200" in note for note in text.notes)
    task = NextCharacter(text)
    assert unknown(task, pieces(task, "cafe\u0301")) == [], "in what is typed as well"
    assert axis_label("\u0301") == "◌\u0301" and axis_label(" ") == "␣"


def test_a_text_without_spaces_is_told_to_be_learnt_by_characters():
    text = "他来了，你呢？我们都在这里等你。" * 60
    assert unspaced(text) and not unspaced("我 喜欢 你 吗 ？\n" * 60) and not unspaced(BOOK)
    assert unspaced("สวัสดีครับวันนี้อากาศดีมาก" * 30) and not unspaced("Das ist 漢字 und mehr. " * 30)
    assert any("no spaces between its words: learn its characters" in note for note in read_text(text.encode()).notes)


def test_a_text_with_too_few_words_is_refused_with_the_reason(given):
    e = replace(SMALL, data=given(HAN[:600], "han.txt"))
    assert e.bound_task.named == 480
    words = Experiment(task="words", data=e.data, length=8, replicas=1)
    with pytest.raises(
        ExperimentError, match=r"at least 50 words, han\.txt has 1; if it puts no spaces between words, learn its char"
    ):
        next(train(words))
    assert "at least 50 words" in Limits().check(words)["data"]


def test_a_validation_part_that_is_too_short_is_told():
    task = NextWord(Text("mine", "a b c d e " * 60))
    assert any("has 30 words, fewer than one window of 100: it is read more than once." in remark for remark in task.remarks(100))
    assert any("on only 30 words" in remark for remark in task.remarks(10))
    assert len(NextCharacter(Text("mine", "abcde" * 4000)).remarks(10)) == 1, "nothing but what is known"


@pytest.mark.parametrize(
    "text", ["ab" * 300, "a" * 600, "the cats sleep " * 50, "שלום עולם. " * 60, "a\u0301\u0302b " * 150, OTHER * 300 + "ab" * 300]
)
def test_odd_texts_are_learnt(given, text):
    for task in ("characters", "words"):
        e = replace(SMALL, task=task, data=given(text))
        if task == "words" and len(Text("", text).words) < 50:
            continue
        assert np.isfinite([r.loss for r in train(e)]).all()
        *_, found = language(e, 4)
        assert np.isfinite(found.bits["network"]) and found.bits["network"] >= 0
        assert beginning(e.bound_task) in e.bound_task.known.symbols


@pytest.mark.parametrize("length", [3, 7, 33, 50, 99])
def test_windows_of_the_validation_part_do_not_go_over_its_end(length):
    """What follows the last symbol of the part is not its first one."""
    task = NextCharacter(Text("mine", HAN[:100] * 10))
    part = task.parts[1]
    assert len(set(part)) == len(part) == 100
    batch = task.evaluation_batch(length, None)
    starts = np.array([np.flatnonzero(part == x)[0] for x in batch.x[0]])
    assert (starts + length < len(part)).all() and len(set(starts)) == len(starts) == 99 // length


def test_no_file_of_nul_bytes():
    with pytest.raises(CorpusError, match=r"NUL byte.*UTF-16"):
        read_text("a text in UTF-16 ".encode("utf-16-le") * 40)
