"""Each page's own settings: which values are valid, what the viewer chose, and their text in a link.

A page declares them as LINKED: key -> Choice, Number, Text, Digest or Several. It draws them with the functions below, which take
the widget's default. The default may depend on the experiment and on other settings. The viewer's state holds what a viewer or a
link chose, because Streamlit drops a widget's value when its page is left. A link holds each setting of its page that differs
from the default. A setting that a lesson hides or locks keeps its value.

With a `context` a choice is valid in that context alone. For example, the words of a clause are chosen for one sentence length.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import streamlit as st

from pages.state import navigation, session, variants, view_options, viewer_state, widgets
from pages.state.viewer_state import Chosen, PageSettings
from pages.ui import registry
from rnnkit.errors import shorten_repr

FROM_LINK = object()  # context of a choice that a link made, until its widget is drawn


# ---- valid values: `parse` reads a link's text (ValueError if invalid), `show` writes it ----


@dataclass(frozen=True)
class Choice:
    """One of these values."""

    values: Collection[Any]

    def parse(self, text: str) -> Any:
        return list(self.values)[list(map(str, self.values)).index(text)]

    def show(self, value: Any) -> str:
        return str(value)

    def holds(self, value: Any) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))


@dataclass(frozen=True)
class Number:
    """Any number from `low` to `high`, a whole one where both are."""

    low: float
    high: float

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def parse(self, text: str) -> float:
        number = float(text)
        if not self.holds(number):
            raise ValueError
        return int(number) if self.whole else number

    def show(self, value: float) -> str:
        return str(value)

    def holds(self, value: Any) -> bool:
        return isinstance(value, (int, float)) and self.low <= value <= self.high and not (self.whole and value != int(value))

    def __str__(self) -> str:
        return f"{'whole ' if self.whole else ''}numbers from {self.low:,} to {self.high:,}"


class _Verbatim(ABC):
    """A setting whose text in a link is its value."""

    @abstractmethod
    def holds(self, value: Any) -> bool:
        """Returns whether a value is valid."""

    def parse(self, text: str) -> str:
        if not self.holds(text):
            raise ValueError
        return text

    def show(self, value: str) -> str:
        return value


@dataclass(frozen=True)
class Text(_Verbatim):
    """At most `max_chars` printable characters."""

    max_chars: int

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and len(value) <= self.max_chars and value.isprintable()

    def __str__(self) -> str:
        return f"texts of at most {self.max_chars:,} printable characters"


@dataclass(frozen=True)
class Digest(_Verbatim):
    """The digest of an upload (rnnkit.tasks.data)."""

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and re.fullmatch("[0-9a-f]{16}", value) is not None

    def __str__(self) -> str:
        return "16 hexadecimal digits"


@dataclass(frozen=True)
class Variant(_Verbatim):
    """A named Experiment, as pages/state/variants.py writes it."""

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and variants.is_text(value)

    def __str__(self) -> str:
        return "names and settings of runs"


@dataclass(frozen=True)
class Several:
    """At most `max_values` different values of one kind, joined by commas in a link."""

    of: Choice | Number | Variant
    max_values: int

    def parse(self, text: str) -> list[Any]:
        values = [self.of.parse(part) for part in text.split(",") if part]
        if not self.holds(values):
            raise ValueError
        return values

    def show(self, value: Sequence[Any]) -> str:
        return ",".join(self.of.show(one) for one in value)

    def holds(self, value: Any) -> bool:
        if not isinstance(value, list) or len(value) > self.max_values or not all(map(self.of.holds, value)):
            return False
        return len(set(value)) == len(value)

    def __str__(self) -> str:
        return f"at most {self.max_values:,} different {self.of}, joined by commas"


Kind = Choice | Number | Text | Digest | Several


# ---- what is chosen ----


@cache
def kinds() -> Mapping[str, Kind]:
    """Returns key -> kind of the settings of all pages."""
    return {key: kind for linked in registry.linked().values() for key, kind in linked.items()}


def _state() -> PageSettings:
    return viewer_state.current().settings


def from_query(query: dict[str, str]) -> list[str]:
    """Removes the settings of all pages from a query and stores them. Returns messages about invalid ones, which are left out."""
    chosen, messages = parse(query)
    _state().chosen |= chosen
    return messages


def parse(query: dict[str, str]) -> tuple[dict[str, Chosen], list[str]]:
    """Removes the settings of all pages from a query. Returns them and messages about invalid ones."""
    chosen, messages = {}, []
    for old in registry.renamed().keys() & query.keys():
        query.setdefault(registry.renamed()[old], query.pop(old))
    for key in [key for key in query if key in kinds()]:
        text, kind = query.pop(key), kinds()[key]
        try:
            chosen[key] = Chosen(kind.parse(text), FROM_LINK)
        except (ValueError, OverflowError):
            messages.append(_invalid(key, str(kind), text))
    return chosen, messages


def _invalid(key: str, expected: str, got: str) -> str:
    return f"{key}: valid are {expected}, got {shorten_repr(got)}"


def to_query(linked: Mapping[str, Kind]) -> dict[str, str]:
    """Returns the settings of a page that differ from their defaults."""
    state, query = _state(), {}
    for key, kind in linked.items():
        if key in state.values and key in state.defaults:
            value, differs = state.values[key], state.values[key] != state.defaults[key]
        elif differs := key in state.chosen:  # not drawn yet
            value = state.chosen[key].value
        if differs:
            query[key] = kind.show(value)
    return query


def forget_drawn(page: Any) -> None:
    """Drops the last drawn values of a page's settings. Call it before the page is drawn."""
    for key in getattr(page, "LINKED", {}):
        _state().values.pop(key, None)


