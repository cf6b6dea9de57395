"""Reads tables with a header (TSV, CSV) as spreadsheets, pandas, R and treebank tools write them, by Python's csv.

One file has one delimiter and one rule for quotation marks. Marks are CSV's quotes where every cell can be read so. Else
they are words of the sentences, as in most treebanks' tables.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnkit.corpus import items
from rnnkit.corpus.decoding import CorpusError, to_words
from rnnkit.corpus.items import PLURAL, Item, Lines, Reading
from rnnkit.errors import join_names, shorten_repr

Row = tuple[int, list[str]]  # number of its first line, cells
Cells = Mapping[str, str]  # column -> cell, "" where there is none

MAX_HEADER_LINES = 20  # searched for the header; titles and comments may precede it
DELIMITERS = "\t,;"
QUOTED: dict[str, Any] = {"strict": True, "skipinitialspace": True}  # RFC 4180, and blanks before a cell
ESCAPED: dict[str, Any] = QUOTED | {"doublequote": False, "escapechar": "\\"}  # R's write.table
LENIENT: dict[str, Any] = {"strict": False}  # an open quote costs its row alone
UNQUOTED: dict[str, Any] = {"quoting": csv.QUOTE_NONE}
MAX_MISFIT_SHARE = 0.05  # of rows with another number of cells than the header

COLUMNS = {  # meaning of a column -> names it may have
    "prefix": ("prefix",),
    "label": ("label", "correct_number"),
    "n_attractors": ("n_attractors", "n_attr", "attractors"),
    "distance": ("distance", "len_context"),
    "split": ("split",),
    "source": ("source", "group", "constr_id"),
    "last_noun": ("last_noun",),
    "form": ("form",),
    "class": ("class",),
    "pattern": ("pattern",),
    "sent_id": ("sent_id",),
}
LINZEN_COLUMNS = ("sentence", "verb", "verb_pos", "verb_index", "n_diff_intervening", "distance")
LINZEN = {name: (name,) for name in (*LINZEN_COLUMNS, "orig_sentence", "split")}


@dataclass(frozen=True)
class Header:
    line: int  # its number; 0 where there is none
    delimiter: str
    names: tuple[str, ...]  # in lower case


# ---- from lines to rows


def find_header(lines: Lines, known: Mapping[str, Sequence[str]], needed: Sequence[str]) -> Header:
    """Returns the first of MAX_HEADER_LINES lines that has the needed columns.

    Raises CorpusError where there is none (about the line that has most of them), and where a known column occurs twice.
    """
    best: tuple[int, Header] | None = None
    delimiters = DELIMITERS
    for number, line in enumerate(lines[:MAX_HEADER_LINES], 1):
        if hint := re.fullmatch(r'"?sep=(.)"?', line.strip()):  # the first line of Excel's own CSV
            delimiters = hint[1]
        elif line.strip():
            headers = [Header(number, d, _names(line, d)) for d in delimiters]
            header = max(headers, key=lambda h: (len(_meanings(h.names, known).keys() & set(needed)), len(h.names)))
            found = len(_meanings(header.names, known).keys() & set(needed))
            if best is None or found > best[0]:
                best = found, header
            if found == len(needed):
                break
    assert best is not None  # a file without text was refused before
    found, header = best
    if missing := [name for name in needed if name not in _meanings(header.names, known)]:
        raise CorpusError(
            f"line {header.line}: expected a header with the columns {', '.join(needed)}; there is no {', '.join(missing)}, "
            f"found {join_names(header.names)}"
        )
    used = [name for names in known.values() for name in names]
    if repeated := [name for name, n in Counter(header.names).items() if n > 1 and name in used]:
        raise CorpusError(f"line {header.line}: expected every column once, found more than once: {join_names(repeated)}")
    return header


def _names(line: str, delimiter: str) -> tuple[str, ...]:
    return _normalized_names(next(csv.reader([line], delimiter=delimiter), []))


def _normalized_names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip(' "#').lower() for name in names)


def _meanings(names: Sequence[str], known: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Returns meaning -> index of its column. Of two columns with one meaning, the name that `known` lists first counts."""
    return {
        meaning: names.index(next(name for name in its_names if name in names))
        for meaning, its_names in known.items()
        if set(its_names) & set(names)
    }


