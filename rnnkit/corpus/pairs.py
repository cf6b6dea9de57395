"""Minimal pairs for a language model, of any language: two sentences of which one is right; read_pairs reads them.

No rule of any language is needed: the question is which of the two a model finds more probable. A pair is what stands before and
what follows, for the right and for the wrong sentence:

    the same before, two forms after     "the lamps near the door" + shine / shines       (BLiMP: one-prefix)
    two beginnings, the same after       "The lamps" / "The lamp" + shine                 (BLiMP: two-prefix)

Of two whole sentences `before` is all up to the first word that differs, and `after` the rest of each: the difference of their
log probabilities is then that of the whole sentences.
"""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from rnnkit.corpus import tables
from rnnkit.corpus.data import Content, Corpus, load_content
from rnnkit.corpus.notes import count
from rnnkit.corpus.source import MAX_BYTES, MAX_WORDS, CorpusError, decode, is_text, no_array, to_lines, to_record
from rnnkit.corpus.texts import tidy
from rnnkit.corpus.tokens import is_closing, is_opening, unspaced
from rnnkit.errors import shorten_repr

MOST_UNREADABLE = 0.5  # share of the lines from which a file is refused; below it they are told and left out
EXPECTED = (
    "JSON lines with sentence_good and sentence_bad (BLiMP); a .text file and its .gold file; lines that begin with True or "
    "False (CLaMS); or a table with two columns, the right and the wrong sentence (or three: prefix, right form, wrong form)"
)

Both = tuple[str, str]  # of the right and of the wrong sentence


class Pair(NamedTuple):
    before: Both
    after: Both
    attractors: int = -1  # nouns of the other number in between; -1: unknown


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
        """What follows the right and the wrong beginning: where these are the same, the two forms that are compared."""
        return tuple(item.after for item in self.items)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What stands before the right form."""
        return tuple(item.before[0] for item in self.items)

    @classmethod
    def of(cls, corpus: Corpus) -> Pairs:
        """Of the sentences of a corpus that gives a right and a wrong form for each. Raises CorpusError where it does not."""
        if not corpus.forms:
            raise CorpusError(f"{corpus.name} has no verb forms: expected a right and a wrong one for every sentence")
        found = zip(corpus.prefixes, corpus.forms, corpus.attractors.tolist(), strict=True)
        items = [Pair((spaced(words),) * 2, forms, attractors) for words, forms, attractors in found]
        return cls(corpus.name, tuple(dict.fromkeys(items)))

    def content(self) -> dict[str, Any]:
        return {"pairs": [[*item.before, *item.after, item.attractors] for item in self.items]}

    @classmethod
    def from_bytes(cls, data: bytes) -> Pairs:
        """Raises CorpusError for anything that to_bytes does not write."""
        values = load_content(data, cls.__name__)
        try:
            items = tuple(Pair((str(a), str(b)), (str(c), str(d)), int(n)) for a, b, c, d, n in values["pairs"])
            return cls(str(values["name"]), items, tuple(map(str, values["notes"])))
        except (KeyError, TypeError, ValueError, IndexError, OverflowError, RecursionError):
            raise CorpusError("expected minimal pairs as to_bytes writes them, got JSON with other content") from None


Found = Iterator[tuple[int, Pair | CorpusError]]  # the number of a line, and the pair there or why there is none


def read_pairs(data: bytes, name: str = "", gold: bytes | None = None, max_bytes: int = MAX_BYTES) -> Pairs:
    """Minimal pairs from a file in one of the forms of EXPECTED; `gold` is the second file of Gulordava et al.'s corpora.

    A pair that occurs again is counted once, so an interval counts different pairs. A line that cannot be read is named in the
    notes and left out. Raises CorpusError with what was expected where most of the lines are none.
    """
    text = unicodedata.normalize("NFC", decode(data, max_bytes))
    no_array(text)
    lines = to_lines(text)
    answers = None if gold is None else to_lines(decode(gold, max_bytes, "the .gold file"), "the .gold file")
    kind, found = _reader(lines, answers)
    items, odd = [], []
    for at, item in found:
        if isinstance(item, Pair):
            items.append(item)
        else:
            odd.append(f"line {at:,}: {item}")
    if len(odd) > MOST_UNREADABLE * (len(items) + len(odd)) or not items:
        raise CorpusError(odd[0] if odd else f"no pairs; expected {EXPECTED}")
    different = tuple(dict.fromkeys(items))
    notes = [f"Read as {kind}: {count(len(different), 'different pair')}."]
    again = len(items) - len(different)
    notes += (
        [f"{count(again, 'pair repeats an earlier one and counts', 'pairs repeat an earlier one and count')} once."]
        if again
        else []
    )
    notes += [f"{count(len(odd), 'line')} left out; {odd[0]}."] if odd else []
    return Pairs(tidy(name, "minimal pairs"), different, tuple(notes))


def _reader(lines: list[str], gold: list[str] | None) -> tuple[str, Found]:
    """What kind of file this is, and its pairs."""
    if gold is not None:
        return "sentences with a .gold file", _gold(lines, gold)
    first = next(line for line in lines if line.strip())
    if first.lstrip().startswith("{"):
        return "JSON lines", _json(lines)
    if first.split()[-1] == "<eos>":
        raise CorpusError("sentences that end with <eos> need their .gold file: position, right form, wrong form")
    return _table(lines)


def sentences(right: str, wrong: str) -> Pair:
    """Two whole sentences: all up to the first word that differs, and the rest of each. Raises CorpusError where none differs.

    Where no spaces are put between words, up to the first character that differs.
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
    return _checked(space.join(words[0][:same]), space.join(words[0][same:]), space.join(words[1][same:]))


