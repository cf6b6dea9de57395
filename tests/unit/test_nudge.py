"""A nudged weight confirms the ledger's derivative; the ledger as a spreadsheet, computed again from its formulas alone."""

import io
import math
import re
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest

from rnnkit import Experiment
from rnnkit.analysis.ledger import Ledger
from rnnkit.analysis.nudge import nudge
from rnnkit.engine.cells import CELLS
from rnnkit.engine.weights import draw_weights
from rnnkit.export.spreadsheet import NUMBERS, WEIGHTS, spreadsheet
from rnnkit.tasks import TASKS

TASK = TASKS["agreement"]
NS = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def drawn(cell, hidden=3, length=8):
    e = Experiment(length=length, hidden=hidden, cell=cell, replicas=1, **dict(CELLS[cell].suited))
    x = TASK.draw(length, 1, np.random.default_rng(7), held_out=True).x[:, 0]
    return e, draw_weights(e, 1), x


@pytest.mark.parametrize("cell", CELLS)
def test_two_losses_confirm_every_kind_of_weight(cell):
    e, p, x = drawn(cell)
    rng = np.random.default_rng(0)
    for name in Ledger(cell, p, x, 1, e.loss).gradients:
        at = (int(x[1]) if name == "W_in" else int(rng.integers(p[name].shape[0])), int(rng.integers(p[name].shape[1])))
        found = nudge(cell, p, x, 1, e.loss, name, at, 1e-4)
        assert found.weight == p[name][at] and found.loss == pytest.approx((found.up + found.down) / 2, abs=1e-6)
        assert found.quotient == pytest.approx(found.derivative, rel=1e-5, abs=1e-9), name
        assert found.digits >= 5 or abs(found.derivative) < 1e-6


def test_a_large_epsilon_agrees_less_and_truncation_does_not():
    e, p, x = drawn("tanh")
    coarse, fine = (nudge("tanh", p, x, 1, e.loss, "W_rec", (0, 1), eps) for eps in (1.0, 1e-3))
    assert coarse.digits < fine.digits
    cut = nudge("tanh", p, x, 1, e.loss, "W_rec", (0, 1), 1e-3, cut=1)
    assert cut.quotient == fine.quotient and cut.digits <= 1 and cut.derivative != fine.derivative
    with pytest.raises(ValueError, match="epsilon must be above 0, got 0"):
        nudge("tanh", p, x, 1, e.loss, "W_rec", (0, 1), 0)


# ---- the spreadsheet ----


class Opened:
    """An xlsx file, and its formulas computed by Python."""

    FUNCTIONS = {  # noqa: RUF012
        "TANH": math.tanh, "EXP": math.exp, "LN": math.log, "SQRT": math.sqrt, "COS": math.cos,
        "SIN": math.sin, "MAX": max, "IF": lambda c, a, b: a if c else b, "ABS": abs, "SIGN": np.sign,
        "SUMPRODUCT": lambda a, b: sum(x * y for x, y in zip(a, b, strict=True)),
    }  # fmt: skip

    def __init__(self, data):
        archive = zipfile.ZipFile(io.BytesIO(data))
        assert archive.testzip() is None
        names = [s.get("name") for s in ElementTree.fromstring(archive.read("xl/workbook.xml")).iterfind(".//m:sheet", NS)]
        self.formulas, self.numbers, self.texts = {}, {}, {}
        for i, name in enumerate(names, 1):
            for cell in ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{i}.xml")).iterfind(".//m:c", NS):
                at = name, cell.get("r")
                if (text := cell.find("m:is/m:t", NS)) is not None:
                    self.texts[at] = text.text
                    continue
                self.numbers[at] = float(cell.findtext("m:v", "nan", NS))
                if (formula := cell.findtext("m:f", None, NS)) is not None:
                    self.formulas[at] = formula
        self.stated, self._known = dict(self.numbers), {}

    def change(self, at, value):
        assert at not in self.formulas
        self.numbers[at], self._known = value, {}

    def value(self, sheet, cell):
        at = sheet, cell.replace("$", "")
        if at not in self.formulas:
            return self.numbers[at]
        if at not in self._known:
            text = re.sub(r"([A-Z]+)(\d+):([A-Z]+)\2", r"span('\1', '\3', \2)", self.formulas[at].replace("^", "**"))
            text = re.sub(rf"{WEIGHTS}!(\$[A-Z]+\$\d+)", r"of('Weights', '\1')", text)
            text = re.sub(r"(?<!['\w$])(\$?[A-Z]+\$?\d+)(?!['\w(])", rf"of({sheet!r}, '\1')", text)
            span = lambda a, b, row: [self.value(sheet, f"{chr(c)}{row}") for c in range(ord(a), ord(b) + 1)]  # noqa: E731
            self._known[at] = eval(text, {**self.FUNCTIONS, "of": self.value, "span": span})
        return self._known[at]

    def named(self, text, sheet=NUMBERS):
        return next(int(re.sub(r"\D", "", cell)) for (s, cell), t in self.texts.items() if s == sheet and t == text)


