"""Guided tours: the format of their files, and a reader that never raises.

A tour is a TOML file: a head, then [[station]] tables (docs/tours.md, pages/tour/tour.toml). Every station is parsed by itself,
so a mistake costs one key or one station. Its message names the line, what was expected, what came, and what was left out.
Texts are Markdown. Images in them are not shown, because the browser would fetch them from another server.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import parse_qsl

from rnnkit.errors import shorten_repr
from rnnkit.experiment import FIELDS, Experiment
from rnnkit.stories.presets import PAIRS, PRESETS, pair

VERSION = 1
MAX_BYTES, MAX_STATIONS, MAX_ANSWERS = 100_000, 60, 4
MAX_LISTED = 32  # names in a message; of more, the nearest ones
MAX_KEY_PARTS = 100  # of a dotted key; tomllib takes quadratic time
MAX_TITLE_CHARS, MAX_TEXT_CHARS = 120, 1200  # of a title or an answer; of any other text
PIN = "pin."  # prefix of the pinned run's settings in a link

Messages = list[str]


class Kind(Protocol):
    """The type of a page's own setting; str(kind) names the valid values."""

    def parse(self, text: str) -> Any:
        """Returns the value. Raises ValueError for invalid text."""


@dataclass(frozen=True)
class Station:
    """One station of a tour. All fields but `page` are optional; docs/tours.md describes them."""

    page: str  # name of the page in the address
    title: str = ""
    say: str = ""  # text of the presenter, Markdown
    experiment: Experiment | None = None  # to load; None: that of the station before
    pinned: Experiment | None = None  # to compare with
    point: str = ""  # part of the page to highlight
    ask: str = ""  # question to the audience
    answers: tuple[str, ...] = ()
    right: int = 0  # number of the right answer, from 1; 0: none is marked
    cover: bool = False  # hide the page until there is an answer
    wait: bool = False  # the answer starts the training; `notice` appears when it is done
    notice: str = ""  # what to notice, Markdown
    settings: tuple[tuple[str, Any], ...] = ()  # (name, value) of the page's own settings


@dataclass(frozen=True)
class Tour:
    """A guided tour."""

    title: str
    about: str
    minutes: int
    stations: tuple[Station, ...]

    def experiments(self, at: int) -> tuple[Experiment | None, Experiment | None]:
        """Returns the current and the pinned Experiment at a station: its own, or those of the last station that has any."""
        own = (s for s in self.stations[at::-1] if s.experiment)
        return next(((s.experiment, s.pinned) for s in own), (None, None))


def read_tour(
    text: str | bytes, pages: Mapping[str, Collection[str]], settings: Mapping[str, Mapping[str, Kind]] = MappingProxyType({})
) -> tuple[Tour | None, Messages]:
    """Returns the tour (None without a usable station) and a message for each mistake; never raises.

    `pages`: page -> names that `point` may have there. `settings`: page -> name -> Kind of the page's own settings.
    """
    messages: Messages = []
    lines = _lines(text, messages)
    starts = [i for i, line in enumerate(lines) if STATION_LINE.fullmatch(line)]
    head = _head(_Section(lines[: starts[0] if starts else None], 1), messages)
    sections = [_Section(["", *lines[a + 1 : b]], a + 1) for a, b in pairwise([*starts, len(lines)])]
    if len(sections) > MAX_STATIONS:
        came = f"got {len(sections)}: the first {MAX_STATIONS} are kept"
        messages.append(f"line {sections[MAX_STATIONS].first}: expected at most {MAX_STATIONS} stations, {came}")
    stations = [_station(section, n, pages, settings, messages) for n, section in enumerate(sections[:MAX_STATIONS], 1)]
    usable = tuple(station for station in stations if station)
    if not usable:
        what = "no line says [[station]]" if not sections else "none of its stations can be used"
        return None, [*messages, f"nothing is left of this tour: {what}"]
    return Tour(**head, stations=usable), messages