def _checked(before: str, right: str, wrong: str, other: str | None = None, attractors: int = -1) -> Pair:
    """A Pair; `other` is what stands before the wrong form, where it is not the same. Raises CorpusError."""
    pair = Pair((before, before if other is None else other), (right, wrong), attractors)
    if not right or not wrong or (right == wrong and other in (None, before)):
        raise CorpusError(f"expected a right and a wrong form, got {shorten_repr(right)} and {shorten_repr(wrong)}")
    if max(len(text.split()) for text in (*pair.before, *pair.after)) > MAX_WORDS:
        raise CorpusError(f"expected at most {MAX_WORDS} words in a sentence")
    if not is_text("".join((*pair.before, *pair.after))):
        raise CorpusError("expected text, got a NUL or half a surrogate pair")
    return pair


def spaced(words: tuple[str, ...] | list[str]) -> str:
    """Words as running text: no space before a closing mark, nor behind an opening one."""
    text = ""
    for word in words:
        tight = not text or (len(word) == 1 and is_closing(word)) or is_opening(text[-1])
        text += word if tight else f" {word}"
    return text


# ---- BLiMP and others: JSON lines


def _json(lines: list[str]) -> Found:
    for at, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield at, _record(line)
            except CorpusError as error:
                yield at, error


def _record(line: str) -> Pair:
    record = to_record(line)
    texts = {name: unicodedata.normalize("NFC", v.strip()) for name, v in record.items() if isinstance(v, str)}
    prefix, good, bad = [texts.get(f"one_prefix_{part}", "") for part in ("prefix", "word_good", "word_bad")]
    if prefix and good and bad:
        return _checked(prefix, good, bad)
    good, bad, word = [texts.get(f"two_prefix_{part}", "") for part in ("prefix_good", "prefix_bad", "word")]
    if good and bad and word:
        return _checked(good, word, word, bad)
    return _row(texts)


# ---- tables: the names that columns have in published files

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
    """One row by the names of its columns: a prefix and two forms, or two sentences."""

    def first(names: tuple[str, ...]) -> str:
        return next((cells[name] for name in names if cells.get(name)), "")

    right, wrong = first(RIGHT), first(WRONG)
    if right and wrong and not first(PREFIX):
        return sentences(right, wrong)
    right, wrong = first(FORMS[0]), first(FORMS[1])
    if right and wrong:
        return _checked(first(PREFIX), right, wrong)
    raise CorpusError(f"expected {EXPECTED}; found the columns {shorten_repr(', '.join(map(str, cells)))}")


