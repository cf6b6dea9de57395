"""Words of running text in any language: a mark of punctuation is a word of its own, whichever script it belongs to.

What a mark is, Unicode says: the general categories P* (unicode.org/reports/tr44). No list of languages is needed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

JOINING = "'’‘-‐‑._·&@/״׳"  # between two letters or digits they belong to the word: don't, l'homme, well-known, e.g, col·lega
BETWEEN_DIGITS = ",:٫٬"  # 3,000 and 12:30
ALSO = "`´"  # quotation marks on a typewriter; modifiers to Unicode
LIKE = 3  # so many equal marks in a row are one word at most: "...", "--"
_HIDDEN = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\u00ad\ufeff]")  # reading directions, soft hyphens, byte order
_ZERO_WIDTH_SPACE = "\u200b"


def is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("P") or character in ALSO


def is_opening(character: str) -> bool:
    """Whether no space stands behind this mark: brackets, opening quotation marks, and Spanish question marks."""
    return unicodedata.category(character) in ("Ps", "Pi") or character in "¿¡"


def is_closing(character: str) -> bool:
    """Whether no space stands before this mark."""
    return unicodedata.category(character) in ("Pe", "Pf", "Po") and character not in "¿¡&@/*#%\\\"'"


def visible(text: str) -> str:
    """Without characters that nobody sees and that would make a word another one. A space of no width is a space."""
    return _HIDDEN.sub("", text).replace(_ZERO_WIDTH_SPACE, " ")


def to_tokens(text: str) -> tuple[str, ...]:
    """Words in lower case, marks as words of their own; text whose words are already separated stays as it is.

    "«Don't», he said…" becomes «, don't, », `,`, he, said, ….
    """
    text = visible(text).lower()
    marks = "".join(sorted(c for c in set(text) if is_mark(c)))
    return tuple(_pattern(marks).findall(text))


@lru_cache(maxsize=16)
def _pattern(marks: str) -> re.Pattern[str]:
    """Words and marks of a text in which no other marks occur."""
    word = rf"[^\s{re.escape(marks)}]+"
    joints = rf"[{re.escape(JOINING)}]|(?<=\d)[{re.escape(BETWEEN_DIGITS)}](?=\d)"
    runs = [f"{re.escape(mark)}{{1,{LIKE}}}" for mark in marks]
    return re.compile("|".join([rf"{word}(?:(?:{joints}){word})*", *runs]))


# ---- scripts that put no spaces between words

UNSPACED = (
    "CJK ",
    "HIRAGANA",
    "KATAKANA",
    "THAI ",
    "LAO ",
    "KHMER ",
    "MYANMAR ",
    "TIBETAN ",
)  # how the names of their letters begin
MOSTLY = 0.3  # share of the letters from which a text counts as written so


def unspaced(text: str) -> bool:
    """Whether a good part of the letters belong to a script that puts no spaces between words, and no spaces were put there.

    A segmented text ("我 喜欢 你") has a space behind every second character or so: its words are words.
    """
    counts = Counter(text)
    letters = sum(n for c, n in counts.items() if c.isalpha())
    without = sum(n for c, n in counts.items() if c.isalpha() and unicodedata.name(c, "").startswith(UNSPACED))
    spaces = sum(n for c, n in counts.items() if c.isspace() and c != "\n")
    return letters > 0 and without > MOSTLY * letters and spaces < letters / 5