def rows(lines: Lines, delimiter: str, width: int, before: int = 0) -> list[Row]:
    """Returns the rows after the first `before` lines, of `width` cells, read by the quoting rule that most rows fit.

    Raises CorpusError where more than MAX_MISFIT_SHARE of them fit no rule.
    """
    plain = _parse(lines, delimiter, before, UNQUOTED)
    if not any('"' in line for line in lines[before:]):
        return plain
    escaped = any('\\"' in line for line in lines[before:])
    for dialect in (QUOTED, ESCAPED) if escaped else (QUOTED,):
        try:
            quoted = _parse(lines, delimiter, before, dialect)
        except CorpusError as error:
            last_error = error
            continue
        wrong, as_words = _misfits(quoted, width), _misfits(plain, width)
        marks_are_words = any(cell.startswith('" ') or cell.endswith(' "') for _, cells in plain for cell in cells)
        return plain if as_words < wrong or (as_words == wrong and marks_are_words) else quoted
    if delimiter == "\t":
        return plain

    def n_lost(found: list[Row]) -> int:
        """Counts the rows that do not fit, and those inside an open quote."""
        return _misfits(found, width) + len(plain) - len(found)

    best = min(plain, _parse(lines, delimiter, before, LENIENT), key=n_lost)
    if n_lost(best) > max(1, MAX_MISFIT_SHARE * len(plain)):
        raise last_error
    return best


def _parse(lines: Lines, delimiter: str, before: int, dialect: Mapping[str, Any]) -> list[Row]:
    reader = csv.reader((line + "\n" for line in lines[before:]), delimiter=delimiter, **dialect)
    found: list[Row] = []
    start = before + 1
    try:
        for cells in reader:
            found.append((start, cells))
            start = before + reader.line_num + 1
    except csv.Error:
        raise CorpusError(
            f'line {start:,}: expected every quoted field to be closed, and "" for a quote inside, '
            f"got {shorten_repr(lines[start - 1] if start <= len(lines) else '')}"
        ) from None
    return found


def _misfits(found: Sequence[Row], width: int) -> int:
    return sum(bool(cells) and len(cells) != width for _, cells in found)


# ---- from rows to items


def _each(lines: Lines, header: Header, known: Mapping[str, Sequence[str]], parse: Callable[[Cells], Item | None]) -> Reading:
    """Yields parse(cells) of every row, or its CorpusError; notes on unused columns and skipped rows. Skips where it is None."""
    width, places = len(header.names), _meanings(header.names, known)
    if unused := [name for place, name in enumerate(header.names) if name and place not in places.values()]:
        yield header.line, f"Columns that are not used: {join_names(unused)}."
    skipped: Counter[str] = Counter()
    for at, cells in rows(lines, header.delimiter, width, header.line):
        if kind := _skip_reason(cells, header):
            skipped[kind] += 1
            continue
        skipped[SHORT] += len(cells) < width
        try:
            item = parse(_by_meaning(cells, width, places))
        except CorpusError as error:
            yield at, error
        else:
            if item is not None:
                yield at, item
    yield from (
        (header.line, f"{skipped[kind]:,} {'row' if skipped[kind] == 1 else 'rows'} {kind}.")
        for kind in NOTED_KINDS
        if skipped[kind]
    )


CLEARED = "without a value, as spreadsheets write cleared cells"
SHORT = "with fewer cells than the header: what is missing counts as unknown"
REPEATED_HEADER = "like the header"
BLANK = "blank lines and comments"
NOTED_KINDS = (CLEARED, SHORT, REPEATED_HEADER)


def _skip_reason(cells: list[str], header: Header) -> str:
    """Returns why this row holds no item; "" where it may hold one."""
    if not any(cell.strip() for cell in cells):
        return CLEARED if cells else BLANK
    if cells[0].lstrip().startswith("#") and not any(cell.strip() for cell in cells[1:]):
        return BLANK
    again = header.line and _normalized_names(cells[:1]) == header.names[:1] and _normalized_names(cells) == header.names
    return REPEATED_HEADER if again else ""


def _by_meaning(cells: list[str], width: int, places: Mapping[str, int]) -> Cells:
    if any(cell.strip() for cell in cells[width:]):
        raise CorpusError(
            f"expected {width} fields as in the header, got {len(cells)} in {shorten_repr(' | '.join(cells))}; "
            'a field that holds the delimiter must stand in double quotes ("")'
        )
    return {meaning: cells[place] if place < len(cells) else "" for meaning, place in places.items()}


