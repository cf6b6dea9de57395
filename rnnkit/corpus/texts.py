"""From the bytes of a file to a Text: read_text. A header and a licence of Project Gutenberg are recognised and left out."""

from __future__ import annotations

import re
import unicodedata

from rnnkit.corpus.data import Text
from rnnkit.corpus.source import MAX_BYTES, CorpusError, decode
from rnnkit.corpus.tokens import unspaced

MIN_CHARACTERS = 500  # of a text: a tenth of less is not even one test sequence of 50
FEW_CHARACTERS = 10_000
MOST_NAME = 80  # characters of a name

# The last line of the header and the first one of the licence, in the forms that Project Gutenberg has used since 1990:
# "*** START OF THE PROJECT GUTENBERG EBOOK EMMA ***" (its title may take several lines), "***START OF THIS PROJECT ...***",
# and before 2002 "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*" and "End of Project Gutenberg's Etext of
# Emma".
_HEADER_END = re.compile(
    r"^[ \t]*(?:\*{3}[ \t]*START OF (?:THE |THIS |A )?(?:COPYRIGHTED )?PROJECT GUTENBERG(?:[^*]{0,400}?\*{3}|[^\n]*)"
    r"|\*END\*?[ \t]?THE SMALL PRINT)[^\n]*\n",
    re.MULTILINE | re.IGNORECASE,
)
_LICENCE = re.compile(
    r"^[ \t]*(?:\*{3}[ \t]*)?(?:END|Ende|Fin) (?:OF |de |dieses |des )?(?:THE |THIS |A |la )?(?:COPYRIGHTED )?"
    r"Proje[ck]t Gutenberg",
    re.MULTILINE | re.IGNORECASE,
)
_NAMED = re.compile(r"Project Gutenberg", re.IGNORECASE)
_ENDS = 3_000  # characters at both ends of a file in which its name is looked for


def read_text(data: bytes, name: str = "", max_bytes: int = MAX_BYTES, whole: bool = False) -> Text:
    """Any UTF-8 text, for language modelling; line ends become \\n, and characters that are written as several become one (NFC).

    Unless the `whole` file is asked for, a header and a licence of Project Gutenberg are left out. Notes say what was done.
    Raises CorpusError for what is no text, or too short.
    """
    decoded = decode(data, max_bytes)
    text, notes = (decoded, []) if whole else without_licence(decoded)
    composed = unicodedata.normalize("NFC", text)
    if composed != text:
        less = len(text) - len(composed)
        notes.append(f"Letters with separate accents became one character each (Unicode NFC): {less:,} characters fewer.")
    if len(composed) < MIN_CHARACTERS:
        raise CorpusError(
            f"expected at least {MIN_CHARACTERS} characters, a tenth of which are kept for the test, got {len(composed)}"
        )
    if len(composed) < FEW_CHARACTERS:
        few = f"{len(composed):,} characters are few: the tenth that is kept for the test has {len(composed) // 10:,}."
        notes.append(few)
    if unspaced(composed):
        notes.append("This text has no spaces between its words: learn its characters (task characters), not its words.")
    return Text(tidy(name, "text"), composed, tuple(notes))


def without_licence(text: str) -> tuple[str, list[str]]:
    """The book alone, and a note that says what of Project Gutenberg was left out; any other text as it is."""
    start, end = borders(text)
    book = text[start:end].strip("\n") + "\n"
    if (start, end) == (0, len(text)):
        doubtful = _NAMED.search(text[:_ENDS]) or _NAMED.search(text[-_ENDS:])
        note = "It names Project Gutenberg, but no border of a header or licence was found: if it has them, they are learnt, too."
        return text, [note] if doubtful else []
    parts = [f"header ({start:,} characters)"] if start else []
    parts += [f"licence ({len(text) - end:,} characters)"] if end < len(text) else []
    return book, [f"Left out: Project Gutenberg's {' and '.join(parts)}, which are not the book's own text."]


def borders(text: str) -> tuple[int, int]:
    """Where the book begins and where it ends; (0, len(text)) where Project Gutenberg's lines are not found."""
    headers = [m.end() for m in _HEADER_END.finditer(text)]
    licence = next((m.start() for m in _LICENCE.finditer(text) if not headers or m.start() >= headers[0]), len(text))
    return max((at for at in headers if at <= licence), default=0), licence


def tidy(name: str, default: str) -> str:
    """A name that can be shown: 80 printable characters at most."""
    return "".join(c if c.isprintable() else " " for c in name[:MOST_NAME]).strip() or default
