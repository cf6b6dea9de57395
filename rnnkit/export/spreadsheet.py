"""The ledger as a spreadsheet (xlsx) with live formulas: change a weight, and every number is computed again.

An xlsx file is a zip archive of XML (ECMA-376). What a ledger needs of it, numbers, formulas and texts, are a few lines, so no
library is needed. Each formula also holds its value, which a viewer without a calculation shows.
"""

from __future__ import annotations

import ast
import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from xml.sax.saxutils import escape

import numpy as np

from rnnkit.analysis.ledger import Ledger, Ref, Template

WEIGHTS, NUMBERS = "Weights", "Ledger"  # names of the sheets
OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}
FUNCTIONS: dict[str, Callable[..., str]] = {  # as rnnkit.analysis.ledger.FUNCTIONS
    "tanh": "TANH({})".format,
    "sigmoid": "(1/(1+EXP(-{})))".format,
    "logsigmoid": "(-MAX(-{0},0)-LN(1+EXP(-ABS({0}))))".format,
    "max": "MAX({},{})".format,
    "nonzero": "IF(ABS({0})>0,{0},1)".format,
    "step": "IF({}>0,1,0)".format,
    "abs": "ABS({})".format,
    "sign": "SIGN({})".format,
    "exp": "EXP({})".format,
    "log": "LN({})".format,
    "sqrt": "SQRT({})".format,
    "cos": "COS({})".format,
    "sin": "SIN({})".format,
}
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def spreadsheet(book: Ledger, words: Sequence[str]) -> bytes:
    """Returns the xlsx file of a ledger of the sentence `words` (T,): the sheets WEIGHTS, numbers, and NUMBERS, formulas."""
    made = _Book(book, list(words))
    made.write()
    return _archive({WEIGHTS: made.weights, NUMBERS: made.numbers})


