"""Item, which every reader yields for a prefix, and parsers of its single values. All raise CorpusError for invalid text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NamedTuple

from rnnkit.corpus.decoding import MAX_WORDS, CorpusError
from rnnkit.errors import shorten_repr

Lines = list[str]


class Item(NamedTuple):
    """One prefix; fields as in Corpus. Equal remarks are counted and become one note."""

    words: tuple[str, ...]
    plural: bool
    attractors: int = -1
    distance: int = -1
    forms: tuple[str, str] | None = None
    part: int = -1
    source: str = ""
    last_noun: int = -1
    remark: str = ""


Reading = Iterator[tuple[int, Item | CorpusError | str]]  # (line number, item, error or note about the file)

LABELS = {
    False: ("singular", "sing", "sg", "vbz"),  # VBZ, VBP: present tense verbs in the Penn treebank
    True: ("plural", "plur", "pl", "vbp"),
}
PLURAL = {label: plural for plural, labels in LABELS.items() for label in labels}
VALID_LABELS = "singular, sing, sg or VBZ; plural, plur, pl or VBP"

PARTS = {  # value of Corpus.part -> its names
    0: ("train", "training", "trn"),
    1: ("valid", "validation", "val", "dev", "development"),
    2: ("test", "testing", "tst", "eval", "evaluation"),
}
PART = {name: part for part, names in PARTS.items() for name in names}

UNKNOWN = ("", "-1", "-999", "na", "n/a", "nan", "none", "null", "_", "?")  # Gulordava et al. write -999, R writes NA


def label(text: str) -> bool:
    """Parses the number of a verb: True for plural."""
    text = text.strip()
    if text.lower() not in PLURAL:
        raise CorpusError(f"expected a label ({VALID_LABELS}), got {shorten_repr(text) if text else 'none'}")
    return PLURAL[text.lower()]


def last_noun(text: str) -> int:
    """Parses the number of the last noun: 0 singular, 1 plural, -1 unknown."""
    return -1 if text.strip().lower() in UNKNOWN else int(label(text))


def part(text: str) -> int:
    """Parses the name of a part: 0 training, 1 validation, 2 test, -1 where it is unknown."""
    text = text.strip().lower()
    if text in UNKNOWN:
        return -1
    if text not in PART:
        raise CorpusError(f"expected in the column split train, valid or test, got {shorten_repr(text)}")
    return PART[text]


def count(name: str, text: str, low: int, high: int) -> int:
    """Parses a whole number from low to high; -1 where it is unknown."""
    text = text.strip().removesuffix(".0")  # pandas writes whole numbers so in a column with empty cells
    if text.lower() in UNKNOWN:
        return -1
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and low <= int(text) <= high):
        raise CorpusError(
            f"expected {name} from {low} to {high}, the words of the prefix, or -1 or nothing where unknown, "
            f"got {shorten_repr(text)}"
        )
    return int(text)


def position(text: str, words: tuple[str, ...], first: int) -> int:
    """Parses the verb's position, counted from `first`; returns its index in the words."""
    text, last = text.strip(), len(words) - 1 + first
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and first <= int(text) <= last):
        raise CorpusError(f"expected the verb's position from {first} to {last} of {len(words)} words, got {shorten_repr(text)}")
    return int(text) - first


def prefix(words: tuple[str, ...]) -> tuple[str, ...]:
    """Checks the number of words, 1 to MAX_WORDS, and interns each, so that equal words share memory."""
    if not 1 <= len(words) <= MAX_WORDS:
        raise CorpusError(f"expected 1 to {MAX_WORDS} words before the verb, got {len(words)}")
    return tuple(map(sys.intern, words))


def no_pair(right: str, wrong: str) -> CorpusError:
    """Returns the error for two forms that do not differ in number."""
    return CorpusError(
        f"expected two verbs that differ in number, such as is and are, got {shorten_repr(right)} and {shorten_repr(wrong)}"
    )
