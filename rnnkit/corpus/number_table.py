"""Reads a Series from a table of numbers: CSV, TSV and columns between blanks, as spreadsheets and other programs write them.

The table's delimiter, its decimal mark and whether its first line holds names are recognised. A note says what was recognised.
A missing value becomes the last one before it, since the next one is not known yet at that time.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rnnkit.corpus.decoding import MAX_BYTES, CorpusError, decode, to_lines
from rnnkit.corpus.notes import count
from rnnkit.corpus.series import MIN_ROWS, Series, is_constant
from rnnkit.corpus.texts import display_name
from rnnkit.errors import join_names, shorten_repr

Split = Callable[[str], list[str]]
MAX_ROWS = 200_000
MAX_CELLS = 3_000_000
MAX_NAME_CHARS = 60
HEAD_ROWS = 100  # by which delimiter, decimal mark and header are recognised
MIN_EVEN_SHARE = 0.9  # of the first rows that have as many cells as the first one, where the delimiter is the right one
MAX_MISSING_SHARE = 0.2  # of a column
MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "?", "."}
DELIMITERS = {"\t": "tabs", ";": "semicolons", "|": "bars", " ": "blanks", ",": "commas", "": ""}
COMMENT = re.compile(r"#(?!N/A)", re.IGNORECASE)
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


@dataclass(frozen=True)
class Table:
    """Cells as they are written."""

    rows: list[tuple[int, list[str]]]  # line number, cells
    names: tuple[str, ...]
    decimal: str  # "." or ","
    notes: tuple[str, ...]

    def column(self, place: int) -> list[str]:
        return [cells[place] if place < len(cells) else "" for _, cells in self.rows]


def read_series(
    data: bytes,
    name: str = "",
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    ahead: int = 1,
    max_bytes: int = MAX_BYTES,
) -> Series:
    """Reads a table with one row for each time, the first time first.

    inputs, outputs: names of columns, or "column 3" in a table without names. Without inputs, all columns of numbers that vary
    are read; with ahead 0, those that are not predicted. Without outputs, the inputs are predicted. Columns of dates or words, a
    column in front that only rises (a time), and constant ones are left out with a note unless they are named. Raises CorpusError
    with the line, what was expected and what came.
    """
    table = read_table(decode(data, max_bytes))
    named = [*inputs, *outputs]
    if unknown := [one for one in named if one not in table.names]:
        raise CorpusError(f"no column is called {shorten_repr(unknown[0])}: valid are {join_names(table.names)}")
    columns, notes = _numbers(table, named)
    ours = tuple(inputs) or tuple(one for one in columns if ahead or one not in outputs)
    asked = tuple(outputs) or ours
    if not asked:
        raise CorpusError(f"expected a column of numbers, found none in {join_names(table.names)}")
    used = [one for one in table.names if one in {*ours, *asked}]
    values, filled = _filled(table, {one: columns[one] for one in used})
    when = f"{count(ahead, 'row')} ahead" if ahead else "in the same row"
    about = f"Reads {join_names(ours)}; predicts {join_names(asked)}, {when}."
    return Series(display_name(name, "series"), tuple(used), values, ours, asked, ahead, (*table.notes, *notes, *filled, about))


def column_names(text: str) -> tuple[str, ...]:
    """Returns the names in a text, which commas separate."""
    return tuple(name for part in text.split(",") if (name := " ".join(part.split())))


def read_table(text: str) -> Table:
    """Returns the cells of a table, without blank lines and those that begin with #. Raises CorpusError for uneven rows."""
    lines = [
        (at, line)
        for at, line in enumerate(to_lines(text, max_lines=MAX_ROWS, holds="row"), 1)
        if line.strip() and not COMMENT.match(line)
    ]
    hint = re.fullmatch(r'"?sep=(.)"?', lines[0][1].strip()) if lines else None  # the first line of Excel's own CSV
    lines = lines[1:] if hint else lines
    if not lines:
        raise CorpusError("expected rows of numbers, got none")
    head = [line for _, line in lines[:HEAD_ROWS]]
    delimiter = hint[1] if hint else _delimiter(head)
    split = _splitter(delimiter)
    rows = [(at, _cells(split, at, line)) for at, line in lines]
    width = len(rows[0][1])
    if width * len(rows) > MAX_CELLS:
        raise CorpusError(f"expected at most {MAX_CELLS:,} numbers, got {len(rows):,} rows of {width:,}: take a part of it")
    for at, cells in rows:
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            raise CorpusError(
                f"line {at:,}: expected {count(width, 'cell')} as in line {rows[0][0]:,}, got {len(cells)} in "
                f"{shorten_repr(' | '.join(cells))}"
            )
    while len(rows) > 1 and not any(cell.strip() for cell in rows[-1][1]):
        rows.pop()
    return _named(rows, width, _decimal_mark(rows), delimiter)