STATION_FIELDS = [f.name for f in fields(Station)]
STATION_LINE = re.compile(r"\s*\[\[\s*station\s*\]\]\s*(#.*)?")
KEY_LINE = re.compile(r"""\s*+\[*+\s*+["']?([^\s"'=.\[\]#]++)["']?\s*+[\].=]""")  # ++: no backtracking
QUOTED = re.compile(r""""(?:[^"\\]|\\.)*+"|'[^']*+'""")
ERROR_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def _lines(given: str | bytes, messages: Messages) -> list[str]:
    raw = given if isinstance(given, bytes) else given.encode("utf-8", "replace")
    if len(raw) > MAX_BYTES:
        messages.append(
            f"the file has {len(raw) / 1000:,.0f} kB, expected at most {MAX_BYTES / 1000:.0f}: nothing of it was read"
        )
        return []
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        messages.append(f"line {line}: expected UTF-8, got the byte 0x{raw[error.start]:02x}: read without what is not UTF-8")
        text = raw.decode("utf-8-sig", "ignore")
    return text.replace("\r\n", "\n").split("\n")


class _Section:
    """The head or one station: consecutive lines of the file, from line `first` on."""

    def __init__(self, lines: list[str], first: int) -> None:
        self.text, self.first = "\n".join(lines), first
        self.last = first + len(lines) - 1
        self.keys: dict[str, int] = {}  # key -> number of its line in the file
        self.too_deep = next((n for n, line in enumerate(lines, first) if _parts(line) > MAX_KEY_PARTS), 0)
        closing = ""  # quotes that end the current text of several lines; "" outside of one
        for n, line in enumerate(lines, first):
            if not closing and (match := KEY_LINE.match(line)):
                self.keys.setdefault(match[1], n)
            for quotes in re.findall("\"\"\"|'''", line):
                closing = quotes if not closing else "" if closing == quotes else closing

    def values(self) -> dict[str, Any]:
        """Parses the lines as TOML. Raises ValueError with the line of the mistake."""
        if self.too_deep:
            raise ValueError(f"line {self.too_deep}: expected keys of at most {MAX_KEY_PARTS} parts with dots between them")
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            what, place = _line(ERROR_POSITION.sub("", str(error))), ERROR_POSITION.search(str(error))
            if place and place[1]:
                raise ValueError(f"line {self.first + int(place[1]) - 1}, column {place[2]}: {what}") from None
            opened = max(self.keys.values(), default=self.first)
            raise ValueError(f"line {opened}: {what}, up to line {self.last}") from None
        except (ValueError, RecursionError) as error:  # a number with thousands of digits; deeply nested brackets
            raise ValueError(f"line {self.first}: {_line(str(error))}") from None

    def line(self, key: str) -> str:
        """Returns `line 7`, where the key is; the first line for a missing key."""
        return f"line {self.keys.get(key, self.first)}"


def _parts(line: str) -> int:
    """Returns an upper bound on the number of parts of a key on this line."""
    return 1 + QUOTED.sub("", line).count(".") if line.count(".") >= MAX_KEY_PARTS else 1


# ---- checks of a key's value: value -> (usable value or None, what is wrong or "") ----

Checked = tuple[Any, str]


def _text(max_chars: int) -> Callable[[Any], Checked]:
    def check(value: Any) -> Checked:
        if not isinstance(value, str):
            return None, f"must be a text in quotes, got {shorten_repr(value)}"
        problems = []
        if len(value) > max_chars:
            problems.append(f"has {len(value):,} characters, at most {max_chars:,}: cut there")
        if "![" in value:
            problems.append("holds an image, which would be fetched from elsewhere: only its address is shown")
        return value[:max_chars].replace("![", r"!\[").strip(), "; ".join(problems)

    return check


def _flag(value: Any) -> Checked:
    return (value, "") if isinstance(value, bool) else (None, f"must be true or false, got {shorten_repr(value)}")


def _int(low: int, high: int) -> Callable[[Any], Checked]:
    def check(value: Any) -> Checked:
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return (value, "") if good else (None, f"must be a whole number from {low} to {high}, got {shorten_repr(value)}")

    return check


def _answers(value: Any) -> Checked:
    if not isinstance(value, list) or not 2 <= len(value) <= MAX_ANSWERS or not all(isinstance(v, str) for v in value):
        return None, f"must be a list of 2 to {MAX_ANSWERS} texts, got {shorten_repr(value)}"
    checked = [_text(MAX_TITLE_CHARS)(v) for v in value]
    return tuple(v for v, _ in checked), next((problem for _, problem in checked if problem), "")