def table(lines: Lines, gold: Lines | None = None) -> Reading:
    """Reads a table with the columns prefix and label, and those of COLUMNS where present; or two columns without a header.

    Two rows of class correct and wrong (Gulordava et al.'s .tab) are one item, whose source is its pattern and constr_id.
    """
    header = without_header(lines) or find_header(lines, COLUMNS, ("prefix", "label"))
    forms: dict[tuple[str, ...], dict[str, str]] = {}
    if {"class", "form"} <= set(header.names):
        for cells in _cells(lines, header):
            forms.setdefault(_sentence(cells), {})[cells["class"].strip().lower()] = cells["form"].strip()

    def parse(cells: Cells) -> Item | None:
        pair = forms.get(_sentence(cells), {}) if forms else {}
        if forms and cells.get("class", "").strip().lower() == "wrong" and "correct" in pair:
            return None
        words = items.prefix(to_words(cells["prefix"]))
        right, wrong = pair.get("correct"), pair.get("wrong")
        return Item(
            words,
            items.label(cells["label"]),
            items.count("n_attractors", cells.get("n_attractors", ""), 0, len(words)),
            items.count("distance", cells.get("distance", ""), 1, len(words)),
            (right, wrong) if right and wrong else None,
            items.part(cells.get("split", "")),
            _source(cells),
            items.last_noun(cells.get("last_noun", "")),
        )

    return _each(lines, header, COLUMNS, parse)


def _cells(lines: Lines, header: Header) -> list[Cells]:
    places = _meanings(header.names, COLUMNS)
    return [
        {meaning: cells[place] if place < len(cells) else "" for meaning, place in places.items()}
        for _, cells in rows(lines, header.delimiter, len(header.names), header.line)
    ]


def _source(cells: Cells) -> str:
    """Returns pattern and source: constr_id is unique within one pattern alone."""
    source = cells.get("source", "").strip()
    return f"{cells.get('pattern', '').strip()} {source}".strip() if source else ""


def _sentence(cells: Cells) -> tuple[str, ...]:
    return tuple(cells.get(name, "") for name in ("pattern", "source", "sent_id", "prefix"))


def without_header(lines: Lines) -> Header | None:
    """Returns the Header of a table of a label and a prefix without names (Linzen et al.'s number prediction); else None."""
    head = enumerate(lines[:MAX_HEADER_LINES], 1)
    number, first = next(((n, line) for n, line in head if line.strip() and not line.startswith("#")), (0, ""))
    for delimiter in DELIMITERS:
        cells = [cell.strip(' "') for cell in first.split(delimiter)]
        if len(cells) == 2 and (cells[0].lower() in PLURAL) != (cells[1].lower() in PLURAL):
            names = ("label", "prefix") if cells[0].lower() in PLURAL else ("prefix", "label")
            return Header(number - 1, delimiter, names)
    return None


def is_table(head: Lines) -> bool:
    """Whether the first lines are of a table of prefixes, perhaps with a needed column missing."""
    names = [_names(head[0], delimiter) for delimiter in DELIMITERS]
    return (
        any("prefix" in columns and len(columns) > 1 for columns in names)  # the message then names the missing one
        or ("prefix" in head[0].lower() and "label" in head[0].lower())
        or _has_header(head, COLUMNS, ("prefix", "label"))
        or without_header(head) is not None
    )


def is_linzen(head: Lines) -> bool:
    """Whether the first lines are of Linzen et al.'s table."""
    return any("verb_index" in line.lower() and "verb_pos" in line.lower() for line in head)


def _has_header(head: Lines, known: Mapping[str, Sequence[str]], needed: Sequence[str]) -> bool:
    try:
        return bool(find_header(head, known, needed))
    except CorpusError:
        return False


# ---- Linzen, Dupoux & Goldberg


def linzen(lines: Lines, gold: Lines | None = None) -> Reading:
    """Reads Linzen, Dupoux & Goldberg's table (2016). The prefix is the sentence before word `verb_index`, counted from 1.

    n_diff_intervening is the number of attractors. distance is verb_index - subj_index. Words come from orig_sentence where
    there is one: `sentence` has tags for rare words, and NN or NNS would give away a noun's number.
    """
    return _each(lines, find_header(lines, LINZEN, LINZEN_COLUMNS), LINZEN, _linzen_item)


def _linzen_item(cells: Cells) -> Item:
    words = tuple((cells.get("orig_sentence", "").strip() or cells["sentence"]).lower().split())
    tag, verb = cells["verb_pos"].strip(), cells["verb"].strip()
    if tag not in ("VBZ", "VBP"):
        raise CorpusError(f"expected verb_pos VBZ (singular) or VBP (plural), got {shorten_repr(tag)}")
    at = items.position(cells["verb_index"], words, 1)
    if words[at] not in (verb.lower(), tag.lower()):
        raise CorpusError(
            f"expected {shorten_repr(verb)} as word {at + 1} (from 1) of the sentence, found {shorten_repr(words[at])}"
        )
    prefix = items.prefix(words[:at])
    attractors = items.count("n_diff_intervening", cells["n_diff_intervening"], 0, len(prefix))
    distance = items.count("distance", cells["distance"], 1, len(prefix))
    return Item(prefix, tag == "VBP", attractors, distance, part=items.part(cells.get("split", "")))
