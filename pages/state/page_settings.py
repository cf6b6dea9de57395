"""Each page's own settings: which values are valid, what the viewer chose, and how they stand in a link.

A page declares them as LINKED: key -> Choice, Number, Text or Several. It draws them with the functions below, which take the
widget's default. The default may depend on the experiment and on other settings. What a viewer or a link chose is kept under
`chosen` in the session, because Streamlit forgets a widget's value when its page is left. A link holds each setting of its page
that differs from the default. A setting that a lesson hides or locks keeps its value, whatever asks for another one.

With a `context` a choice holds for that context alone: the words of a clause, for one length of sentences.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.state import view_options
from rnnkit.errors import shorten_repr

FROM_LINK = object()  # context of a choice that a link made, until its widget is drawn


# ---- what is valid: text -> value, which raises ValueError, and back ----


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
    """Any number from `low` to `high`; a whole one where both are whole."""

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


class _AsItIs(ABC):
    """A setting that stands in a link as it is."""

    @abstractmethod
    def holds(self, value: Any) -> bool:
        """Whether a value is valid."""

    def parse(self, text: str) -> str:
        if not self.holds(text):
            raise ValueError
        return text

    def show(self, value: str) -> str:
        return value


@dataclass(frozen=True)
class Text(_AsItIs):
    """At most so many printable characters."""

    most: int

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and len(value) <= self.most and value.isprintable()

    def __str__(self) -> str:
        return f"texts of at most {self.most:,} printable characters"


@dataclass(frozen=True)
class Digest(_AsItIs):
    """The name that reading a file gives it (rnnkit.tasks.data)."""

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and re.fullmatch("[0-9a-f]{16}", value) is not None

    def __str__(self) -> str:
        return "16 hexadecimal digits"


@dataclass(frozen=True)
class Several:
    """Different values of this kind, at most so many; joined by commas in a link."""

    of: Choice | Number
    most: int

    def parse(self, text: str) -> list[Any]:
        values = [self.of.parse(part) for part in text.split(",") if part]
        if not self.holds(values):
            raise ValueError
        return values

    def show(self, value: Sequence[Any]) -> str:
        return ",".join(map(self.of.show, value))

    def holds(self, value: Any) -> bool:
        if not isinstance(value, list) or len(value) > self.most or not all(map(self.of.holds, value)):
            return False
        return len(set(value)) == len(value)

    def __str__(self) -> str:
        return f"at most {self.most:,} different {self.of}, joined by commas"


Kind = Choice | Number | Text | Digest | Several


# ---- what is chosen ----


@dataclass(frozen=True)
class Chosen:
    value: Any
    context: Any


def start(pages: Collection[Any]) -> None:
    """At a session's first run."""
    state = st.session_state
    state.options = {key: kind for page in pages for key, kind in getattr(page, "LINKED", {}).items()}
    state.chosen = {}
    state.option_defaults, state.option_values = {}, {}  # as drawn last
    state.option_moves, state.option_offers = {}, {}


def labels() -> dict[str, str]:
    """Key -> what it is called in the dialog of a lesson."""
    return {key: key.replace("_", ": ", 1).replace("_", " ").capitalize() for key in st.session_state.get("options", ())}


def from_query(query: dict[str, str]) -> list[str]:
    """Takes the settings of all pages out of a link; what is wrong with one is named, and it is left at its default."""
    chosen, messages = parse(query)
    st.session_state.chosen |= chosen
    return messages


def parse(query: dict[str, str]) -> tuple[dict[str, Chosen], list[str]]:
    """Takes the settings of all pages out of a query, and says what is wrong with them."""
    chosen, messages, options = {}, [], st.session_state.options
    for key in [key for key in query if key in options]:
        text, kind = query.pop(key), options[key]
        try:
            chosen[key] = Chosen(kind.parse(text), FROM_LINK)
        except (ValueError, OverflowError):
            messages.append(_invalid(key, str(kind), text))
    return chosen, messages


def _invalid(key: str, expected: str, got: str) -> str:
    return f"{key}: valid are {expected}, got {shorten_repr(got)}"


def to_query(linked: Mapping[str, Kind]) -> dict[str, str]:
    """The settings of a page that differ from what it begins with."""
    state, query = st.session_state, {}
    for key, kind in linked.items():
        if key in state.option_values and key in state.option_defaults:
            value, differs = state.option_values[key], state.option_values[key] != state.option_defaults[key]
        elif differs := key in state.chosen:  # not drawn yet
            value = state.chosen[key].value
        if differs:
            query[key] = kind.show(value)
    return query


def turn_to(page: Any) -> None:
    """Before a page is drawn: nothing is known yet of what its widgets hold."""
    for key in getattr(page, "LINKED", {}):
        st.session_state.option_values.pop(key, None)


def value(key: str, default: Any, fits: Callable[[Any], bool] = lambda value: True, context: Any = None) -> Any:
    """What this setting is now: the viewer's choice, else the default. `fits`: whether a choice is valid here."""
    state = st.session_state
    choice, kind = state.chosen.get(key), state.options[key]
    linked = choice is not None and choice.context is FROM_LINK
    if linked:
        choice = state.chosen[key] = Chosen(choice.value, context)
    now = default
    if choice is not None and choice.context == context:
        if fits(choice.value):
            now = choice.value
        elif linked:
            state.messages = [
                *state.messages,
                f"{key}: {shorten_repr(kind.show(choice.value))} does not fit the other settings: left out",
            ]
            del state.chosen[key]
    state.option_defaults[key], state.option_values[key] = default, now
    return now


