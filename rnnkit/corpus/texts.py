"""Reads a Text from the bytes of a file, without Project Gutenberg's headers and licences."""

from __future__ import annotations

import re
import unicodedata

from rnnkit.corpus.data import Text
from rnnkit.corpus.decoding import MAX_BYTES, CorpusError, decode
from rnnkit.corpus.tokens import unspaced

MIN_TEXT_CHARS = 500  # the test part, a tenth, must hold at least one sequence of 50
SMALL_TEXT_CHARS = 10_000  # a note says so of a shorter text
MAX_NAME_CHARS = 80

# The last line of the header and the first line of the licence, as Project Gutenberg has written them since 1990:
# "*** START OF THE PROJECT GUTENBERG EBOOK EMMA ***" (the title may take several lines), "***START OF THIS PROJECT ...***";
# before 2002 "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*" and "End of Project Gutenberg's Etext of
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
_GUTENBERG = re.compile(r"Project Gutenberg", re.IGNORECASE)
SEARCHED_CHARS = 3_000  # at both ends of a file, where the name Project Gutenberg is searched
MAX_LICENCE_CHARS = 40_000  # of a licence (19,500 today) together with the next book's header
MAX_GAP_CHARS = 1_000  # between two lines that both end a book; and after the last one where no licence follows


def read_text(data: bytes, name: str = "", max_bytes: int = MAX_BYTES, whole: bool = False) -> Text:
    """Reads UTF-8 text for a language model. Line ends become \\n, and characters are composed (Unicode NFC).

    Removes Project Gutenberg's headers and licences unless `whole`. The notes of the Text say what was changed. Raises
    CorpusError for what is no text, or shorter than MIN_TEXT_CHARS.
    """
    decoded = decode(data, max_bytes)
    text, notes = (decoded, []) if whole else without_licence(decoded)
    composed = unicodedata.normalize("NFC", text)
    if composed != text:
        n_fewer = len(text) - len(composed)
        notes.append(f"Letters with separate accents became one character each (Unicode NFC): {n_fewer:,} characters fewer.")
    if len(composed) < MIN_TEXT_CHARS:
        raise CorpusError(
            f"expected at least {MIN_TEXT_CHARS} characters, a tenth of which are kept for the test, got {len(composed)}"
        )
    if len(composed) < SMALL_TEXT_CHARS:
        notes.append(f"{len(composed):,} characters are few: the tenth that is kept for the test has {len(composed) // 10:,}.")
    if unspaced(composed):
        notes.append("This text has no spaces between its words: learn its characters (task characters), not its words.")
    return Text(display_name(name, "text"), composed, tuple(notes))


def without_licence(text: str) -> tuple[str, list[str]]:
    """Returns the text of all books without Project Gutenberg's lines, and notes on what was removed; other text unchanged."""
    spans = book_spans(text)
    if spans == [(0, len(text))]:
        ends = text[:SEARCHED_CHARS], text[-SEARCHED_CHARS:]
        doubtful = any(map(_GUTENBERG.search, ends)) or _LICENCE.search(text)
        note = "It names Project Gutenberg, but no border of a header or licence was found: if it has them, they are learnt, too."
        return text, [note] if doubtful else []
    start, end = spans[0][0], spans[-1][1]
    between = end - start - sum(stop - begin for begin, stop in spans)
    parts = [f"header ({start:,} characters)"] if start else []
    parts += [f"licences and headers between {len(spans)} books ({between:,} characters)"] if between else []
    parts += [f"licence ({len(text) - end:,} characters)"] if end < len(text) else []
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    owner = "books'" if between else "book's"
    note = f"Left out: Project Gutenberg's {listed}, which are not the {owner} own text."
    return "\n\n".join(text[begin:stop].strip("\n") for begin, stop in spans) + "\n", [note]


def book_spans(text: str) -> list[tuple[int, int]]:
    """Returns [start, end) of each book; [(0, len(text))] where there are no lines of Project Gutenberg.

    A book begins after a header. It ends where its licence begins, else at the next header, else with the text.
    """
    headers: list[tuple[int, int]] = []
    for m in _HEADER_END.finditer(text):
        joins = headers and "SMALL PRINT" in m[0].upper() and m.end() - headers[-1][1] <= MAX_LICENCE_CHARS
        joins = joins and not _LICENCE.search(text, headers[-1][1], m.start())  # else it is the next book's
        headers.append((headers.pop()[0] if joins else m.start(), m.end()))
    if headers and headers[0][1] <= MAX_LICENCE_CHARS:
        headers[0] = 0, headers[0][1]
    starts, stops = [0, *(end for _, end in headers)], [*(start for start, _ in headers), len(text)]
    found = [(start, _licence_start(text, start, stop)) for start, stop in zip(starts, stops, strict=True)]
    return [(start, stop) for start, stop in found if not text[start:stop].isspace() and start < stop] or [(0, len(text))]


def _licence_start(text: str, start: int, stop: int) -> int:
    """Returns the start of the licence that ends at `stop`; `stop` where there is none.

    A licence begins with the last line that matches _LICENCE, and matching lines at most MAX_GAP_CHARS before it. At most
    MAX_LICENCE_CHARS follow. The line has asterisks, or what follows names Project Gutenberg or has at most MAX_GAP_CHARS.
    """
    lines = list(_LICENCE.finditer(text, start, stop))
    if not lines or stop - lines[-1].start() > MAX_LICENCE_CHARS:
        return stop
    last = lines[-1]
    if "*" not in last[0] and stop - last.end() > MAX_GAP_CHARS and not _GUTENBERG.search(text, last.end(), stop):
        return stop
    begin = last.start()
    for line in reversed(lines):
        begin = line.start() if begin - line.start() <= MAX_GAP_CHARS else begin
    return begin


def display_name(name: str, default: str) -> str:
    """Returns the name in at most MAX_NAME_CHARS printable characters; `default` where nothing is left."""
    return "".join(c if c.isprintable() else " " for c in name[:MAX_NAME_CHARS]).strip() or default
