"""Minimal pairs of any language for a language model: a right and a wrong sentence. Does the model find the right one likelier?

A Pair has the text before and after a boundary, for the right and for the wrong sentence:

    same before, two forms after      "the lamps near the door" + shine / shines       (BLiMP: one-prefix)
    two beginnings, same after        "The lamps" / "The lamp" + shine                 (BLiMP: two-prefix)

Of two whole sentences, `before` ends at the first word that differs, and `after` is the rest of each. The difference of the
log probabilities of `after` is then that of the whole sentences.
"""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from rnnkit.corpus import tables
from rnnkit.corpus.data import Content, Corpus, load_content
from rnnkit.corpus.decoding import (
    MAX_BYTES,
    MAX_WORDS,
    CorpusError,
    decode,
    is_storable_text,
    refuse_json_array,
    to_lines,
    to_record,
)
from rnnkit.corpus.notes import count
from rnnkit.corpus.texts import display_name
from rnnkit.corpus.tokens import is_closing, is_opening, unspaced
from rnnkit.errors import shorten_repr

MAX_UNREADABLE_SHARE = 0.5  # of the lines; with more, the file is refused
MAX_UID_CHARS = 100  # of the name of a paradigm; a longer text is none
EXPECTED = (
    "JSON lines with sentence_good and sentence_bad (BLiMP); a .text file and its .gold file; lines that begin with True or "
    "False (CLaMS); or a table with two columns, the right and the wrong sentence (or three: prefix, right form, wrong form)"
)

Both = tuple[str, str]  # (right, wrong)


class Pair(NamedTuple):
    """One minimal pair; see the head of this file."""

    before: Both
    after: Both
    attractors: int = -1  # nouns of the other number between subject and verb; -1 unknown
    uid: str = ""  # name of its paradigm: UID in BLiMP; "" unknown