def choose(key: str, value: Any, context: Any = None) -> None:
    """Sets a setting, as a click on a map does; not where a lesson keeps it. What is not valid is left out."""
    state = st.session_state
    if view_options.kept(key) or not state.options[key].holds(value):
        return
    state.chosen[key], state.option_values[key] = Chosen(value, context), value
    state.address_due = True


def begin(linked: Collection[str], values: Mapping[str, Any]) -> None:
    """Before a station of a tour is drawn: the page has exactly these settings, except what a lesson keeps."""
    state = st.session_state
    for key in linked:
        if not view_options.kept(key):
            state.chosen.pop(key, None)
            if key in values:
                state.chosen[key] = Chosen(values[key], FROM_LINK)
    remount()


def remount() -> None:
    """The drawings begin anew, at the place that the settings say: they tell where their viewer is, and do not ask again."""
    st.session_state.mounts = st.session_state.get("mounts", 0) + 1


def drawing(key: str) -> str:
    """The key of a drawing that tells its place (`of_component`)."""
    mounts = st.session_state.get("mounts", 0)
    return f"{key}~{mounts}" if mounts else key


def shown(key: str) -> Any:
    """What was drawn last; None where nothing was."""
    return st.session_state.option_values.get(key)


def forget(keys: Collection[str]) -> None:
    """Back to the defaults."""
    for key in keys:
        if not view_options.kept(key) and st.session_state.chosen.pop(key, None):
            st.session_state.option_values[key] = st.session_state.option_defaults.get(key)
    st.session_state.address_due = True


def _heard(key: str, widget: str, context: Any, then: Callable[[], None] | None) -> None:
    """Callback of a widget."""
    if (value := st.session_state.get(widget)) is not None and widget == _widget(key):
        choose(key, value, context)
        if then:
            then()


# ---- widgets. Each gets its value twice: see _session.value ----


def _widget(key: str) -> str:
    """The widget's key: a new one whenever something else than the widget sets its value, see _session.key."""
    moves = st.session_state.option_moves.get(key, 0)
    return f"{key}~{moves}" if moves else key


def _mounted(
    key: str, now: Any, context: Any, offer: Sequence[str] = (), then: Callable[[], None] | None = None
) -> dict[str, Any]:
    """offer: what there is to choose, in words. A widget of other choices is another one: the browser answers in words."""
    state, widget, words = st.session_state, _widget(key), tuple(offer)
    if (widget in state and state[widget] != now) or state.option_offers.get(key, words) != words:
        state.option_moves[key] = state.option_moves.get(key, 0) + 1
        widget = _widget(key)
    state.option_offers[key] = words
    if widget not in state:
        state[widget] = now
    return {"key": widget, "on_change": _heard, "args": (key, widget, context, then)}


def _offer(options: Sequence[Any], look: Mapping[str, Any]) -> list[str]:
    return [str(look.get("format_func", str)(option)) for option in options]


def selectbox(
    label: str,
    options: Sequence[Any],
    key: str,
    default: Any,
    context: Any = None,
    then: Callable[[], None] | None = None,
    **look: Any,
) -> Any:
    """then: called after a change, before the page is drawn."""
    now = value(key, default, options.__contains__, context)
    at: dict[str, Any] = {"index": list(options).index(now), **_mounted(key, now, context, _offer(options, look), then)}
    return st.selectbox(label, options, **at, **look)


def segmented(label: str, options: Sequence[Any], key: str, default: Any, context: Any = None, **look: Any) -> Any:
    """One of the options, always."""
    now = value(key, default, options.__contains__, context)
    at: dict[str, Any] = {"default": now, "required": True, **_mounted(key, now, context, _offer(options, look))}
    chosen = st.segmented_control(label, options, **at, **look)
    return now if chosen is None else chosen


def select_slider(label: str, options: Sequence[Any], key: str, default: Any, context: Any = None, **look: Any) -> Any:
    now = value(key, default, options.__contains__, context)
    return st.select_slider(label, options, now, **_mounted(key, now, context, _offer(options, look)), **look)


def number(label: str, low: Any, high: Any, key: str, default: Any, step: Any = None, context: Any = None, **look: Any) -> Any:
    now = value(key, default, lambda n: low <= n <= high, context)
    return st.number_input(label, low, high, type(low)(now), step, **_mounted(key, now, context), **look)


def slider(label: str, low: float, high: float, key: str, default: float, step: float, **look: Any) -> float:
    now = value(key, default, lambda n: low <= n <= high)
    return st.slider(label, low, high, now, step, **_mounted(key, now, None), **look)


def text(label: str, key: str, default: str = "", context: Any = None, **look: Any) -> str:
    now = value(key, default, context=context)
    most = st.session_state.options[key].most
    return st.text_input(label, now, max_chars=most, **_mounted(key, now, context), **look) or ""


def multiselect(label: str, options: Sequence[Any], key: str, context: Any = None, **look: Any) -> list[Any]:
    now = [item for item in value(key, [], context=context) if item in options]
    return st.multiselect(label, options, now, **_mounted(key, now, context, _offer(options, look)), **look)


def of_component(key: str, **contexts: Any) -> Callable[[], None]:
    """Callback of a drawing that tells where its viewer is (place.js): `place` of its state is an object, setting -> value.

    contexts: of those settings that have one.
    """

    def heard() -> None:
        told = st.session_state.get(key, {}).get("place")
        for option, now in told.items() if isinstance(told, dict) else ():
            if option in st.session_state.options:
                choose(option, now, contexts.get(option))

    return heard
