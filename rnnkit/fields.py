"""FieldSpec describes one field of an Experiment, or one parameter of a fix: its default, what is valid, and how it is written.

A value is written as JSON (`to_json`), as the text of a link or an option (`show`, read by `parse`), and in words for tables and
captions (`words`, `changes`). Each kind of value has a class; the one for fixes is in engine/fixes/field.py.
"""

from __future__ import annotations

import dataclasses
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, ParamSpec, TypeVar

from rnnkit.errors import shorten_repr

T = TypeVar("T")
N = TypeVar("N", bound=float)
P = ParamSpec("P")


class Chooser(NamedTuple):
    """A field whose choice decides which other fields apply: those that the chosen entry lists in its `fields`."""

    name: str
    registry: Mapping[str, Any]

    def choice(self, e: Any) -> str:
        """Returns the choice of the Experiment e."""
        return getattr(e, self.name)

    def allows(self, name: str, e: Any) -> bool:
        """Returns whether the field of this name acts on the choice of the Experiment e."""
        return name in self.registry[self.choice(e)].fields


@dataclass(frozen=True, eq=False)
class FieldSpec(ABC, Generic[T]):
    """One field. Error messages call it by its `name`, pages by its `label`."""

    default: T
    label: str = ""  # in menus and tables
    help: str = ""  # a sentence
    name: str = field(default="", kw_only=True)  # in links, JSON and error messages
    verb: str = field(default="must be", kw_only=True)  # stands between the name and what is expected, in an error message
    chooser: Chooser | None = field(default=None, kw_only=True)  # decides whether the field applies; None: it always does
    unless: str = field(default="", kw_only=True)  # a field that, where it is set, leaves this one nothing to act on
    optional: bool = field(default=False, kw_only=True)  # it is not written where it has its default, as before it existed
    several: ClassVar[bool] = False  # the option can be given several times, and all of them count

    @property
    @abstractmethod
    def expected(self) -> str:
        """Returns what is valid, for an error message."""

    @property
    def valid(self) -> str:
        """Returns what is valid, for the help of an option."""
        return self.expected

    @property
    def unused(self) -> T:
        """Returns the value that the field must hold where it does not apply."""
        return self.default

    @property
    def option(self) -> str:
        """Returns the name of its option on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @abstractmethod
    def check(self, value: Any) -> T:
        """Returns the value in the form in which equal ones are equal; raises ValueError with what is valid."""

    def error(self, value: object) -> ValueError:
        """Returns the error that names what is expected and what came."""
        return ValueError(f"{self.name} {self.verb} {self.expected}, got {shorten_repr(value)}")

    def applies(self, e: Any) -> bool:
        """Returns whether the field has any effect on the Experiment e, given its other fields."""
        return self.fits(e) and not (self.optional and getattr(e, self.name) == self.default)

    def fits(self, e: Any) -> bool:
        """Returns whether some value of the field has an effect on the Experiment e, given its other fields."""
        return (self.chooser is None or self.chooser.allows(self.name, e)) and not (self.unless and getattr(e, self.unless))

    def conflict(self, e: Any) -> str:
        """Returns why the field's value does not fit the other fields of the Experiment e, "" where it does."""
        if getattr(e, self.name) == self.unused or self.applies(e):
            return ""
        unused = f"at {self.show(self.unused)}" if self.show(self.unused) else "empty"
        return f"{self.name} {self.why_unused(e)}: leave it {unused}"

    def why_unused(self, e: Any) -> str:
        """Returns the reason why the field does not apply to the Experiment e: `does not apply to cell 'esn'`."""
        if self.unless and getattr(e, self.unless):
            return f"does not apply beside {self.unless} {getattr(e, self.unless)}"
        return f"does not apply to {self.chooser.name} '{self.chooser.choice(e)}'" if self.chooser else ""

    def read(self, text: str) -> Any:
        """Reads a value from text and leaves it unchecked."""
        return text

    def parse(self, text: str) -> T:
        """Reads the value from the text of a link or an option; raises ValueError with what is valid."""
        return self.check(self.read(text))

    def parse_lenient(self, text: str) -> tuple[T, list[str]]:
        """Reads what is valid in the text of a link: the value, and a message for each error. Without errors it is `parse`."""
        try:
            return self.parse(text), []
        except ValueError as error:
            return self.default, [str(error)]

    def show(self, value: T) -> str:
        """Writes the text that `parse` reads."""
        return str(value)

    def to_json(self, value: T) -> Any:
        """Returns the value in JSON's types; `check` accepts it."""
        return value

    def words(self, value: T) -> str:
        """Writes the value for tables and captions."""
        return self.show(value)

    def changes(self, old: T, new: T) -> list[str]:
        """Writes what differs between two values."""
        return [f"{lower_first(self.label)} {self.words(new)} (was {self.words(old)})"]


@dataclass(frozen=True, eq=False)
class ChoiceField(FieldSpec[str]):
    """A name out of a registry, whose entries have a `title`."""

    choices: Mapping[str, Any] = field(kw_only=True)

    @property
    def expected(self) -> str:
        return ", ".join(self.choices)

    def error(self, value: object) -> ValueError:
        return ValueError(f"unknown {self.name} {shorten_repr(value)}: valid are {self.expected}")

    def check(self, value: Any) -> str:
        if value not in tuple(self.choices):  # a tuple accepts an unhashable value, a dict does not
            raise self.error(value)
        return value

    def words(self, value: str) -> str:
        return self.choices[value].title


