"""Values of the sidebar's controls, and the Experiment that they describe. Knows no widgets; session.py reads and writes them.

A control is named "c_<field>". The fixes have one control with their names, and for each fix "s_<fix>" for its first parameter,
"s_<fix>-<parameter>" for each other one, and "f_<fix>" for the training step at which it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, Fix, StartableFix
from rnnkit.experiment import FIELDS, Experiment, ExperimentError, applies
from rnnkit.fields import FieldSpec
from rnnkit.tasks import TASKS

FIXES_CONTROL = "c_fixes"
Read = Callable[[str, Any], Any]  # (control, value so far) -> the value of its widget, the value so far where it has none


def parameters(fix: type[Fix]) -> dict[str, FieldSpec]:
    """Returns name of a control "s_<name>" -> parameter that it sets. The control of the first one has the fix's name."""
    return {f"{fix.name}-{name}" if i else fix.name: spec for i, (name, spec) in enumerate(fix.parameters().items())}


@dataclass
class FixControls:
    """The chosen fixes, and the parameters of all fixes, chosen or not."""

    chosen: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)  # chosen, but not defined for the present cell
    parameters: dict[str, Any] = field(
        default_factory=lambda: {name: spec.default for fix in FIXES.values() for name, spec in parameters(fix).items()}
    )
    starts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FIXES, 0))  # the training step at which a fix begins

    def set(self, fixes: tuple[Fix, ...] | None) -> None:
        """Sets these fixes and their parameters. The parameters of others stay. None: the chosen ones stay as well."""
        given = fixes or ()
        for fix in given:
            self.parameters |= dict(zip(parameters(type(fix)), fix.values, strict=True))
        self.starts = dict.fromkeys(FIXES, 0) | {fix.name: fix.start_step for fix in given if isinstance(fix, StartableFix)}
        self.hidden = []
        if fixes is not None:
            self.chosen = [fix.name for fix in fixes]

    def take(self, read: Read, cell: str, keep: bool) -> None:
        """Takes the values of the widgets. Hides the fixes that this cell has not, except with `keep`."""
        self.parameters = {name: read(f"s_{name}", held) for name, held in self.parameters.items()}
        self.starts = {name: read(f"f_{name}", held) for name, held in self.starts.items()}
        names = [*read(FIXES_CONTROL, self.chosen), *self.hidden]
        fit = {name for name, fix in FIXES.items() if keep or fix.applies_to(CELLS[cell])}
        self.chosen, self.hidden = [n for n in names if n in fit], [n for n in names if n not in fit]

    def value(self, names: Iterable[str]) -> tuple[Fix, ...]:
        """Returns these fixes. Raises ValueError where a parameter is none."""
        return tuple(map(self._fix, names))

    def _fix(self, name: str) -> Fix:
        kind: Callable[..., Fix] = FIXES[name]
        begins = {"start_step": self.starts[name] or 0} if issubclass(FIXES[name], StartableFix) else {}
        return kind(*(self.parameters[key] for key in parameters(FIXES[name])), **begins)


@dataclass
class Controls:
    """Values of the controls, including those that are not shown."""

    values: dict[str, Any] = field(default_factory=dict)  # of each field of the Experiment, but the fixes
    given: dict[str, str] = field(default_factory=dict)  # kind of data -> digest of what was given last
    fixes: FixControls = field(default_factory=FixControls)

    def set(self, e: Experiment) -> None:
        """Sets all controls to e. A control that does not apply to it keeps its value."""
        for name, f in FIELDS.items():
            if name != "fixes":
                self.values[name] = getattr(e, name) if f.fits(e) else self.values.get(name, f.default)
        if applies(e, "data"):
            self.given[TASKS[e.task].data] = e.data
        self.values["weights"] = e.weights
        self.fixes.set(e.fixes if applies(e, "fixes") else None)

    def take(self, read: Read, kept: Collection[str]) -> list[str]:
        """Takes the values of the widgets and makes them fit each other. Returns the controls that may differ from their widgets.

        kept: fields whose values a lesson keeps.
        """
        self.values = {name: read(f"c_{name}", held) for name, held in self.values.items()}
        task = TASKS[self.values["task"]]
        if "length" not in kept:
            self.values["length"] = max(self.values["length"] or 0, task.min_length)
        self.values["data"] = self.given.get(task.data, "")
        if "weights" not in kept:
            self.values["weights"] = self._fitting_weights()
        self.fixes.take(read, self.values["cell"], "fixes" in kept)
        return ["c_length", FIXES_CONTROL]

    def _fitting_weights(self) -> str:
        """Returns the field `weights`, "" where they are of another cell or size than the controls say."""
        try:
            return Experiment(**{name: self.values[name] for name in ("cell", "hidden", "weights")}).weights
        except ExperimentError:
            return ""

    def of_control(self, control: str) -> Any:
        """Returns the value of a control."""
        kind, _, name = control.partition("_")
        if control == FIXES_CONTROL:
            return self.fixes.chosen
        return {"c": self.values, "s": self.fixes.parameters, "f": self.fixes.starts}[kind][name]

    def of_field(self, name: str) -> Any:
        """Returns the value of a field of the Experiment, whether it applies or not."""
        return self.fixes.value([*self.fixes.chosen, *self.fixes.hidden]) if name == "fixes" else self.values[name]

    def experiment(self) -> Experiment:
        """Returns the Experiment that the controls describe. Raises ValueError where they describe none."""
        kind = Experiment(**{name: self.values[name] for name in ("task", "cell", "hidden", "weights")})
        values = {name: held for name, held in self.values.items() if FIELDS[name].fits(kind)}
        return Experiment(**values, fixes=self.fixes.value(self.fixes.chosen) if applies(kind, "fixes") else ())