class _Sheet:
    """Cells by (row, column), from 1: a text, a number, or a formula with its value."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], str | float | tuple[str, float]] = {}
        self.row = 1  # the next free one

    def xml(self) -> str:
        rows: dict[int, list[str]] = {}
        for (row, column), content in sorted(self.cells.items()):
            rows.setdefault(row, []).append(_cell(f"{_letters(column)}{row}", content))
        body = "".join(f'<row r="{row}">{"".join(cells)}</row>' for row, cells in rows.items())
        return f'{HEAD}<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'


def _cell(name: str, content: str | float | tuple[str, float]) -> str:
    if isinstance(content, str):
        return f'<c r="{name}" t="inlineStr"><is><t xml:space="preserve">{escape(content)}</t></is></c>'
    formula, value = content if isinstance(content, tuple) else ("", content)
    shown = f"<v>{value!r}</v>" if np.isfinite(value) else ""
    return f'<c r="{name}">{f"<f>{escape(formula)}</f>" if formula else ""}{shown}</c>'


def _letters(column: int) -> str:
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


class _Book:
    def __init__(self, book: Ledger, words: list[str]) -> None:
        self.book, self.words = book, words
        self.weights, self.numbers = _Sheet(), _Sheet()
        self.place: dict[Ref, str] = {}  # number -> its address, with the sheet where that is WEIGHTS
        self.outcome = [(name, k) for name, values in book.outcome.items() for k in range(len(values))]

    def write(self) -> None:
        self._weights()
        book, sheet, T = self.book, self.numbers, self.book.T
        names = [*book.forward_names, *book.backward_names, *(f"norm d{part}" for part in book.cell.parts)]
        rows = [(name, unit) for name in names for unit in range(1 if name.startswith("norm ") else book.H)]
        sheet.cells[1, 1], sheet.cells[2, 1] = "t", "word"
        for t, word in enumerate(self.words):
            sheet.cells[1, 2 + t], sheet.cells[2, 2 + t] = float(t + 1), word
        for row, (name, unit) in enumerate(rows, 4):
            sheet.cells[row, 1] = f"‖{name[5:]}‖" if name.startswith("norm ") else f"{name} {unit + 1}"
            self.place |= {Ref(name, t, (unit,)): f"{_letters(2 + t)}{row}" for t in range(T)}
        for row, (name, k) in enumerate(self.outcome, len(rows) + 5):
            sheet.cells[row, 1] = f"{name} {k + 1}" if len(book.outcome[name]) > 1 else name
            self.place[Ref(name, None, (k,))] = f"B{row}"
        sheet.row = len(rows) + len(self.outcome) + 5
        refs = [Ref(name, t, (unit,)) for name, unit in rows for t in range(T)]
        for ref in [*refs, *(Ref(name, None, (k,)) for name, k in self.outcome)]:
            self._put(self.place[ref], book.template(ref.name, T - 1 if ref.t is None else ref.t, *ref.at))
        if book.cell.recurrent:
            self._recurrent_gradient()

    def _weights(self) -> None:
        """Places every weight; a word that comes again refers to its first place."""
        book, sheet = self.book, self.weights
        sheet.cells[1, 1] = "Change a number here: the sheet Ledger computes everything again."
        sheet.row = 3
        for name, values in book.constants.items():
            if name in book.outcome:
                continue
            sheet.cells[sheet.row, 1] = name
            table = np.atleast_2d(values)
            for i, line in enumerate(table):
                if name.startswith("W_in."):
                    sheet.cells[sheet.row, 1] = f"{name} of “{self.words[i]}”"
                for j, value in enumerate(line):
                    place = f"${_letters(2 + j)}${sheet.row}"
                    self._weight(name, values, (i, j), f"{WEIGHTS}!{place}")
                    sheet.cells[sheet.row, 2 + j] = self._first(name, i, j, float(value))
                sheet.row += 1
            sheet.row += 1

    def _weight(self, name: str, values: np.ndarray, at: tuple[int, int], place: str) -> None:
        if name.startswith("W_in."):
            self.place[Ref(name, at[0], (at[1],))] = place
        else:
            self.place[Ref(name, None, at[2 - np.ndim(values) :])] = place

    def _first(self, name: str, i: int, j: int, value: float) -> float | tuple[str, float]:
        first = int(np.flatnonzero(self.book.x == self.book.x[i])[0]) if name.startswith("W_in.") and self.book.x.ndim == 1 else i
        return value if first == i else (self.place[Ref(name, first, (j,))].partition("!")[2], value)

    def _put(self, place: str, template: Template) -> None:
        names: dict[str, Ref] = {}
        text = ""
        for part in template:
            if isinstance(part, str):
                text += part
            else:
                names[f"number_{len(names)}"] = part
                text += f"number_{len(names) - 1}"
        formula = _formula(ast.parse(text.strip(), mode="eval").body, {k: self._address(ref) for k, ref in names.items()})
        column, row = place.rstrip("0123456789"), int(place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        self.numbers.cells[row, _number(column)] = formula, self.book.evaluated(template)

    def _address(self, ref: Ref) -> str:
        return "0" if ref.t is not None and ref.t < 0 else self.place[ref]

    def _recurrent_gradient(self) -> None:
        """Writes dW_rec = sum_t h_{t-1}^T da_t, one formula an entry; dM where a matrix M is built from W_rec."""
        book, sheet, last = self.book, self.numbers, _letters(1 + self.book.T)
        before = _letters(self.book.T)
        sheet.row += 1
        sheet.cells[sheet.row, 1] = f"dL/d{'M' if book.cell.builds_matrix else 'W_rec'}: row = from unit, column = to"
        for column, (_, recurrent, block) in enumerate(book.columns):
            for j in range(book.H):
                at = 2 + column * book.H + j
                sheet.cells[sheet.row, at] = f"{recurrent} {j + 1}"
                d = self.place[Ref(f"d{recurrent}", 0, (j,))][1:]
                for i in range(book.H):
                    h = self.place[Ref(book.cell.recurrent_name, 0, (i,))][1:]
                    formula = f"SUMPRODUCT(B{h}:{before}{h},C{d}:{last}{d})"
                    sheet.cells[sheet.row + 1 + i, at] = formula, float(book.so_far[0][i, block][j])
        for i in range(book.H):
            sheet.cells[sheet.row + 1 + i, 1] = f"from {i + 1}"


def _number(letters: str) -> int:
    n = 0
    for letter in letters:
        n = 26 * n + ord(letter) - 64
    return n


def _formula(node: ast.expr, names: dict[str, str]) -> str:
    """Returns an equation of the ledger as a spreadsheet's formula. Each operation is in parentheses: there -x^2 is (-x)^2."""
    if isinstance(node, ast.BinOp):
        return f"({_formula(node.left, names)}{OPERATORS[type(node.op)]}{_formula(node.right, names)})"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return f"(-{_formula(node.operand, names)})"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return FUNCTIONS[node.func.id](*(_formula(a, names) for a in node.args))
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.Constant):
        return repr(node.value)
    raise ValueError(f"expected sums, products, powers and {', '.join(FUNCTIONS)} in an equation, got {ast.unparse(node)}")


def _archive(sheets: dict[str, _Sheet]) -> bytes:
    numbers = range(1, len(sheets) + 1)
    listed = "".join(f'<sheet name="{name}" sheetId="{i}" r:id="rId{i}"/>' for i, name in zip(numbers, sheets, strict=True))
    files = {
        "[Content_Types].xml": _types(numbers),
        "_rels/.rels": _relations([("rId1", "officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets>'
        '<calcPr calcId="0" fullCalcOnLoad="1"/></workbook>',
        "xl/_rels/workbook.xml.rels": _relations([(f"rId{i}", "worksheet", f"worksheets/sheet{i}.xml") for i in numbers]),
    }
    files |= {f"xl/worksheets/sheet{i}.xml": sheet.xml() for i, sheet in zip(numbers, sheets.values(), strict=True)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)  # the same bytes again
    return out.getvalue()


def _types(numbers: Iterable[int]) -> str:
    parts = [("/xl/workbook.xml", f"{TYPE}.sheet.main+xml")]
    parts += [(f"/xl/worksheets/sheet{i}.xml", f"{TYPE}.worksheet+xml") for i in numbers]
    listed = "".join(f'<Override PartName="{part}" ContentType="{kind}"/>' for part, kind in parts)
    rels = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    return f'{HEAD}<Types xmlns="{PACKAGE}/content-types">{rels}{listed}</Types>'


def _relations(of: list[tuple[str, str, str]]) -> str:
    listed = "".join(f'<Relationship Id="{id_}" Type="{OFFICE}/{kind}" Target="{to}"/>' for id_, kind, to in of)
    return f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">{listed}</Relationships>'