def value(key: str, default: Any, fits: Callable[[Any], bool] = lambda value: True, context: Any = None) -> Any:
    """Returns the viewer's choice where `fits` allows it, else the default."""
    state, kind = _state(), kinds()[key]
    choice = state.chosen.get(key)
    linked = choice is not None and choice.context is FROM_LINK
    if choice is not None and linked:
        choice = state.chosen[key] = Chosen(choice.value, context)
    now = default
    if choice is not None and choice.context == context:
        if fits(choice.value):
            now = choice.value
        elif linked:
            session.report([f"{key}: {shorten_repr(kind.show(choice.value))} does not fit the other settings: left out"])
            del state.chosen[key]
    state.defaults[key], state.values[key] = default, now
    return now


def choose(key: str, value: Any, context: Any = None) -> None:
    """Sets a setting, as a click on a map does. Ignores invalid values, and settings that a lesson keeps."""
    if key in view_options.kept() or not kinds()[key].holds(value):
        return
    _state().chosen[key], _state().values[key] = Chosen(value, context), value
    navigation.address_changed()


def replace_all(linked: Collection[str], values: Mapping[str, Any]) -> None:
    """Sets exactly these settings of a page for a station of a tour, except those that a lesson keeps."""
    state = _state()
    for key in linked:
        if key not in view_options.kept():
            state.chosen.pop(key, None)
            if key in values:
                state.chosen[key] = Chosen(values[key], FROM_LINK)
    state.drawings.renew()


def restore(chosen: Mapping[str, Chosen]) -> None:
    """Restores all settings. The drawings get new keys, because a mounted drawing does not read its place again."""
    state = _state()
    state.chosen = dict(chosen)
    state.drawings.renew()


def take(key: str) -> Any:
    """Removes a setting that a link made and returns it, None where the link made none."""
    chosen = _state().chosen.pop(key, None)
    return chosen.value if chosen else None


def drawing(key: str) -> str:
    """Returns the key of a drawing that reports its viewer's place (`of_component`)."""
    return _state().drawings[key].key


def untouched(keys: Collection[str]) -> bool:
    """Returns whether neither the viewer nor a link has chosen any of these settings."""
    return not _state().chosen.keys() & set(keys)


def shown(key: str) -> Any:
    """Returns the last drawn value of a setting, None where it was not drawn."""
    return _state().values.get(key)


def chosen(key: str) -> Any:
    """Returns what the viewer or a link chose, None where nobody has."""
    return choice.value if (choice := _state().chosen.get(key)) else None


def forget(keys: Collection[str]) -> None:
    """Sets settings back to their defaults, except those that a lesson keeps."""
    state = _state()
    for key in keys:
        if key not in view_options.kept() and key in state.chosen:
            del state.chosen[key]
            state.values[key] = state.defaults.get(key)
    navigation.address_changed()