def _delimiter(head: Sequence[str]) -> str:
    """Returns the delimiter of even rows that gives most numbers; "" for one cell a line."""

    def numbers(delimiter: str) -> int:
        split = _splitter(delimiter)
        rows = [_cells_or_none(split, line) for line in head]
        width = len(rows[0])
        if delimiter and (width == 1 or sum(len(row) == width for row in rows) < MIN_EVEN_SHARE * len(rows)):
            return -1
        return sum(any(_number(cell, mark) is not None and cell.strip() for mark in ".,") for row in rows for cell in row)

    return max(DELIMITERS, key=numbers)  # of several, the first one


def _splitter(delimiter: str) -> Split:
    if delimiter == " ":
        return str.split
    if not delimiter:
        return lambda line: [line]
    return lambda line: next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True), [])


def _cells_or_none(split: Split, line: str) -> list[str]:
    try:
        return split(line)
    except csv.Error:
        return []


def _cells(split: Split, at: int, line: str) -> list[str]:
    try:
        return split(line)
    except csv.Error:
        raise CorpusError(f"line {at:,}: expected every quoted cell to be closed in its line, got {shorten_repr(line)}") from None


def _decimal_mark(rows: Sequence[tuple[int, list[str]]]) -> str:
    """Returns "," where more numbers have a comma than a point. Raises CorpusError where the commas may separate thousands."""
    commas, points, plain, thousands = 0, 0, 0, 0
    first = 0, ""
    for at, cells in rows:
        for cell in map(str.strip, cells):
            if "," in cell:
                if _number(cell, ",") is None:
                    continue
                commas += 1
                if THOUSANDS.fullmatch(cell):
                    thousands, first = thousands + 1, first if thousands else (at, cell)
            elif cell and _number(cell, ".") is not None:
                points, plain = points + ("." in cell), plain + 1
    if commas and commas == thousands and plain:
        whole, part = first[1].replace(",", ""), first[1].replace(",", ".")
        raise CorpusError(
            f"line {first[0]:,}: {shorten_repr(first[1])} can be {whole} or {part}, as other numbers have no comma: expected "
            "numbers without separators of thousands"
        )
    return "," if commas > points else "."


def _number(cell: str, decimal: str) -> float | None:
    """Returns the number in a cell, NaN where it is missing, None where it is something else."""
    text = cell.strip().replace("\N{MINUS SIGN}", "-")
    if text.lower() in MISSING:
        return math.nan
    if decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _named(rows: list[tuple[int, list[str]]], width: int, decimal: str, delimiter: str) -> Table:
    """Returns the table with the names of its first row, which is a header if a number stands below something else."""

    def kind(cells: list[str], place: int) -> str:
        number = _number(cells[place], decimal) if place < len(cells) else math.nan
        return "word" if number is None else "missing" if math.isnan(number) else "number"

    first, rest = rows[0][1], [cells for _, cells in rows[1:HEAD_ROWS]]
    has_header = any(kind(first, i) == "word" and any(kind(cells, i) == "number" for cells in rest) for i in range(width))
    names = [" ".join(first[i].split())[:MAX_NAME_CHARS] if has_header else "" for i in range(width)]
    names = [name or f"column {i}" for i, name in enumerate(names, 1)]
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise CorpusError(f"line {rows[0][0]:,}: expected every column once, found more than once: {join_names(twice)}")
    between = f" between {DELIMITERS.get(delimiter, repr(delimiter))}" if width > 1 else ""
    header = "names in the first line" if has_header else "no names in the first line"
    mark = "; decimal comma: 1,5 is one and a half" if decimal == "," else ""
    about = f"Read as {count(width, 'column')}{between}, {header}{mark}."
    return Table(rows[has_header:], tuple(names), decimal, (about,))


