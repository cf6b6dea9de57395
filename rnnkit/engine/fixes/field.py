"""The field of an Experiment that holds its fixes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, Fix, parse_fix
from rnnkit.errors import join_names, shorten_repr
from rnnkit.fields import FieldSpec, lower_first

Fixes = tuple[Fix, ...]


@dataclass(frozen=True, eq=False)
class FixesField(FieldSpec[Fixes]):
    """Remedies in the order in which they act, each at most once. A text joins them by commas."""

    several: ClassVar[bool] = True

    @property
    def expected(self) -> str:
        return "a sequence of fixes, such as ['truncate:25', 'clip-norm:1']"

    @property
    def valid(self) -> str:
        return ", ".join(FIXES)

    @property
    def unused(self) -> Fixes:
        return ()

    @property
    def option(self) -> str:
        return "--fix"

    def check(self, value: Any) -> Fixes:
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise self.error(value)
        fixes = tuple(fix if isinstance(fix, Fix) else _parsed(fix) for fix in value)
        names = [fix.name for fix in fixes]
        if len(set(names)) < len(names):
            raise ValueError(f"{self.name}: each may be given once, got {join_names(names)}")
        return fixes

    def conflict(self, e: Any) -> str:
        for fix in getattr(e, self.name):
            if not fix.applies_to(CELLS[e.cell]):
                cells = ", ".join(name for name, cell in CELLS.items() if fix.applies_to(cell))
                return super().conflict(e) or f"fix {fix.name!r} is not defined for cell {e.cell!r}, but for {cells}"
        return super().conflict(e)

    def why_unused(self, e: Any) -> str:
        return f"{super().why_unused(e)}, whose recurrent weights are not trained"

    def read(self, text: str) -> list[str]:
        return [part for part in text.split(",") if part.strip()]

    def parse_lenient(self, text: str) -> tuple[Fixes, list[str]]:
        """Reads the valid ones among the fixes. Returns them, and a message for each of the others."""
        found: dict[str, Fix] = {}
        messages = []
        for part in self.read(text):
            try:
                fix = parse_fix(part)
                if fix.name in found:
                    raise ValueError(f"fix {fix.name!r} is given twice: only the first is used")
                found[fix.name] = fix
            except ValueError as error:
                messages.append(str(error))
        return tuple(found.values()), messages

    def show(self, value: Fixes) -> str:
        return ",".join(self.to_json(value))

    def to_json(self, value: Fixes) -> list[str]:
        return [str(fix) for fix in value]

    def words(self, value: Fixes) -> str:
        return ", ".join(f"{fix.title} {fix.words()}".rstrip() for fix in value) or "none"

    def changes(self, old: Fixes, new: Fixes) -> list[str]:
        before, after = {fix.name: fix for fix in old}, {fix.name: fix for fix in new}
        changes = [_words(fix) for name, fix in after.items() if name not in before]
        changes += [f"{_words(fix)} (was {before[name].words()})" for name, fix in after.items() if before.get(name, fix) != fix]
        changes += [f"no {lower_first(fix.title)}" for name, fix in before.items() if name not in after]
        return changes or ["the same remedies in another order"]


def _parsed(text: Any) -> Fix:
    if not isinstance(text, str):
        raise ValueError(f"fixes: each must be a text such as 'clip-norm:1', got {shorten_repr(text)}")
    return parse_fix(text)


def _words(fix: Fix) -> str:
    return f"{lower_first(fix.title)} {fix.words()}".rstrip()