def _one_of(names: Collection[str]) -> Callable[[Any], Checked]:
    def check(value: Any) -> Checked:
        if isinstance(value, str) and value in names:
            return value, ""
        valid = ", ".join(names) or "nothing here"
        if len(names) > MAX_LISTED:
            valid = (
                f"{len(names)} names, the nearest are {', '.join(get_close_matches(str(value)[:100], names, MAX_LISTED // 4, 0))}"
            )
        return None, f"must be one of {valid}; got {shorten_repr(value)}"

    return check


def _query(value: Any) -> Checked:
    """Returns name -> text of a link's query or a whole address."""
    if not isinstance(value, str) or len(value) > 10 * MAX_TEXT_CHARS:
        return None, f"must be the settings of a link, such as 'length=10&cell=gru', got {shorten_repr(value)}"
    try:
        return dict(parse_qsl(value.rpartition("?")[2], keep_blank_values=True, max_num_fields=200)), ""
    except ValueError as error:
        return None, f"is no link: {error}"


def _runs(query: dict[str, str]) -> Checked:
    """Returns (Experiment, pinned Experiment or None) of a link's settings; takes the pinned ones out of `query`."""
    pinning = {k.removeprefix(PIN): query.pop(k) for k in list(query) if k.startswith(PIN)}
    e, wrong = Experiment.from_query(query)
    pinned, more = Experiment.from_query(pinning) if pinning else (None, [])
    problems = "; ".join([*wrong, *(f"pinned run: {message}" for message in more)])
    return (e, pinned), _line(problems, 400)


HEAD_KEYS: dict[str, Callable[[Any], Checked]] = {
    "version": _int(VERSION, VERSION),
    "title": _text(MAX_TITLE_CHARS),
    "about": _text(MAX_TEXT_CHARS),
    "minutes": _int(1, 600),
}
STATION_KEYS: dict[str, Callable[[Any], Checked]] = {
    "title": _text(MAX_TITLE_CHARS),
    "say": _text(MAX_TEXT_CHARS),
    "preset": _one_of(PRESETS),
    "pair": _one_of(PAIRS),
    "link": _query,
    "pinned": _one_of(PRESETS),
    "settings": _query,
    "ask": _text(MAX_TEXT_CHARS),
    "answers": _answers,
    "right": _int(1, MAX_ANSWERS),
    "cover": _flag,
    "wait": _flag,
    "notice": _text(MAX_TEXT_CHARS),
}
WAITING_PAGES = ("lab", "compare", "remedies")  # pages that show a training


def _head(section: _Section, messages: Messages) -> dict[str, Any]:
    try:
        values = section.values()
    except ValueError as error:
        messages.append(f"{error}: the head of the tour is left out, its stations are read")
        values = {"version": VERSION}
    if "version" not in values:
        messages.append(f"line 1: expected version = {VERSION}, got no version: read as well as it goes")
    elif values["version"] != VERSION:
        version = shorten_repr(values.pop("version"))
        messages.append(
            f"{section.line('version')}: this tour is of version {version}, expected {VERSION}: read as well as it goes"
        )
    found = _checked(section, values, HEAD_KEYS, "", messages)
    return {"title": found.get("title") or "A tour", "about": found.get("about", ""), "minutes": found.get("minutes", 0)}


def _checked(
    section: _Section, values: dict[str, Any], keys: Mapping[str, Callable[[Any], Checked]], where: str, messages: Messages
) -> dict[str, Any]:
    """Returns the valid keys of a table; appends a message for each other one."""
    found = {}
    for name, value in values.items():
        if name not in keys:
            messages.append(
                f"{section.line(name)}: unknown key {shorten_repr(name)}{where}: valid are {', '.join(keys)}; left out"
            )
            continue
        checked, problem = keys[name](value)
        if checked is not None:
            found[name] = checked
        if problem:
            messages.append(f"{section.line(name)}: {name}{where} {problem}{'' if checked is not None else '; left out'}")
    return found


