"""The ledger of one pass: a table of every number, word by word, that fills as a cursor walks forward and then back.

A Streamlit component (`ledger_table.js` builds the table, `ledger.js` moves in it, `viridis.js` holds the colours). It gets a
whole rnnkit.analysis.ledger.Ledger at once, each number with its equation in symbols and filled in, so that stepping, playing and
asking for an equation need no server. In the texts, `_{...}` is a subscript; times and units count from 1, as on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pages.components.drawing import drawing
from pages.state import page_settings
from rnnkit.analysis.ledger import Ledger, Ref, Template
from rnnkit.rounding import compact, significant

HTML = """
<div class="ledger" tabindex="0" role="group" aria-label="Forward and backward pass, step by step. Arrow keys step, space plays.">
  <div class="transport">
    <button class="first" aria-label="To the start" title="To the start (Home)"></button>
    <button class="back" aria-label="One step back" title="One step back (←)"></button>
    <button class="play" title="Play or pause (space)"><i></i><span></span></button>
    <button class="next" aria-label="One step on" title="One step on (→)"></button>
    <button class="last" aria-label="To the end" title="To the end (End)"></button>
    <input class="seek" type="range" min="0" step="1" aria-label="Step" />
    <span class="units" role="group" aria-label="Units shown"></span>
  </div>
  <div class="told"><span class="phase" role="status"></span><span class="memory"></span></div>
  <div class="book">
    <div class="scroll" tabindex="0" role="region" aria-label="Table of all numbers"><table></table></div>
    <div class="beside"></div>
  </div>
  <div class="panel"><div class="what"></div><div class="equation"></div><div class="matrices"></div></div>
