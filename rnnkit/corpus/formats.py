"""The formats that agreement corpora come in: FORMATS holds one reader each.

A reader is a generator over lines that yields, for every line that is not blank, its number and the Item that stands there
or a CorpusError that says why there is none. What makes the whole file unreadable, such as a missing column, it raises.

Sources: Linzen, Dupoux & Goldberg 2016 (the columns as collect_agreement.py in their rnn_agreement writes them), Gulordava et
al. 2018 (data/linzen_testset of colorlessgreenRNNs), Warstadt et al. 2020 (BLiMP).
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from rnnkit.clip import clip, listing
from rnnkit.corpus.source import MAX_WORDS, CorpusError, to_words
from rnnkit.corpus.verbs import ending, number

Lines = list[str]


class Item(NamedTuple):
    """One prefix; the fields as in Corpus. A remark is counted and becomes a note."""

    words: tuple[str, ...]
    plural: bool
    attractors: int = -1
    distance: int = -1
    forms: tuple[str, str] | None = None
    remark: str = ""


Reading = Iterator[tuple[int, Item | CorpusError]]


@dataclass(frozen=True)
class Format:
    """`signs` all stand in the first line of such a file. A strict format refuses the file for one bad line."""

    title: str
    about: str  # what is expected, for menus and messages
    signs: tuple[str, ...]
    read: Callable[[Lines, Lines | None], Reading]
    strict: bool = False


# ---- a table of prefixes and labels

LABELS = {
    False: ("singular", "sing", "sg", "vbz"),  # VBZ, VBP: the tags of present tense verbs in the Penn treebank
    True: ("plural", "plur", "pl", "vbp"),
}
PLURAL = {label: plural for plural, labels in LABELS.items() for label in labels}
VALID_LABELS = "singular, sing, sg or VBZ; plural, plur, pl or VBP"


def table(lines: Lines, gold: Lines | None = None) -> Reading:
    """Columns prefix and label, and optionally n_attractors and distance; -1 or nothing where that is unknown."""
    start, row = _columns(lines, ("prefix", "label"))

    def parse(line: str) -> Item:
        cells = row(line)
        words, label = _prefix(to_words(cells["prefix"])), cells["label"].strip()
        if label.lower() not in PLURAL:
            raise CorpusError(f"expected a label ({VALID_LABELS}), got {clip(label) if label else 'none'}")
        attractors = _count("n_attractors", cells.get("n_attractors", ""), 0, len(words))
        distance = _count("distance", cells.get("distance", ""), 1, len(words))
        return Item(words, PLURAL[label.lower()], attractors, distance)

    return _each(start, parse, lines[start:])


def _columns(lines: Lines, needed: tuple[str, ...]) -> tuple[int, Callable[[str], dict[str, str]]]:
    """How many lines end with the header, and what splits a row. The delimiter is the one that gives the needed columns."""
    start = next(i for i, line in enumerate(lines, 1) if line.strip())
    ways = {delimiter: _names(lines[start - 1], delimiter) for delimiter in "\t,;"}
    delimiter = max(ways, key=lambda d: (len(set(needed) & set(ways[d])), len(ways[d])))
    names = ways[delimiter]
    if missing := [name for name in needed if name not in names]:
        raise CorpusError(
            f"line {start}: expected a header with the columns {', '.join(needed)}; there is no {', '.join(missing)}, "
            f"found {listing(names)}"
        )
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise CorpusError(f"line {start}: expected every column once, found more than once: {listing(twice)}")

    def row(line: str) -> dict[str, str]:
        cells = _fields(line, delimiter)
        if len(cells) != len(names):
            raise CorpusError(
                f"expected {len(names)} fields as in the header, got {len(cells)} in {clip(line)}; "
                'a field that holds the delimiter must stand in double quotes ("")'
            )
        return dict(zip(names, cells, strict=True))

    return start, row


def _names(header: str, delimiter: str) -> list[str]:
    return [name.strip(' "').lower() for name in header.split(delimiter)]


def _fields(line: str, delimiter: str) -> list[str]:
    """One row; a quoted field ends on its line, so that a stray quote cannot swallow the rest of the file."""
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        if delimiter == "\t":  # there quotes are usually words
            return line.split(delimiter)
        raise CorpusError(
            f'expected every quoted field to end on its line, and "" for a quote inside, got {clip(line)}'
        ) from None


def _count(name: str, text: str, low: int, high: int) -> int:
    text = text.strip().removesuffix(".0")  # whole numbers as pandas writes them beside empty cells
    if text in ("", "-1"):
        return -1
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and low <= int(text) <= high):
        raise CorpusError(
            f"expected {name} from {low} to {high}, the words of the prefix, or -1 or nothing where unknown, got {clip(text)}"
        )
    return int(text)


# ---- BLiMP

BLIMP_FIELDS = ("one_prefix_prefix", "one_prefix_word_good", "one_prefix_word_bad")


def blimp(lines: Lines, gold: Lines | None = None) -> Reading:
    """JSON lines. The number is that of the good word compared to the bad one; attractors and distances are not given."""
    return _each(0, _minimal_pair, lines)


def _minimal_pair(line: str) -> Item:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise CorpusError(f"expected a JSON object on each line, got {clip(line)}") from None
    if not isinstance(record, dict):
        raise CorpusError(f"expected a JSON object on each line, got a {type(record).__name__}: {clip(line)}")
    texts = [text for field in BLIMP_FIELDS if isinstance(text := record.get(field), str) and _is_text(text)]
    if len(texts) < len(BLIMP_FIELDS):
        hint = "; in a two-prefix set the subjects differ, not the verbs" if "two_prefix_word" in record else ""
        raise CorpusError(f"expected text in the fields {', '.join(BLIMP_FIELDS)}, found the fields {listing(record)}{hint}")
    prefix, good, bad = texts
    plural = number(good, bad)
    if plural is None:
        raise _no_pair(good, bad)
    return Item(_prefix(to_words(prefix)), plural, forms=(good, bad))


def _is_text(text: str) -> bool:
    """JSON can escape what no UTF-8 file can hold: half a surrogate pair, or NUL."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


