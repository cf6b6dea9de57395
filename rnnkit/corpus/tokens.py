"""Tokenizes running text of any language. A punctuation mark is a token of its own.

Marks are the characters of Unicode's general categories P* (unicode.org/reports/tr44).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

JOINING = "'’‘-‐‑._·&@/״׳"  # part of a word between two letters or digits: don't, l'homme, well-known, e.g, col·lega
BETWEEN_DIGITS = ",:٫٬"  # part of a number: 3,000 and 12:30
EXTRA_MARKS = "`´"  # typewriter quotation marks, which Unicode calls modifiers
MAX_MARK_RUN = 3  # equal marks in a row that form one token: "...", "--"
_INVISIBLE = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\u00ad\ufeff]")  # directions, soft hyphen, byte order mark
_ZERO_WIDTH_SPACE = "\u200b"


def is_mark(character: str) -> bool:
    """Whether the character is a punctuation mark."""
    return unicodedata.category(character).startswith("P") or character in EXTRA_MARKS


def is_opening(character: str) -> bool:
    """Whether no space follows this mark: opening brackets and quotation marks, and Spanish opening ones."""
    return unicodedata.category(character) in ("Ps", "Pi") or character in "¿¡"


def is_closing(character: str) -> bool:
    """Whether no space precedes this mark."""
    return unicodedata.category(character) in ("Pe", "Pf", "Po") and character not in "¿¡&@/*#%\\\"'"


def strip_invisible(text: str) -> str:
    """Removes invisible characters, with which equal words would differ. A zero-width space becomes a space."""
    return _INVISIBLE.sub("", text).replace(_ZERO_WIDTH_SPACE, " ")


def to_tokens(text: str) -> tuple[str, ...]:
    """Returns words and marks in lower case. Text that is tokenized already stays as it is.

    "«Don't», he said…" gives «, don't, », `,`, he, said, ….
    """
    text = strip_invisible(text).lower()
    marks = "".join(sorted(c for c in set(text) if is_mark(c)))
    return tuple(_pattern(marks).findall(text))


@lru_cache(maxsize=16)
def _pattern(marks: str) -> re.Pattern[str]:
    """Returns the pattern of one token, for text that has no other marks than these."""
    word = rf"[^\s{re.escape(marks)}]+"
    joints = rf"[{re.escape(JOINING)}]|(?<=\d)[{re.escape(BETWEEN_DIGITS)}](?=\d)"
    runs = [f"{re.escape(mark)}{{1,{MAX_MARK_RUN}}}" for mark in marks]
    return re.compile("|".join([rf"{word}(?:(?:{joints}){word})*", *runs]))


# ---- scripts that put no spaces between words

UNSPACED_SCRIPTS = (
    "CJK ",
    "HIRAGANA",
    "KATAKANA",
    "THAI ",
    "LAO ",
    "KHMER ",
    "MYANMAR ",
    "TIBETAN ",
)  # first words of their letters' Unicode names
MIN_UNSPACED_SHARE = 0.3  # of the letters; from here on a text counts as unspaced


def unspaced(text: str) -> bool:
    """Whether the text is in a script without spaces between words, and nobody has inserted them.

    True where over MIN_UNSPACED_SHARE of the letters belong to UNSPACED_SCRIPTS, with less than one space for five letters.
    A segmented text ("我 喜欢 你") has a space after about every second letter: False.
    """
    counts = Counter(text)
    letters = sum(n for c, n in counts.items() if c.isalpha())
    without = sum(n for c, n in counts.items() if c.isalpha() and unicodedata.name(c, "").startswith(UNSPACED_SCRIPTS))
    spaces = sum(n for c, n in counts.items() if c.isspace() and c != "\n")
    return letters > 0 and without > MIN_UNSPACED_SHARE * letters and spaces < letters / 5
