"""From the bytes of a file to its lines and words. Nothing in them is trusted: too much, not text, not UTF-8 ends here.

Every check is a single pass in C over the bytes, in the order of its price, so a hostile file is refused within about a
second, before anything is parsed. No file is opened, unpacked or executed.
"""

from __future__ import annotations

import json
import re
from typing import Any

from rnnkit.errors import shorten_repr

MAX_BYTES = 100_000_000
MAX_LINES = 200_000
MAX_TREEBANK_LINES = 1_000_000  # a line a word; the training part of UD English EWT has 254,000
MAX_ALL_WORDS = 3_000_000  # of all prefixes together; a corpus of that size takes some 300 MB while it is read
MAX_LINE = 20_000  # characters; the longest row of Linzen's table has some 2,000
MAX_WORDS = 500  # in one prefix; the longest of Linzen's has 49
MARKS = ',;:!?()[]"“”'  # at the edge of a word they are words of their own

UTF_16, UTF_32 = (b"\xff\xfe", b"\xfe\xff"), (b"\xff\xfe\0\0", b"\0\0\xfe\xff")  # byte order marks
LOOKS_LIKE = {  # how files that are not text begin
    b"\xff\xfe\0\0": "UTF-32 text",
    b"\0\0\xfe\xff": "UTF-32 text",
    b"PK\x03\x04": "a ZIP archive (as .xlsx, .docx and .ods files are)",
    b"\x1f\x8b": "a gzip archive (.gz), to be unpacked first",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x93NUMPY": "a NumPy file",
    b"SQLite format 3": "an SQLite database",
    b"\x7fELF": "a program",
    b"\x80\x02": "a Python pickle",
    b"\x80\x03": "a Python pickle",
    b"\x80\x04": "a Python pickle",
    b"\x80\x05": "a Python pickle",
}


class CorpusError(ValueError):
    """What was expected, what came, and what is valid; with the line where there is one. Never longer than a few lines."""


def decode(data: bytes, max_bytes: int = MAX_BYTES, what: str = "the file") -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark ("Unicode text" of Excel); all line ends become \\n."""
    if not isinstance(data, bytes | bytearray):
        raise TypeError(f"expected the bytes of a file, such as Path(name).read_bytes(), got {type(data).__name__}")
    if len(data) > max_bytes:
        raise CorpusError(f"{what} has {len(data):,} bytes; expected at most {max_bytes:,}")
    if data.startswith(UTF_16) and not data.startswith(UTF_32):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeError:
            raise CorpusError(f"{what} looks like UTF-16 text, but it is damaged; expected plain text in UTF-8") from None
    for start, kind in LOOKS_LIKE.items():
        if data.startswith(start):
            raise CorpusError(f"{what} looks like {kind}; expected plain text in UTF-8")
    at = data.find(b"\0")
    if at >= 0:
        raise CorpusError(
            f"{_place(data, at)} of {what}: a NUL byte; expected plain text in UTF-8, this may be UTF-16 or no text"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)  # the codec counts behind the byte order mark
        raise CorpusError(
            f"{_place(data, at)} of {what}: expected UTF-8, got the byte 0x{data[at]:02x}; "
            "save the file as UTF-8 (it may be Latin-1 or Windows-1252)"
        ) from None
    if not text or text.isspace():
        raise CorpusError(f"{what} is empty; expected text in UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _place(data: bytes, at: int) -> str:
    line = 1 + data.count(b"\n", 0, at)
    return f"line {line:,}, byte {at:,}"


def to_lines(text: str, what: str = "the file", most: int = MAX_LINES) -> list[str]:
    """Line i is entry i - 1. Only \\n ends a line: U+2028 and the like are spaces between words. Blank lines at the end go."""
    if text.count("\n") > most:
        raise CorpusError(f"{what} has {text.count(chr(10)):,} lines; expected at most {most:,}: take a part of it")
    lines = text.split("\n")
    while len(lines) > 1 and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise CorpusError(
                f"line {number:,} of {what}: {len(line):,} characters; expected at most {MAX_LINE:,}, one sentence a line"
            )
    return lines


def to_words(text: str, marks: str = MARKS) -> tuple[str, ...]:
    """Words in lower case. "cats," becomes "cats" and ","; text whose words are already separated stays as it is."""
    if not any(mark in text for mark in marks):
        return tuple(text.lower().split())
    words: list[str] = []
    for word in text.lower().split():
        core = word.strip(marks)
        if not core or len(core) == len(word):
            words.append(word)
            continue
        start = word.index(core)
        words += [*word[:start], core, *word[start + len(core) :]]
    return tuple(words)


def to_record(line: str) -> dict[str, Any]:
    """A line of JSON lines."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise CorpusError(f"expected a JSON object on each line, got {shorten_repr(line)}") from None
    if not isinstance(record, dict):
        raise CorpusError(f"expected a JSON object on each line, got a {type(record).__name__}: {shorten_repr(line)}")
    return record


def no_array(text: str) -> None:
    """Raises CorpusError for a JSON array of objects, of which no reader would take more than pieces."""
    if re.match(r"\s*\[\s*\{", text[:1000]):
        raise CorpusError("expected JSON lines, an object on each line, got a JSON array")


def is_text(text: str) -> bool:
    """JSON can escape what no UTF-8 file can hold: half a surrogate pair, or NUL."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
