"""Escapes texts of viewers, links and files for Markdown, and writes names of weights in our own texts as symbols.

Streamlit removes HTML. But an image would make every browser that shows it send a request to another server, and a link could
lead anywhere. An address becomes a link without any signs of Markdown, so an invisible word joiner is inserted in it.
"""

from __future__ import annotations

import re

SIGNS = re.compile(r"[\\`*\[\]<>$~&]|(?<!\w)_|_(?!\w)")
ADDRESSES = re.compile(r":(?=[A-Za-z/])|@|www(?=\.)", re.IGNORECASE)  # ... and :material/icons: and :red[colours]
JOINER = "\u2060"


def plain(text: str) -> str:
    """Returns the text escaped, on one line, because lists, headings and tables need the beginning of a line."""
    return ADDRESSES.sub(rf"\g<0>{JOINER}", SIGNS.sub(r"\\\g<0>", " ".join(text.split())))


WEIGHTS = re.compile(r"\bW_(in|rec|out)\b")


def symbols(text: str) -> str:
    """Writes W_rec as $W_{rec}$, and so on."""
    return WEIGHTS.sub(r"$W_{\1}$", text)