# ---- Gulordava et al.

GOLD = "the .gold file: verb position (from 0), right form, wrong form and attractors, separated by tabs"


def gulordava(lines: Lines, gold: Lines | None = None) -> Reading:
    """Sentences, and beside each in the .gold file the verb's position, its right and wrong form, and the attractors.

    A few lines of the published file have the same word twice (edit, edit): there the ending has to tell the number.
    """
    if gold is None:
        raise CorpusError(f"expected two files, the sentences and {GOLD}; got the sentences alone")
    if len(lines) != len(gold):
        raise CorpusError(f"expected as many lines in the .gold file as sentences, got {len(gold):,} and {len(lines):,}")
    return _each(0, _gold_item, lines, gold)


def _gold_item(sentence: str, answer: str) -> Item:
    words, cells = tuple(sentence.lower().split()), answer.split("\t")
    if len(cells) != 4:
        swapped = "; are the two files swapped?" if sentence.count("\t") == 3 else ""
        raise CorpusError(f"expected in {GOLD}; got {clip(answer)}{swapped}")
    right, wrong = cells[1].strip(), cells[2].strip()
    at = _position(cells[0], words, 0)
    if words[at] != right.lower():
        raise CorpusError(f"expected {clip(right)} as word {at} (from 0) of the sentence, found {clip(words[at])}")
    plural, remark = number(right, wrong), ""
    if plural is None and right == wrong:
        plural, remark = ending(right), "the right and the wrong form are the same word; its ending decided the number"
    if plural is None:
        raise _no_pair(right, wrong)
    prefix = _prefix(words[:at])
    return Item(prefix, plural, _count("attractors", cells[3], 0, len(prefix)), forms=(right, wrong), remark=remark)


def _position(text: str, words: tuple[str, ...], first: int) -> int:
    """Index of the verb in the words, from its position counted from `first`."""
    text, last = text.strip(), len(words) - 1 + first
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and first <= int(text) <= last):
        raise CorpusError(f"expected the verb's position from {first} to {last} of {len(words)} words, got {clip(text)}")
    return int(text) - first


# ---- Linzen, Dupoux & Goldberg

LINZEN_COLUMNS = ("sentence", "verb", "verb_pos", "verb_index", "n_diff_intervening", "distance")


def linzen(lines: Lines, gold: Lines | None = None) -> Reading:
    """The verb is word `verb_index`, counted from 1; `n_diff_intervening` counts the attractors; `distance` is verb_index
    minus subj_index.

    Words come from orig_sentence where there is one: in `sentence` rare words are replaced by their tags, and the tags NN and
    NNS would tell the number of every rare noun.
    """
    start, row = _columns(lines, LINZEN_COLUMNS)

    def parse(line: str) -> Item:
        cells = row(line)
        words = tuple((cells.get("orig_sentence", "").strip() or cells["sentence"]).lower().split())
        tag, verb = cells["verb_pos"].strip(), cells["verb"].strip()
        if tag not in ("VBZ", "VBP"):
            raise CorpusError(f"expected verb_pos VBZ (singular) or VBP (plural), got {clip(tag)}")
        at = _position(cells["verb_index"], words, 1)
        if words[at] not in (verb.lower(), tag.lower()):
            raise CorpusError(f"expected {clip(verb)} as word {at + 1} (from 1) of the sentence, found {clip(words[at])}")
        prefix = _prefix(words[:at])
        attractors = _count("n_diff_intervening", cells["n_diff_intervening"], 0, len(prefix))
        return Item(prefix, tag == "VBP", attractors, _count("distance", cells["distance"], 1, len(prefix)))

    return _each(start, parse, lines[start:])


# ---- what they share


def _each(before: int, parse: Callable[..., Item], *columns: Lines) -> Reading:
    """parse() of every row that is not blank; `before` lines of the file come before the first."""
    for at, row in enumerate(zip(*columns, strict=True), before + 1):
        if any(cell and not cell.isspace() for cell in row):
            try:
                yield at, parse(*row)
            except CorpusError as error:
                yield at, error


def _no_pair(right: str, wrong: str) -> CorpusError:
    return CorpusError(f"expected two verbs that differ in number, such as is and are, got {clip(right)} and {clip(wrong)}")


def _prefix(words: tuple[str, ...]) -> tuple[str, ...]:
    """Each word is kept once, however often it occurs."""
    if not 1 <= len(words) <= MAX_WORDS:
        raise CorpusError(f"expected 1 to {MAX_WORDS} words before the verb, got {len(words)}")
    return tuple(map(sys.intern, words))


FORMATS: dict[str, Format] = {
    "blimp": Format("BLiMP, JSON lines", f"JSON lines with {', '.join(BLIMP_FIELDS)}", ('{"',), blimp),
    "linzen": Format(
        "Linzen et al. 2016, TSV", f"a table with the columns {', '.join(LINZEN_COLUMNS)}", ("verb_index", "verb_pos"), linzen
    ),
    "gulordava": Format(
        "Gulordava et al. 2018, .text and .gold", f"sentences that end with <eos>, and {GOLD}", ("<eos>",), gulordava
    ),
    "table": Format(
        "table of prefixes", "a TSV or CSV with the columns prefix and label", ("prefix", "label"), table, strict=True
    ),
}