@dataclass(frozen=True, eq=False)
class Pairs(Content):
    """N different minimal pairs."""

    name: str
    items: tuple[Pair, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    @property
    def forms(self) -> tuple[Both, ...]:
        """(right, wrong) text after the beginning of each pair: the compared forms, where both beginnings are equal."""
        return tuple(item.after for item in self.items)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The beginning of each right sentence."""
        return tuple(item.before[0] for item in self.items)

    @classmethod
    def of(cls, corpus: Corpus) -> Pairs:
        """Returns the pairs of a corpus with right and wrong verb forms. Raises CorpusError where it has none."""
        if not corpus.forms:
            raise CorpusError(f"{corpus.name} has no verb forms: expected a right and a wrong one for every sentence")
        found = zip(corpus.prefixes, corpus.forms, corpus.attractors.tolist(), strict=True)
        items = [Pair((join_words(words),) * 2, forms, attractors) for words, forms, attractors in found]
        return cls(corpus.name, tuple(dict.fromkeys(items)))

    def content(self) -> dict[str, Any]:
        values: dict[str, Any] = {"pairs": [[*item.before, *item.after, item.attractors] for item in self.items]}
        uids = [item.uid for item in self.items]  # left out where all are unknown, so that digests of older versions stay valid
        return values | ({"uids": uids} if any(uids) else {})

    @classmethod
    def from_bytes(cls, data: bytes) -> Pairs:
        """Reads what to_bytes writes. Raises CorpusError for anything else."""
        values = load_content(data, cls.__name__)
        try:
            found = zip(values["pairs"], values.get("uids") or [""] * len(values["pairs"]), strict=True)
            items = tuple(Pair((str(a), str(b)), (str(c), str(d)), int(n), str(uid)) for (a, b, c, d, n), uid in found)
            return cls(str(values["name"]), items, tuple(map(str, values["notes"])))
        except (KeyError, TypeError, ValueError, IndexError, OverflowError, RecursionError):
            raise CorpusError("expected minimal pairs as to_bytes writes them, got JSON with other content") from None


Found = Iterator[tuple[int, Pair | CorpusError]]  # line number, and its pair or why there is none


def read_pairs(data: bytes, name: str = "", gold: bytes | None = None, max_bytes: int = MAX_BYTES) -> Pairs:
    """Reads minimal pairs from a file in one of the forms of EXPECTED; `gold` is the second file of Gulordava et al.'s corpora.

    Leaves out repeated pairs, so that an interval counts different ones, and unreadable lines; the notes name both. Raises
    CorpusError where there is no pair, or more than MAX_UNREADABLE_SHARE of the lines cannot be read.
    """
    text = unicodedata.normalize("NFC", decode(data, max_bytes))
    refuse_json_array(text)
    lines = to_lines(text)
    answers = None if gold is None else to_lines(decode(gold, max_bytes, "the .gold file"), "the .gold file")
    kind, found = _reader(lines, answers)
    items, unreadable = [], []
    for at, item in found:
        if isinstance(item, Pair):
            items.append(item)
        else:
            unreadable.append(f"line {at:,}: {item}")
    if len(unreadable) > MAX_UNREADABLE_SHARE * (len(items) + len(unreadable)) or not items:
        raise CorpusError(unreadable[0] if unreadable else f"no pairs; expected {EXPECTED}")
    different: dict[Any, Pair] = {}
    for item in items:
        different.setdefault(item[:3], item)  # of another paradigm it is the same pair
    notes = [f"Read as {kind}: {count(len(different), 'different pair')}."]
    repeated = len(items) - len(different)
    notes += (
        [f"{count(repeated, 'pair repeats an earlier one and counts', 'pairs repeat an earlier one and count')} once."]
        if repeated
        else []
    )
    notes += [f"{count(len(unreadable), 'line')} left out; {unreadable[0]}."] if unreadable else []
    return Pairs(display_name(name, "minimal pairs"), tuple(different.values()), tuple(notes))


def _reader(lines: list[str], gold: list[str] | None) -> tuple[str, Found]:
    """Returns the kind of file in words, and its pairs."""
    if gold is not None:
        return "sentences with a .gold file", _gold(lines, gold)
    first = next(line for line in lines if line.strip())
    if first.lstrip().startswith("{"):
        return "JSON lines", _json(lines)
    if first.split()[-1] == "<eos>":
        raise CorpusError("sentences that end with <eos> need their .gold file: position, right form, wrong form")
    return _table(lines)


def sentences(right: str, wrong: str) -> Pair:
    """Returns the Pair of two whole sentences, divided before the first word that differs.

    Text without spaces between words is divided before the first character that differs. Raises CorpusError where one
    sentence is the beginning of the other, or they share no word.
    """
    space = "" if unspaced(right + wrong) else " "
    words = (right.split(), wrong.split()) if space else (list(right), list(wrong))
    same = 0
    while same < min(map(len, words)) and words[0][same] == words[1][same]:
        same += 1
    if same == min(map(len, words)):
        which = "they are the same" if words[0] == words[1] else "one is the beginning of the other"
        raise CorpusError(
            f"expected two sentences that differ in a word, {which}: {shorten_repr(right)} and {shorten_repr(wrong)}"
        )
    if not set(words[0]) & set(words[1]):
        raise CorpusError(f"expected two sentences that share words, got {shorten_repr(right)} and {shorten_repr(wrong)}")
    return _new_pair(space.join(words[0][:same]), space.join(words[0][same:]), space.join(words[1][same:]))


def _new_pair(before: str, right: str, wrong: str, other: str | None = None, attractors: int = -1) -> Pair:
    """Returns a Pair; `other` is the beginning of the wrong sentence where it differs. Raises CorpusError for what is none."""
    pair = Pair((before, before if other is None else other), (right, wrong), attractors)
    if not right or not wrong or (right == wrong and other in (None, before)):
        raise CorpusError(f"expected a right and a wrong form, got {shorten_repr(right)} and {shorten_repr(wrong)}")
    if max(len(text.split()) for text in (*pair.before, *pair.after)) > MAX_WORDS:
        raise CorpusError(f"expected at most {MAX_WORDS} words in a sentence")
    if not is_storable_text("".join((*pair.before, *pair.after))):
        raise CorpusError("expected text, got a NUL or half a surrogate pair")
    return pair


def join_words(words: tuple[str, ...] | list[str]) -> str:
    """Returns tokens as running text: no space before a closing mark or after an opening one."""
    text = ""
    for word in words:
        no_space = not text or (len(word) == 1 and is_closing(word)) or is_opening(text[-1])
        text += word if no_space else f" {word}"
    return text


# ---- BLiMP and others: JSON lines


def _json(lines: list[str]) -> Found:
    for at, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield at, _of_paradigm(to_record(line), _record)
            except CorpusError as error:
                yield at, error


def _of_paradigm(record: Mapping[str, Any], parse: Callable[[Any], Pair]) -> Pair:
    uid = record.get("UID", record.get("uid"))
    text = " ".join(uid.split()) if isinstance(uid, str) else ""
    return parse(record)._replace(uid=text if len(text) <= MAX_UID_CHARS and text.isprintable() else "")


def _record(record: Mapping[str, Any]) -> Pair:
    texts = {name: unicodedata.normalize("NFC", v.strip()) for name, v in record.items() if isinstance(v, str)}
    prefix, good, bad = [texts.get(f"one_prefix_{part}", "") for part in ("prefix", "word_good", "word_bad")]
    if prefix and good and bad:
        return _new_pair(prefix, good, bad)
    good, bad, word = [texts.get(f"two_prefix_{part}", "") for part in ("prefix_good", "prefix_bad", "word")]
    if good and bad and word:
        return _new_pair(good, word, word, bad)
    return _row(texts)


# ---- tables, with the column names of published files

RIGHT = ("sentence_good", "good", "right", "correct", "grammatical", "acceptable", "sen", "source_sentence", "good_sentence")
WRONG = (
    "sentence_bad",
    "bad",
    "wrong",
    "incorrect",
    "ungrammatical",
    "unacceptable",
    "wrong_sen",
    "target_sentence",
    "bad_sentence",
)
PREFIX = ("prefix", "context")
FORMS = (*RIGHT, "verb", "right_form", "form_right"), (*WRONG, "wrong_verb", "wrong_form", "form_wrong", "swap")
LABELS = {"true": True, "false": False, "correct": True, "wrong": False, "incorrect": False, "right": True, "good": True} | {
    "bad": False, "grammatical": True, "ungrammatical": False,
}  # fmt: skip


def _row(cells: Mapping[str, str]) -> Pair:
    """Returns the Pair of a row with named columns: a prefix and two forms, or two sentences."""

    def first(names: tuple[str, ...]) -> str:
        return next((cells[name] for name in names if cells.get(name)), "")

    right, wrong = first(RIGHT), first(WRONG)
    if right and wrong and not first(PREFIX):
        return sentences(right, wrong)
    right, wrong = first(FORMS[0]), first(FORMS[1])
    if right and wrong:
        return _new_pair(first(PREFIX), right, wrong)
    raise CorpusError(f"expected {EXPECTED}; found the columns {shorten_repr(', '.join(map(str, cells)))}")


def _table(lines: list[str]) -> tuple[str, Found]:
    """Reads a table with named columns, lines that begin or end with True or False, or two or three columns without names."""
    rows = [(at, cells) for at, cells in _cells(lines) if any(cells)]
    names = [name.lower() for name in rows[0][1]]
    if {"prefix", "form", "class"} <= set(names):
        return "a table of generated sentences, a row a form", _classes(names, rows[1:])
    if set(names) & set(FORMS[0]) and set(names) & set(FORMS[1]):
        named = _each(rows[1:], lambda cells: _of_paradigm(dict(zip(names, cells, strict=False)), _row))
        return "a table with named columns", named
    for column in (0, -1):
        labels = [cells[column].lower() in LABELS for _, cells in rows if len(cells) >= 2]
        if labels and sum(labels) > MAX_UNREADABLE_SHARE * len(rows):
            return "lines marked True and False", _labelled(rows, column)
    nameless = not set(names) & {*PREFIX, "label"}
    if len(names) == 3 and nameless:
        return "a table of prefix, right and wrong form", _each(rows, lambda cells: _new_pair(*cells[:3]))
    if len(names) == 2 and nameless:
        return "a table of right and wrong sentences", _each(rows, lambda cells: sentences(*cells[:2]))
    raise CorpusError(f"line {rows[0][0]}: no known form begins with {shorten_repr(lines[rows[0][0] - 1])}. Expected {EXPECTED}")


def _cells(lines: list[str]) -> list[tuple[int, list[str]]]:
    """Splits rows at the delimiter that gives most rows the same number of cells, 2 or more; tabs first. Quotes: tables.py."""

    def mode(counts: list[int]) -> tuple[int, int]:
        """Returns the most frequent count and how often it occurs."""
        return max(Counter(counts).items(), key=lambda item: item[1], default=(0, 0))

    def share_of_mode(found: list[tuple[int, list[str]]]) -> float:
        counts = [len(cells) for _, cells in found if any(cells)]
        width, n = mode(counts)
        return n / len(counts) if width > 1 else 0.0

    best: list[tuple[int, list[str]]] = []
    problem = None
    for delimiter in tables.DELIMITERS:
        width, _ = mode([len(next(csv.reader([line], delimiter=delimiter), [])) for line in lines if line.strip()])
        try:
            rows = tables.rows(lines, delimiter, width)
        except CorpusError as error:
            problem = error
            continue
        found = [(at, [" ".join(cell.split()) for cell in cells]) for at, cells in rows]
        if share_of_mode(found) > share_of_mode(best) or not best:
            best = found
        if delimiter == "\t" and share_of_mode(found) > MAX_UNREADABLE_SHARE:
            break
    if not best:
        raise CorpusError(f"{problem}. Expected {EXPECTED}")
    return best


def _each(rows: list[tuple[int, list[str]]], parse: Any) -> Found:
    for at, cells in rows:
        try:
            yield at, parse(cells)
        except (CorpusError, TypeError) as error:  # TypeError: too few cells
            yield (
                at,
                error if isinstance(error, CorpusError) else CorpusError(f"expected more columns, got {shorten_repr(cells)}"),
            )


def _labelled(rows: list[tuple[int, list[str]]], column: int) -> Found:
    """Pairs a right sentence with each wrong one that follows it, or a wrong one with the right one that follows it."""
    before: tuple[bool, str] | None = None
    for at, cells in rows:
        label = LABELS.get(cells[column].lower())
        text = next((cell for i, cell in enumerate(cells) if i != column % len(cells)), "")
        if label is None or not text:
            yield at, CorpusError(f"expected True or False and a sentence, got {shorten_repr(cells)}")
        elif before is None or before[0] == label:
            before = (label, text)
        else:
            try:
                yield at, sentences(text, before[1]) if label else sentences(before[1], text)
            except CorpusError as error:
                yield at, error
            before = None if label else before


def _classes(names: list[str], rows: list[tuple[int, list[str]]]) -> Found:
    """Pairs two rows with the same prefix: the form of class correct and the form of class wrong."""
    waiting: dict[tuple[str, ...], dict[bool, str]] = {}
    for at, cells in rows:
        row = dict(zip(names, cells, strict=False))
        key = tuple(row.get(name, "") for name in ("pattern", "constr_id", "sent_id", "prefix"))
        label = LABELS.get(row.get("class", "").lower())
        if label is None or not row.get("form"):
            yield at, CorpusError(f"expected a form and the class correct or wrong, got {shorten_repr(cells)}")
            continue
        forms = waiting.setdefault(key, {})
        forms[label] = row["form"]
        if len(forms) == 2:
            attractors = row.get("n_attr", "")
            words = row.get("prefix", "").split()
            try:
                yield at, _new_pair(join_words(words), forms[True], forms[False], attractors=_number(attractors))
            except CorpusError as error:
                yield at, error


# ---- Gulordava et al.: .text and .gold


def _gold(lines: list[str], gold: list[str]) -> Found:
    """Reads columns position (from 0), right form, wrong form, attractors; or the 12 or more columns of the generated sets.

    In those, position and forms are columns 3, 6 and 7, counted from 0.
    """
    if len(lines) != len(gold):
        raise CorpusError(f"expected as many lines in the .gold file as sentences, got {len(gold):,} and {len(lines):,}")
    for at, (line, answer) in enumerate(zip(lines, gold, strict=True), 1):
        if not line.strip():
            continue
        words, cells = line.split(), answer.split("\t")
        if len(cells) > 8:  # a generated set, which gives no number of attractors
            cells = [cells[3], cells[6], cells[7], ""]
        position = _number(cells[0])
        if len(cells) != 4 or not 0 <= position < len(words):
            yield (
                at,
                CorpusError(
                    f"expected position, right form, wrong form and attractors in the .gold file, got {shorten_repr(answer)}"
                ),
            )
            continue
        try:
            right, wrong = cells[1].strip(), cells[2].strip()
            yield at, _new_pair(join_words(words[:position]), right, wrong, attractors=_number(cells[3]))
        except CorpusError as error:
            yield at, error


def _number(text: str) -> int:
    """Returns a whole number from 0 to 9999; -1 for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else -1


__all__ = ["EXPECTED", "Pair", "Pairs", "join_words", "read_pairs", "sentences"]