def _numbers(table: Table, named: Sequence[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Returns name -> numbers (S,), NaN where missing, of the named columns and of those to read where none are named; notes.

    Raises CorpusError for a cell that is no number, in a named column or in one that is mostly of numbers.
    """
    found: dict[str, np.ndarray] = {}
    left_out: dict[str, list[str]] = {}
    for place, name in enumerate(table.names):
        cells = table.column(place)
        numbers = [_number(cell, table.decimal) for cell in cells]
        words = [i for i, number in enumerate(numbers) if number is None]
        given = len(numbers) - sum(number is not None and math.isnan(number) for number in numbers)
        if name not in named and (not given or 2 * len(words) > given):
            left_out.setdefault("they hold no numbers", []).append(name)
            continue
        if words:
            at, cell = table.rows[words[0]][0], cells[words[0]]
            mark = " with a decimal comma" if table.decimal == "," else ""
            raise CorpusError(f"line {at:,}, column {shorten_repr(name)}: expected a number{mark}, got {shorten_repr(cell)}")
        found[name] = np.array(numbers, np.float64)
    for reason, test in (
        ("they only rise, as times do", _is_time),
        ("they are constant in the first 80 % of the rows", is_constant),
    ):
        candidates = [table.names[0]] if test is _is_time else list(found)
        for name in candidates:
            if name in found and name not in named and len(found) > 1 and test(found[name]):
                left_out.setdefault(reason, []).append(name)
                del found[name]
    return found, [f"Left out, as {reason}: {join_names(names)}." for reason, names in left_out.items()]


def _is_time(values: np.ndarray) -> bool:
    return bool((np.diff(values[~np.isnan(values)]) > 0).all())


def _filled(table: Table, columns: dict[str, np.ndarray]) -> tuple[np.ndarray, list[str]]:
    """Returns the columns side by side (S, C), each missing value as the last one before it, and notes.

    The rows before the first that is complete are left out.
    """
    values = np.stack(list(columns.values()), 1)
    seen = ~np.isnan(values)
    begins = [int(column.argmax()) if column.any() else len(column) for column in seen.T]
    start = max(begins)
    values, seen = values[start:], seen[start:]
    for name, column in zip(columns, seen.T, strict=True):
        if len(column) and (missing := 1 - column.mean()) > MAX_MISSING_SHARE:
            at = table.rows[start + int(column.argmin())][0]
            raise CorpusError(
                f"line {at:,}, column {shorten_repr(name)}: expected a number; {missing:.0%} of this column are missing, at most "
                f"{MAX_MISSING_SHARE:.0%} are valid"
            )
    notes = [f"{count(start, 'row')} left out in front, where a value is missing."] if start else []
    if len(values) < MIN_ROWS:
        raise CorpusError(
            f"expected at least {MIN_ROWS} rows with numbers, of which the last fifth is held out, got {len(values)}"
        )
    if gaps := int((~seen).sum()):
        notes.append(f"{count(gaps, 'missing value')}, each read as the last one before it.")
    last = np.maximum.accumulate(np.where(seen, np.arange(len(values))[:, None], 0), 0)
    return np.take_along_axis(values, last, 0), notes