</div>
"""
SYMBOLS = {"phi": "φ′", "loss": "L", "logits": "logit", "dlogits": "dlogit", "dh": "dh", "leak": "leak", "lam": "λ"}
MANY = 4  # with more forward variables than this, one unit at a time is shown first
FIRST = 1  # where the cursor begins: at the first word, forward
Cell = list[Any]  # shown, value, symbol, equation in symbols, filled in, result, where its numbers stand in the table

_component = drawing(
    "rnnkit_ledger",
    ("drawing.js", "numbers.js", "viridis.js", "place.js", "ledger.js", "ledger_table.js"),
    HTML,
    "ledger.css",
)
PLACE = {  # settings of the page: where its viewer is in the table
    "steps_at": page_settings.Number(0, 99),  # the cursor
    "steps_unit": page_settings.Number(0, 99),  # whose rows are shown, from 1; 0: all
    "steps_shown": page_settings.Text(40),  # the number that was clicked, "name t unit"
}


def ledger(shown: dict[str, Any], *, key: str) -> None:
    """Draw the table of these `contents`."""
    T, few, key = len(shown["words"]), shown["few"], page_settings.drawing(key)
    unit = page_settings.value("steps_unit", 0 if few else 1, lambda unit: unit <= shown["units"])
    place = {
        "at": page_settings.value("steps_at", FIRST, lambda at: at <= 2 * T + 1, T),
        "unit": unit - 1 if unit else None,
        "number": page_settings.value("steps_shown", ""),
    }
    _component(key=key, data={**shown, "place": place}, on_place_change=page_settings.of_component(key, steps_at=T))


def contents(book: Ledger, *, words: Sequence[str], answers: Sequence[str], right: int) -> dict[str, Any]:
    """Returns all that the component shows as plain JSON values.

    `words` are the T words, `answers` the names of the logits, `right` the index of the right one.
    """
    return _Writer(book, list(words), list(answers)).contents(right)


class _Writer:
    def __init__(self, book: Ledger, words: list[str], answers: list[str]) -> None:
        self.book, self.words, self.answers = book, words, answers
        apart = {recurrent: column for column, recurrent in book.cell.apart}
        self.gate_of = {name: apart.get(name, name).removeprefix("a").removeprefix("_") for name in (*book.cell.columns, *apart)}

    def contents(self, right: int) -> dict[str, Any]:
        book = self.book
        return {
            "words": self.words,
            "answers": self.answers,
            "right": right,
            "units": book.H,
            "few": len(book.forward_names) <= MANY,
            "rows": [self._row(name, "forward") for name in book.forward_names] + self._backward_rows(),
            "cells": self._cells(),
            "matrices": {"jacobian": self._jacobians()} | ({"so_far": self._sums()} if book.cell.recurrent else {}),
            "W_rec": self._recurrent_weights(),
            "matrix": self._matrix_name(),
            "cuts": [t for t in range(book.T) if book.cuts(t)],
            "stored": [self._short(name) for name in book.forward_names],
            "needed": [self._short(name) for name in book.needed],
        }

    # ---- rows ----

    def _row(self, name: str, phase: str, kind: str = "value") -> dict[str, Any]:
        return {"name": name, "phase": phase, "kind": kind, "symbol": self._short(name), "about": self._about(name)}

    def _backward_rows(self) -> list[dict[str, Any]]:
        gradients = [self._row(n, "backward", "gradient" if n[0] == "d" else "value") for n in self.book.backward_names]
        norms = [self._row(f"norm d{part}", "backward", "norm") for part in self.book.cell.parts]
        state = self._state()
        matrices = [
            {"name": "jacobian", "symbol": f"∂{state}_{{t}}/∂{state}_{{t-1}}", "about": "Jacobian"},
            *[{"name": "so_far", "symbol": f"d{self._matrix_name()}", "about": "summed so far"}] * self.book.cell.recurrent,
        ]
        return [*norms, *gradients, *({"phase": "backward", "kind": "matrix"} | row for row in matrices)]

    def _matrix_name(self) -> str:
        """Returns the name of the matrix that multiplies the last state."""
        return "M" if self.book.cell.builds_matrix else "W_{rec}"

    def _state(self) -> str:
        parts = self.book.cell.parts
        return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"

    def _about(self, name: str) -> str:
        """Returns the kind of a variable in a word or two."""
        cell = self.book.cell
        if name in self.gate_of:
            return "pre-activation" if name in cell.columns else "from the state"
        if name.startswith("norm "):
            return "norm"
        if name in cell.parts or name in dict(cell.equations):
            return cell.kind(name) or "factor"
        return f"dL/d{name[1:].partition('_')[0]}" if name[0] == "d" else "slope"

    def _short(self, name: str) -> str:
        return self.symbol(Ref(name, None)) if not name.startswith("norm ") else f"‖{self._short(name[5:])}‖"

    def symbol(self, ref: Ref) -> str:
        """Returns h_{3}[2], a_{f,3}[2], W_{rec,f}[1, 2] and so on, without time and unit where there is none."""
        name, _, column = ref.name.partition(".")
        base, _, sub = name.partition("_")
        index = [self.answers[i] if self._of_answers(name, k) else str(i + 1) for k, i in enumerate(ref.at)]
        if name == "W_rec" and self.book.cell.builds_matrix:
            base, sub = "M", ""
        if name == "W_in":
            sub, index, ref = "in", [f"“{self.words[ref.t or 0]}”", *index], ref._replace(t=None)
        subs = [sub, self.gate_of.get(column, ""), "" if ref.t is None else str(ref.t + 1)]
        inner = ",".join(SYMBOLS.get(part, part) for part in subs if part)
        return SYMBOLS.get(base, base) + (f"_{{{inner}}}" if inner else "") + (f"[{', '.join(index)}]" if index else "")

    def _of_answers(self, name: str, axis: int) -> bool:
        return name in self.book.outcome or name == "b_out" or (name == "W_out" and axis == 1)

    # ---- numbers ----

    def _cells(self) -> dict[str, Cell]:
        """Returns "name t unit" -> cell. Numbers after the last step have t = T."""
        book, cells = self.book, {}
        for name in (*book.forward_names, *book.backward_names):
            for t in range(book.T):
                for unit in range(book.H):
                    cells[f"{name} {t} {unit}"] = self._cell(Ref(name, t, (unit,)), book.template(name, t, unit))
        for part in book.cell.parts:
            for t in range(book.T):
                cells[f"norm d{part} {t} 0"] = self._norm(f"d{part}", t)
        for name, values in book.outcome.items():
            for k in range(len(values)):
                at = (k,) if name != "loss" else ()
                cells[f"{name} {book.T} {k}"] = self._cell(Ref(name, None, at), book.template(name, book.T, k), values[k])
        return cells

    def _cell(self, ref: Ref, template: Template, value: float | None = None) -> Cell:
        value = self.book.number(ref) if value is None else float(value)
        return self._entry(value, self.symbol(ref), template)

    def _norm(self, name: str, t: int) -> Cell:
        norm = float(np.linalg.norm(self.book.values[name][t]))
        return self._entry(norm, f"‖{self.symbol(Ref(name, t))}‖", self.book.template(f"norm {name}", t, 0))

    def _entry(self, value: float, symbol: str, template: Template) -> Cell:
        symbols = "".join(part if isinstance(part, str) else self.symbol(part) for part in template)
        refs = [part for part in template if isinstance(part, Ref)]
        places = list(dict.fromkeys(place for ref in refs if (place := self._place(ref))))
        # no number is 0 there: the sentence begins at the first step
        texts = [text.replace("nonzero", "") for text in (symbols, self.book.filled(template))]
        return [compact(value), _plain(value), symbol, *texts, significant(value, 4), places]

    def _place(self, ref: Ref) -> str:
        """Returns the cell of a number in an equation, "" where the table has none."""
        if ref.name in self.book.outcome:
            return f"{ref.name} {self.book.T} {(*ref.at, 0)[0]}"
        if ref.t is None or ref.t < 0:
            return ""
        return f"word {ref.t}" if ref.name not in self.book.values else f"{ref.name} {ref.t} {ref.at[0]}"

    # ---- matrices ----

    def _recurrent_weights(self) -> list[dict[str, Any]]:
        """Returns the block (H, H) of each column of the cell: [i][j] leads from unit i of h_{t-1} to unit j."""
        W = self.book.cell.recurrent_matrix(self.book.p)
        if W is None:
            return []
        gates = [(self.gate_of[recurrent], block) for _, recurrent, block in self.book.columns]
        return [{"gate": gate, "values": [[_plain(v) for v in row] for row in W[:, block].tolist()]} for gate, block in gates]

    def _jacobians(self) -> list[dict[str, Any]]:
        book, found = self.book, []
        names = [f"{part}[{i + 1}]" for part in book.cell.parts for i in range(book.H)]
        for t, J in enumerate(book.jacobian):
            norm = float(np.linalg.norm(J, 2))
            state = self._state()
            now, before = f"{state}_{{{t + 1}}}", f"{state}_{{{t}}}"
            sentences = [
                f"J_{{{t + 1}}} = ∂{now}/∂{before}: how {now} (rows) answers to {before} (columns).",
                f"Its largest singular value = {significant(norm, 4)}: what flows back gets at most so many times as long.",
                *[f"The short cut over {book.cell.lag} steps leads past it."] * (book.cell.lag > 1),
            ]
            found.append(_matrix(J, norm, sentences, [(f"J_{{{t + 1}}}", names, names, J)]))
        return found

    def _sums(self) -> list[dict[str, Any]]:
        book, found = self.book, []
        gates = [self.gate_of[recurrent] for _, recurrent, _ in book.columns]
        across = [f"{gate}[{i + 1}]" if gate else f"[{i + 1}]" for gate in gates for i in range(book.H)]
        down = [f"h[{i + 1}]" for i in range(book.H)]
        later = [*book.so_far[1:], np.zeros_like(book.so_far[0])]
        matrix = self._matrix_name()
        for t, (total, before) in enumerate(zip(book.so_far, later, strict=True)):
            norm = float(np.linalg.norm(total))
            sentences = [
                f"d{matrix} += h_{{{t}}}^T da_{{{t + 1}}}: the state before this word, times the gradient at this word.",
                f"Its norm so far = {significant(norm, 4)}.",
            ]
            tables = [("summed so far", down, across, total), (f"from word {t + 1}", down, across, total - before)]
            found.append(_matrix(total, norm, sentences, tables))
        return found


def _matrix(
    M: np.ndarray, norm: float, sentences: list[str], tables: list[tuple[str, list[str], list[str], np.ndarray]]
) -> dict[str, Any]:
    shown = [
        {"title": title, "down": down, "across": across, "numbers": [[compact(v) for v in row] for row in numbers.tolist()]}
        for title, down, across, numbers in tables
    ]
    return {
        "values": [[_plain(v) for v in row] for row in M.tolist()],
        "norm": compact(norm),
        "told": sentences,
        "tables": shown,
    }


def _plain(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
