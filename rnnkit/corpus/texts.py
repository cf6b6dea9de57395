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
MOST_CUT = 40_000  # characters of a licence (19,500 today) and the next book's header with its small print
FEW = 1_000  # characters between two lines that both end a book, or behind the last one where there is no licence


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
    """The books alone, and notes that say what of Project Gutenberg was left out; any other text as it is."""
    kept = books(text)
    if kept == [(0, len(text))]:
        doubtful = _NAMED.search(text[:_ENDS]) or _NAMED.search(text[-_ENDS:]) or _LICENCE.search(text)
        note = "It names Project Gutenberg, but no border of a header or licence was found: if it has them, they are learnt, too."
        return text, [note] if doubtful else []
    start, end = kept[0][0], kept[-1][1]
    between = end - start - sum(stop - begin for begin, stop in kept)
    parts = [f"header ({start:,} characters)"] if start else []
    parts += [f"licences and headers between {len(kept)} books ({between:,} characters)"] if between else []
    parts += [f"licence ({len(text) - end:,} characters)"] if end < len(text) else []
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    whose = "books'" if between else "book's"
    told = f"Left out: Project Gutenberg's {listed}, which are not the {whose} own text."
    return "\n\n".join(text[begin:stop].strip("\n") for begin, stop in kept) + "\n", [told]


def books(text: str) -> list[tuple[int, int]]:
    """[start, end) of each book; [(0, len(text))] where Project Gutenberg's lines are not found.

    A book begins behind a header. It ends where its licence begins, else at the next header's last line, else with the text.
    """
    headers: list[tuple[int, int]] = []
    for m in _HEADER_END.finditer(text):
        joins = headers and "SMALL PRINT" in m[0].upper() and m.end() - headers[-1][1] <= MOST_CUT
        joins = joins and not _LICENCE.search(text, headers[-1][1], m.start())  # else it belongs to the next book
        headers.append((headers.pop()[0] if joins else m.start(), m.end()))
    if headers and headers[0][1] <= MOST_CUT:
        headers[0] = 0, headers[0][1]
    starts, stops = [0, *(end for _, end in headers)], [*(start for start, _ in headers), len(text)]
    found = [(start, _licence(text, start, stop)) for start, stop in zip(starts, stops, strict=True)]
    return [(start, stop) for start, stop in found if not text[start:stop].isspace() and start < stop] or [(0, len(text))]


def _licence(text: str, start: int, stop: int) -> int:
    """Where the licence begins that reaches up to `stop`, which is there if none does.

    It begins with the last line of its form, and those shortly before, if no more than MOST_CUT characters follow. They name
    Project Gutenberg again, or that line has asterisks, or they are few.
    """
    lines = list(_LICENCE.finditer(text, start, stop))
    if not lines or stop - lines[-1].start() > MOST_CUT:
        return stop
    last = lines[-1]
    if "*" not in last[0] and stop - last.end() > FEW and not _NAMED.search(text, last.end(), stop):
        return stop
    begin = last.start()
    for line in reversed(lines):
        begin = line.start() if begin - line.start() <= FEW else begin
    return begin


def tidy(name: str, default: str) -> str:
    """A name that can be shown: 80 printable characters at most."""
    return "".join(c if c.isprintable() else " " for c in name[:MOST_NAME]).strip() or default