@pytest.mark.parametrize("cut", [0, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_every_formula_gives_the_number_beside_it(cell, cut):
    e, p, x = drawn(cell)
    book = Ledger(cell, p, x, 1, e.loss, cut)
    opened = Opened(spreadsheet(book, TASK.labels(x)))
    assert len(opened.formulas) > 8 * 3 * len(book.values)
    for (sheet, at), stated in opened.stated.items():
        assert opened.value(sheet, at) == pytest.approx(stated, rel=1e-9, abs=1e-12), (
            sheet,
            at,
            opened.formulas.get((sheet, at)),
        )
    row = opened.named("loss")
    assert opened.value(NUMBERS, f"B{row}") == pytest.approx(float(book.outcome["loss"][0]), rel=1e-12)
    row = opened.named("h 2")
    assert [opened.value(NUMBERS, f"{c}{row}") for c in "BCDEFGHI"] == pytest.approx(list(book.values["h"][:, 1]))


@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if cell.recurrent])
def test_a_changed_weight_changes_the_loss_by_its_derivative(cell):
    """W_rec from unit 1 to unit 2 of the first column, in the sheet of weights; then everything is computed again."""
    e, p, x = drawn(cell)
    book = Ledger(cell, p, x, 1, e.loss)
    opened = Opened(spreadsheet(book, TASK.labels(x)))
    recurrent = book.columns[0][1]
    at = WEIGHTS, f"C{opened.named(f'W_rec.{recurrent}', WEIGHTS)}"
    weight = book.cell.recurrent_matrix(p)[0, 1]
    assert opened.numbers[at] == weight
    of = "M" if book.cell.builds_matrix else "W_rec"
    gradient = opened.value(NUMBERS, f"C{opened.named(f'dL/d{of}: row = from unit, column = to') + 1}")
    assert gradient == pytest.approx(book.so_far[0][0, 1], rel=1e-9)
    losses = []
    for change in (1e-5, -1e-5):
        opened.change(at, weight + change)
        losses.append(opened.value(NUMBERS, f"B{opened.named('loss')}"))
    assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(gradient, rel=1e-5, abs=1e-10)


def test_a_word_that_comes_again_has_one_place():
    _, p, x = drawn("tanh")
    x = x.copy()
    x[4] = x[2]
    opened = Opened(spreadsheet(Ledger("tanh", p, x, 1), TASK.labels(x)))
    row = opened.named(f"W_in.a of “{TASK.labels(x)[2]}”", WEIGHTS)
    again = WEIGHTS, f"B{row + 2}"
    assert opened.formulas[again] == f"$B${row}" and (WEIGHTS, f"B{row}") not in opened.formulas
    first = opened.formulas[again].replace("$", "")
    opened.change((WEIGHTS, first), 5.0)
    assert opened.value(*again) == 5.0


def test_the_same_ledger_is_the_same_file_and_words_are_text():
    _, p, x = drawn("tanh")
    book, words = Ledger("tanh", p, x, 1), ["=1+1", "<b>", "&", "“", "e", "f", "g", "h"]
    assert spreadsheet(book, words) == spreadsheet(book, words)
    assert set(words) <= set(Opened(spreadsheet(book, words)).texts.values())
