"""Texts within Markdown. Of a viewer, of a link or of a file: nothing of it is read as Markdown. Of ours: weights as symbols.

Streamlit lets no HTML through, but an image would be a request to somebody else from every browser that shows it, and a link
could lead anywhere. A word joiner, which is not seen, goes where an address would become a link even without any signs.
"""

from __future__ import annotations

import re

SIGNS = re.compile(r"[\\`*\[\]<>$~&]|(?<!\w)_|_(?!\w)")
ADDRESSES = re.compile(r":(?=[A-Za-z/])|@|www(?=\.)", re.IGNORECASE)  # ... and :material/icons: and :red[colours]
JOINER = "\u2060"


def plain(text: str) -> str:
    """As one line: lists, headings and tables, which begin a line, have no signs of their own to escape."""
    return ADDRESSES.sub(rf"\g<0>{JOINER}", SIGNS.sub(r"\\\g<0>", " ".join(text.split())))


WEIGHTS = re.compile(r"\bW_(in|rec|out)\b")


def symbols(text: str) -> str:
    """W_rec as $W_{rec}$, and so on."""
    return WEIGHTS.sub(r"$W_{\1}$", text)