def _table(lines: list[str]) -> tuple[str, Found]:
    """Rows with names above them, lines that begin or end with True and False, or two or three columns without a name."""
    rows = [(at, cells) for at, cells in _cells(lines) if any(cells)]
    names = [name.lower() for name in rows[0][1]]
    if {"prefix", "form", "class"} <= set(names):
        return "a table of generated sentences, a row a form", _classes(names, rows[1:])
    if set(names) & set(FORMS[0]) and set(names) & set(FORMS[1]):
        return "a table with named columns", _each(rows[1:], lambda cells: _row(dict(zip(names, cells, strict=False))))
    for column in (0, -1):
        labels = [cells[column].lower() in LABELS for _, cells in rows if len(cells) >= 2]
        if labels and sum(labels) > MOST_UNREADABLE * len(rows):
            return "lines marked True and False", _labelled(rows, column)
    nameless = not set(names) & {*PREFIX, "label"}
    if len(names) == 3 and nameless:
        return "a table of prefix, right and wrong form", _each(rows, lambda cells: _checked(*cells[:3]))
    if len(names) == 2 and nameless:
        return "a table of right and wrong sentences", _each(rows, lambda cells: sentences(*cells[:2]))
    raise CorpusError(f"line {rows[0][0]}: no known form begins with {shorten_repr(lines[rows[0][0] - 1])}. Expected {EXPECTED}")


def _cells(lines: list[str]) -> list[tuple[int, list[str]]]:
    """All rows, split at tabs, else at what gives most of them the same number of cells, 2 or more; marks as in tables.py."""

    def usual(counts: list[int]) -> tuple[int, int]:
        """The most frequent one, and how often it occurs."""
        return max(Counter(counts).items(), key=lambda item: item[1], default=(0, 0))

    def even(found: list[tuple[int, list[str]]]) -> float:
        counts = [len(cells) for _, cells in found if any(cells)]
        width, n = usual(counts)
        return n / len(counts) if width > 1 else 0.0

    best: list[tuple[int, list[str]]] = []
    problem = None
    for delimiter in tables.DELIMITERS:
        width, _ = usual([len(next(csv.reader([line], delimiter=delimiter), [])) for line in lines if line.strip()])
        try:
            rows = tables.rows(lines, delimiter, width)
        except CorpusError as error:
            problem = error
            continue
        found = [(at, [" ".join(cell.split()) for cell in cells]) for at, cells in rows]
        if even(found) > even(best) or not best:
            best = found
        if delimiter == "\t" and even(found) > MOST_UNREADABLE:
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
    """A right sentence and each wrong one that follows it, or a wrong one and the right one behind it."""
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
    """Rows of one prefix with the form of each, one of the class correct and one of the class wrong."""
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
                yield at, _checked(spaced(words), forms[True], forms[False], attractors=_number(attractors))
            except CorpusError as error:
                yield at, error


# ---- Gulordava et al.: .text and .gold


def _gold(lines: list[str], gold: list[str]) -> Found:
    """The verb's position (from 0), its right and its wrong form, and the attractors; or the 12 columns and more of the generated
    sets, in which these are columns 3, 6 and 7 (from 0)."""
    if len(lines) != len(gold):
        raise CorpusError(f"expected as many lines in the .gold file as sentences, got {len(gold):,} and {len(lines):,}")
    for at, (line, answer) in enumerate(zip(lines, gold, strict=True), 1):
        if not line.strip():
            continue
        words, cells = line.split(), answer.split("\t")
        if len(cells) > 8:  # the generated sets: the attractors are not counted there
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
            yield at, _checked(spaced(words[:position]), right, wrong, attractors=_number(cells[3]))
        except CorpusError as error:
            yield at, error


def _number(text: str) -> int:
    """A whole number from 0; -1 for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else -1


__all__ = ["EXPECTED", "Pair", "Pairs", "read_pairs", "sentences", "spaced"]
