"""What every reader yields, an Item for each prefix, and how its single values are read from text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NamedTuple

from rnnkit.corpus.source import MAX_WORDS, CorpusError
from rnnkit.errors import shorten_repr

Lines = list[str]


class Item(NamedTuple):
    """One prefix; the fields as in Corpus. A remark is counted and becomes a note."""

    words: tuple[str, ...]
    plural: bool
    attractors: int = -1
    distance: int = -1
    forms: tuple[str, str] | None = None
    part: int = -1
    source: str = ""
    last_noun: int = -1
    remark: str = ""


Reading = Iterator[tuple[int, Item | CorpusError | str]]  # the line, and what stands there; a text is a note about the file

LABELS = {
    False: ("singular", "sing", "sg", "vbz"),  # VBZ, VBP: the tags of present tense verbs in the Penn treebank
    True: ("plural", "plur", "pl", "vbp"),
}
PLURAL = {label: plural for plural, labels in LABELS.items() for label in labels}
VALID_LABELS = "singular, sing, sg or VBZ; plural, plur, pl or VBP"

PARTS = {  # as in Corpus.part
    0: ("train", "training", "trn"),
    1: ("valid", "validation", "val", "dev", "development"),
    2: ("test", "testing", "tst", "eval", "evaluation"),
}
PART = {name: part for part, names in PARTS.items() for name in names}

UNKNOWN = ("", "-1", "-999", "na", "n/a", "nan", "none", "null", "_", "?")  # Gulordava et al. write -999, R writes NA


def label(text: str) -> bool:
    """True for plural."""
    text = text.strip()
    if text.lower() not in PLURAL:
        raise CorpusError(f"expected a label ({VALID_LABELS}), got {shorten_repr(text) if text else 'none'}")
    return PLURAL[text.lower()]


def last_noun(text: str) -> int:
    """0 singular, 1 plural, -1 unknown."""
    return -1 if text.strip().lower() in UNKNOWN else int(label(text))


def part(text: str) -> int:
    """-1 where the cell is empty: a hash decides."""
    text = text.strip().lower()
    if text in UNKNOWN:
        return -1
    if text not in PART:
        raise CorpusError(f"expected in the column split train, valid or test, got {shorten_repr(text)}")
    return PART[text]


def count(name: str, text: str, low: int, high: int) -> int:
    """A whole number, -1 where it is unknown."""
    text = text.strip().removesuffix(".0")  # whole numbers as pandas writes them beside empty cells
    if text.lower() in UNKNOWN:
        return -1
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and low <= int(text) <= high):
        raise CorpusError(
            f"expected {name} from {low} to {high}, the words of the prefix, or -1 or nothing where unknown, "
            f"got {shorten_repr(text)}"
        )
    return int(text)


def position(text: str, words: tuple[str, ...], first: int) -> int:
    """Index of the verb in the words, from its position counted from `first`."""
    text, last = text.strip(), len(words) - 1 + first
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and first <= int(text) <= last):
        raise CorpusError(f"expected the verb's position from {first} to {last} of {len(words)} words, got {shorten_repr(text)}")
    return int(text) - first


def prefix(words: tuple[str, ...]) -> tuple[str, ...]:
    """Each word is kept once, however often it occurs."""
    if not 1 <= len(words) <= MAX_WORDS:
        raise CorpusError(f"expected 1 to {MAX_WORDS} words before the verb, got {len(words)}")
    return tuple(map(sys.intern, words))


def no_pair(right: str, wrong: str) -> CorpusError:
    return CorpusError(
        f"expected two verbs that differ in number, such as is and are, got {shorten_repr(right)} and {shorten_repr(wrong)}"
    )