@dataclass(frozen=True, eq=False)
class SubsetField(FieldSpec[str]):
    """Some of the choices, joined by + in their order."""

    choices: Sequence[str] = field(kw_only=True)
    noun: str = field(kw_only=True)  # what the choices are
    whole: str = field(default="", kw_only=True)  # a word for all of them; "" for none

    @property
    def expected(self) -> str:
        return f"{self.noun} out of {', '.join(self.choices)}, joined by +{self.whole and f', or {self.whole}'}"

    def check(self, value: Any) -> str:
        names = value.replace(" ", "+").split("+") if isinstance(value, str) else []  # "+" is a space in a URL
        if self.whole and (names == [self.whole] or set(names) == set(self.choices)):
            return self.whole
        if not names or not set(names) <= set(self.choices):
            raise self.error(value)
        return "+".join(name for name in self.choices if name in names)


@dataclass(frozen=True, eq=False)
class DigestField(FieldSpec[str]):
    """The name of data that a viewer brought, by the hash of their content."""

    noun: str = field(kw_only=True)  # what it names
    nothing: str = field(kw_only=True)  # what "" stands for

    @property
    def expected(self) -> str:
        return f"the 16 hexadecimal digits that name {self.noun}, or nothing for {self.nothing}"

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"([0-9a-f]{16})?", value):
            raise self.error(value)
        return value

    def words(self, value: str) -> str:
        return value or self.nothing


@dataclass(frozen=True, eq=False)
class NumberField(FieldSpec[N]):
    """A number from `low` to `high`."""

    low: N = field(kw_only=True)
    high: N = field(kw_only=True)
    above: bool = field(default=False, kw_only=True)  # `low` itself is not valid
    step: N | None = field(default=None, kw_only=True)  # what + and - add to it in a menu; None: see `step_at`
    noun: str = field(default="a number", kw_only=True)
    format: ClassVar[str] = "%g"  # in a menu

    @property
    def expected(self) -> str:
        if self.above:
            return f"{self.noun} greater than {self.low:g} and at most {self.high:g}"
        return f"{self.noun} from {self.low:g} to {self.high:.10g}"

    @property
    def valid(self) -> str:
        return f"{self.low:g} to {self.high:.10g}"

    @property
    def least(self) -> N:
        """Returns the least value that a menu offers."""
        return self.low

    def number(self, value: Any) -> float:
        """Returns the value as a float; raises ValueError where it is no number or out of range."""
        try:
            number = math.nan if isinstance(value, (bool, str)) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not self.low <= number <= self.high or (self.above and number == self.low):
            raise self.error(value)
        return number

    def read(self, text: str) -> Any:
        try:
            return float(text)
        except ValueError:
            return text

    def parse(self, text: str) -> N:
        try:
            return super().parse(text)
        except ValueError:
            raise self.error(text) from None  # the text itself, not the number read from it

    @abstractmethod
    def step_at(self, value: N) -> N:
        """Returns what + and - add to this value in a menu."""


@dataclass(frozen=True, eq=False)
class IntField(NumberField[int]):
    """A whole number."""

    noun: str = field(default="a whole number", kw_only=True)
    format: ClassVar[str] = "%d"

    def check(self, value: Any) -> int:
        number = self.number(value)
        if number != int(number):
            raise self.error(value)
        return int(number)

    @property
    def least(self) -> int:
        return self.low + self.above

    def step_at(self, value: int) -> int:
        """Returns `step`, or 1 where `step` less than the value is too small."""
        step = self.step or 1
        return step if value - step >= self.least else 1


@dataclass(frozen=True, eq=False)
class FloatField(NumberField[float]):
    """A real number."""

    def check(self, value: Any) -> float:
        return self.number(value) + 0.0  # no -0.0, which would be another name for 0

    def show(self, value: float) -> str:
        return repr(value)

    def words(self, value: float) -> str:
        return f"{value:g}"

    def step_at(self, value: float) -> float:
        """Returns `step`, or half the value rounded to one digit."""
        return self.step or float(f"{max(value, 1e-12) / 2:.0e}")


def setting(kind: Callable[P, FieldSpec[T]], *args: P.args, **options: P.kwargs) -> T:
    """Makes a field of a dataclass that a FieldSpec of this kind describes; `specs` returns the FieldSpec."""
    spec = kind(*args, **options)
    return field(default=spec.default, metadata={"spec": spec})


def specs(settings: type) -> dict[str, FieldSpec[Any]]:
    """Returns name -> FieldSpec of all fields of a dataclass that `setting` made, in their order."""
    found = {f.name: f.metadata["spec"] for f in dataclasses.fields(settings) if "spec" in f.metadata}
    return {name: dataclasses.replace(spec, name=name) for name, spec in found.items()}


def lower_first(text: str) -> str:
    """Lowers the first letter, unless the text begins with a name such as L1 or Omega."""
    return text[0].lower() + text[1:] if text[1].islower() and not text.startswith("Omega") else text
