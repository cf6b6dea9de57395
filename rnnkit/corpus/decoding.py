"""Decodes the bytes of an untrusted file into lines and words. Refuses what is too large, no text, or not UTF-8.

Each check is one pass in C over the bytes, the cheapest first. A hostile file is refused within about a second, before
anything is parsed. No file is opened, unpacked or executed.
"""

from __future__ import annotations

import json
import re
from typing import Any

from rnnkit.errors import shorten_repr

MAX_BYTES = 100_000_000
MAX_LINES = 200_000
MAX_TREEBANK_LINES = 1_000_000  # one word a line; the training part of UD English EWT has 254,000
MAX_ALL_WORDS = 3_000_000  # in all prefixes together; reading so many takes about 300 MB
MAX_LINE_CHARS = 20_000  # the longest row of Linzen's table has about 2,000
MAX_WORDS = 500  # in one prefix; Linzen's longest has 49
EDGE_MARKS = ',;:!?()[]"“”'  # split off where they begin or end a word

UTF_16, UTF_32 = (b"\xff\xfe", b"\xfe\xff"), (b"\xff\xfe\0\0", b"\0\0\xfe\xff")  # byte order marks
SIGNATURES = {  # first bytes of files that are no UTF-8 text -> what they are
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
    """A file that cannot be used. Names the line where there is one, what was expected, what came and what is valid."""


def decode(data: bytes, max_bytes: int = MAX_BYTES, what: str = "the file") -> str:
    """Decodes UTF-8, or UTF-16 with a byte order mark (Excel's "Unicode text"). All line ends become \\n.

    `what` names the file in messages. Raises CorpusError for more than max_bytes, for no text, and for empty text.
    """
    if not isinstance(data, bytes | bytearray):
        raise TypeError(f"expected the bytes of a file, such as Path(name).read_bytes(), got {type(data).__name__}")
    if len(data) > max_bytes:
        raise CorpusError(f"{what} has {len(data):,} bytes; expected at most {max_bytes:,}")
    if data.startswith(UTF_16) and not data.startswith(UTF_32):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeError:
            raise CorpusError(f"{what} looks like UTF-16 text, but it is damaged; expected plain text in UTF-8") from None
    for start, kind in SIGNATURES.items():
        if data.startswith(start):
            raise CorpusError(f"{what} looks like {kind}; expected plain text in UTF-8")
    offset = data.find(b"\0")
    if offset >= 0:
        raise CorpusError(
            f"{_position(data, offset)} of {what}: a NUL byte; expected plain text in UTF-8, this may be UTF-16 or no text"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)  # the codec counts from behind the byte order mark
        raise CorpusError(
            f"{_position(data, offset)} of {what}: expected UTF-8, got the byte 0x{data[offset]:02x}; "
            "save the file as UTF-8 (it may be Latin-1 or Windows-1252)"
        ) from None
    if not text or text.isspace():
        raise CorpusError(f"{what} is empty; expected text in UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _position(data: bytes, offset: int) -> str:
    line = 1 + data.count(b"\n", 0, offset)
    return f"line {line:,}, byte {offset:,}"


def to_lines(text: str, what: str = "the file", max_lines: int = MAX_LINES, holds: str = "sentence") -> list[str]:
    """Splits at \\n alone, so U+2028 and the like count as spaces. Line i is entry i - 1. Drops blank lines at the end.

    Raises CorpusError for more than max_lines, and for a line of more than MAX_LINE_CHARS. holds: what a line is, in the message.
    """
    if text.count("\n") > max_lines:
        raise CorpusError(f"{what} has {text.count(chr(10)):,} lines; expected at most {max_lines:,}: take a part of it")
    lines = text.split("\n")
    while len(lines) > 1 and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_CHARS:
            raise CorpusError(
                f"line {number:,} of {what}: {len(line):,} characters; expected at most {MAX_LINE_CHARS:,}, one {holds} a line"
            )
    return lines


def to_words(text: str, marks: str = EDGE_MARKS) -> tuple[str, ...]:
    """Splits at white space and lowers case. Separates marks at the edges of a word: "cats," becomes "cats" and ","."""
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
    """Parses one line of a JSON Lines file. Raises CorpusError where it is no JSON object."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise CorpusError(f"expected a JSON object on each line, got {shorten_repr(line)}") from None
    if not isinstance(record, dict):
        raise CorpusError(f"expected a JSON object on each line, got a {type(record).__name__}: {shorten_repr(line)}")
    return record


def refuse_json_array(text: str) -> None:
    """Raises CorpusError for a JSON array of objects, which the readers of lines would misread."""
    if re.match(r"\s*\[\s*\{", text[:1000]):
        raise CorpusError("expected JSON lines, an object on each line, got a JSON array")


def is_storable_text(text: str) -> bool:
    """Whether the text has no NUL and no half of a surrogate pair, which JSON can escape and UTF-8 cannot hold."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
