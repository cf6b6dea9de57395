"""The glossary: the words of the dashboard with a meaning of their own, and how pages explain them where they stand.

terms.py holds the words, sources.py the papers, pictures.py the small pictures. In a text a word is a link to the page Glossary
with its line as the link's title. Beside a control or a text its line and picture stand in the help.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rnnkit.glossary.pictures import PICTURES
from rnnkit.glossary.sources import SOURCES
from rnnkit.glossary.terms import TERMS

PAGE, SETTING = "glossary", "glossary_word"  # the page's address, beside that of every other page, and its setting
_SPELT = {spelling: key for key, term in TERMS.items() for spelling in term.spellings}
_WORDS = "|".join(map(re.escape, sorted(_SPELT, key=len, reverse=True)))
_TEXT = re.compile(rf"\$\$[^$]*\$\$|\$[^$]*\$|`[^`]*`|\[[^\]]*\]\([^)]*\)|:material/\w+:|(?<![\w-])({_WORDS})(?![\w-])")


def link(key: str, text: str = "") -> str:
    """Returns Markdown of a link to a term, which shows its line on hover. Raises KeyError for an unknown term."""
    return f'[{text or TERMS[key].name}]({address(key)} "{TERMS[key].line}")'


def address(key: str) -> str:
    """Returns the address of a term in the glossary, relative to any page's."""
    return f"{PAGE}?{SETTING}={key}"


@lru_cache(512)  # a live run draws the same captions several times a second
def marked(text: str) -> str:
    """Returns a Markdown text in which the first occurrence of each term is its link. Equations, code and links stay."""
    done = set()

    def replace(found: re.Match[str]) -> str:
        word = found[1]
        if word is None or _SPELT[word] in done:
            return found[0]
        done.add(_SPELT[word])
        return link(_SPELT[word], word)

    return _TEXT.sub(replace, text)


def explained(text: str) -> str:
    """Returns the lines and pictures of all terms in a text as Markdown, "" where there is none. For the help beside it."""
    return "\n\n".join(_entry(key) for key in dict.fromkeys(_SPELT[found[1]] for found in _TEXT.finditer(text) if found[1]))


def of_control(name: str, help: str) -> str:
    """Returns the help of the control of a field or remedy, and what the glossary knows of it beside that."""
    entries = (_entry(key, help) for key, term in TERMS.items() if name in term.controls)
    return "\n\n".join((help, *entries))


def _entry(key: str, known: str = "") -> str:
    """Returns a term as Markdown: its name as a link, its line where that is not `known`, its picture."""
    term = TERMS[key]
    picture = PICTURES.get(term.picture)
    line = "" if term.line == known else f": {term.line}"
    return f"[{term.name}]({address(key)}){line}" + (f"\n\n![{picture.about}]({picture.address})" if picture else "")


__all__ = ["PICTURES", "SOURCES", "TERMS", "address", "explained", "link", "marked", "of_control"]