def _station(
    section: _Section,
    n: int,
    pages: Mapping[str, Collection[str]],
    settings: Mapping[str, Mapping[str, Kind]],
    messages: Messages,
) -> Station | None:
    where = f" of station {n}"
    try:
        values = section.values()
    except ValueError as error:
        messages.append(f"{error}: station {n} is left out, the others are kept")
        return None
    found = _checked(section, values, {"page": _one_of(pages), **STATION_KEYS, "point": _text(MAX_TITLE_CHARS)}, where, messages)
    page, point = found.get("page"), found.get("point", "")
    if page is None:
        valid = "" if "page" in values else f", one of {', '.join(pages)}"
        messages.append(f"{section.line('page')}: station {n} needs a page{valid}: it is left out, the others are kept")
        return None
    if point and point not in pages[page]:
        valid = ", ".join(pages[page]) or "nothing"
        messages.append(
            f"{section.line('point')}: on page {page} there is to point at: {valid}; got {shorten_repr(point)}; left out"
        )
        del found["point"]
    found["settings"] = _settings(section, found, settings.get(page, {}), where, messages)
    found |= _experiments(section, found, where, messages)
    e = found.get("experiment")
    if e and point in FIELDS and "point" in found and not FIELDS[point].fits(e):
        messages.append(f"{section.line('point')}: point{where}: {point} does not apply to this experiment; left out")
        del found["point"]
    if found.get("right", 0) > len(found.get("answers", ())):
        messages.append(
            f"{section.line('right')}: right{where} is {found.pop('right')}, but there are not so many answers; left out"
        )
    if found.get("wait") and page not in WAITING_PAGES:
        messages.append(f"{section.line('wait')}: wait{where} has a meaning on {', '.join(WAITING_PAGES)} alone; left out")
        del found["wait"]
    defaults: dict[str, Any] = {"title": f"Station {n}", "cover": bool(found.get("ask")), "wait": page in WAITING_PAGES}
    return Station(**{name: value for name, value in (defaults | found).items() if name in STATION_FIELDS})


def _settings(
    section: _Section, found: dict[str, Any], kinds: Mapping[str, Kind], where: str, messages: Messages
) -> tuple[tuple[str, Any], ...]:
    """Returns the page's own settings from `settings` and from a whole link; takes those out of the link."""
    link, values = found.get("link", {}), {}
    given = {name: ("link", link.pop(name)) for name in list(link) if name in kinds}
    given |= {name: ("settings", text) for name, text in found.get("settings", {}).items()}
    for name, (key, text) in given.items():
        if name not in kinds:
            valid = ", ".join(kinds) or "none on this page"
            messages.append(
                f"{section.line(key)}: {key}{where}: unknown setting {shorten_repr(name)}: valid are {valid}; left out"
            )
            continue
        try:
            values[name] = kinds[name].parse(text)
        except (ValueError, OverflowError):
            messages.append(
                f"{section.line(key)}: {key}{where}: {name}: valid are {kinds[name]}, got {shorten_repr(text)}; left out"
            )
    return tuple(values.items())


def _experiments(section: _Section, found: Mapping[str, Any], where: str, messages: Messages) -> dict[str, Any]:
    """Returns the fields experiment and pinned, from the keys preset, pair or link, and pinned."""
    given = [name for name in ("preset", "pair", "link") if name in found]
    if len(given) > 1:
        messages.append(f"{section.line(given[1])}: {' and '.join(given)}{where}: expected one of them; only {given[0]} is used")
    if not given:
        if "pinned" in found:
            messages.append(f"{section.line('pinned')}: pinned{where} needs a preset or a link beside it; left out")
        return {"pinned": None}
    load: dict[str, Callable[[Any], tuple[Experiment, Experiment | None]]] = {
        "preset": lambda name: (PRESETS[name].experiment, None),
        "pair": lambda title: pair(title)[::-1],
        "link": lambda query: _link_runs(section, _runs(query), where, messages),
    }
    if given == ["link"] and not found["link"]:  # it had settings of the page alone
        return {"pinned": None}
    e, pinned = load[given[0]](found[given[0]])
    return {"experiment": e, "pinned": PRESETS[found["pinned"]].experiment if "pinned" in found else pinned}


def _link_runs(section: _Section, checked: Checked, where: str, messages: Messages) -> Any:
    """Returns the usable runs of a link; appends a message for what is wrong with it."""
    runs, problem = checked
    if problem:
        messages.append(f"{section.line('link')}: link{where} {problem}")
    return runs


def _line(text: str, max_chars: int = 120) -> str:
    """Returns the text on one line, cut to max_chars."""
    text = " ".join(text.split())
    return text if len(text) <= max_chars else text[: max_chars - 3] + "..."