def _on_change(key: str, widget: str, context: Any, then: Callable[[], None] | None) -> None:
    """Callback of a widget: stores its value, then calls `then`."""
    if (value := widgets.value(widget)) is not None and _state().keys[key].is_current(widget):
        choose(key, value, context)
        if then:
            then()


# ---- widgets. Each gets its value as its default, too: `value` in session.py says why ----


def _arguments(
    key: str, now: Any, context: Any, offer: Sequence[str] = (), then: Callable[[], None] | None = None
) -> dict[str, Any]:
    """Returns key and callback of a widget.

    offer: texts of the options. With other texts the widget gets a new key, because the browser answers with a text.
    """
    state, words = _state(), tuple(offer)
    widget = state.keys[key]
    if widgets.value(widget.key, now) != now or state.offers.get(key, words) != words:
        widget.renew()
    state.offers[key] = words
    widgets.begin(widget.key, now)
    return {"key": widget.key, "on_change": _on_change, "args": (key, widget.key, context, then)}


def _offer(options: Sequence[Any], kwargs: Mapping[str, Any]) -> list[str]:
    return [str(kwargs.get("format_func", str)(option)) for option in options]


def selectbox(
    label: str,
    options: Sequence[Any],
    key: str,
    default: Any,
    context: Any = None,
    then: Callable[[], None] | None = None,
    **kwargs: Any,
) -> Any:
    """Draws a selectbox and returns the chosen option.

    then: called after a change, before the page is drawn.
    """
    now = value(key, default, options.__contains__, context)
    at: dict[str, Any] = {"index": list(options).index(now), **_arguments(key, now, context, _offer(options, kwargs), then)}
    return st.selectbox(label, options, **at, **kwargs)


def segmented(label: str, options: Sequence[Any], key: str, default: Any, context: Any = None, **kwargs: Any) -> Any:
    """Draws a segmented control of which one option is always chosen, and returns it."""
    now = value(key, default, options.__contains__, context)
    at: dict[str, Any] = {"default": now, "required": True, **_arguments(key, now, context, _offer(options, kwargs))}
    chosen = st.segmented_control(label, options, **at, **kwargs)
    return now if chosen is None else chosen


def select_slider(label: str, options: Sequence[Any], key: str, default: Any, context: Any = None, **kwargs: Any) -> Any:
    now = value(key, default, options.__contains__, context)
    return st.select_slider(label, options, now, **_arguments(key, now, context, _offer(options, kwargs)), **kwargs)


def number(label: str, low: Any, high: Any, key: str, default: Any, step: Any = None, context: Any = None, **kwargs: Any) -> Any:
    now = value(key, default, lambda n: low <= n <= high, context)
    return st.number_input(label, low, high, type(low)(now), step, **_arguments(key, now, context), **kwargs)


def slider(label: str, low: float, high: float, key: str, default: float, step: float, **kwargs: Any) -> float:
    now = value(key, default, lambda n: low <= n <= high)
    return st.slider(label, low, high, now, step, **_arguments(key, now, None), **kwargs)


def text(label: str, key: str, default: str = "", context: Any = None, **kwargs: Any) -> str:
    now = value(key, default, context=context)
    kind = kinds()[key]
    assert isinstance(kind, Text)
    return st.text_input(label, now, max_chars=kind.max_chars, **_arguments(key, now, context), **kwargs) or ""


def multiselect(
    label: str, options: Sequence[Any], key: str, context: Any = None, default: Sequence[Any] = (), **kwargs: Any
) -> list[Any]:
    now = [item for item in value(key, list(default), context=context) if item in options]
    return st.multiselect(label, options, now, **_arguments(key, now, context, _offer(options, kwargs)), **kwargs)


def of_component(key: str, **contexts: Any) -> Callable[[], None]:
    """Returns the callback of a drawing that reports its viewer's place (place.js): `place` of its state, setting -> value.

    contexts: setting -> context, of the settings that have one.
    """

    def on_change() -> None:
        place = widgets.value(key, {}).get("place")
        for option, now in place.items() if isinstance(place, dict) else ():
            if option in kinds():
                choose(option, now, contexts.get(option))

    return on_change
