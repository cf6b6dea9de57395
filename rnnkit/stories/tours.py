"""Guided tours: the format of their files, and a reader that loses no more of a broken one than it must.

A tour is a TOML file: a head, then one [[station]] after the other (docs/tours.md, pages/tour/tour.toml). Every station is
parsed by itself, so that a mistake costs one key or one station, and its message names the line of the file, what was expected,
what came, and what was kept. Texts are the author's and become Markdown; images in them are not shown, because each would be a
request to somebody else.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import parse_qsl

from rnnkit.errors import shorten_repr
from rnnkit.experiment import FIELDS, Experiment, applies
from rnnkit.stories.presets import PAIRS, PRESETS, pair

VERSION = 1
MAX_BYTES, MAX_STATIONS, MAX_ANSWERS = 100_000, 60, 4
MAX_PARTS = 100  # of a dotted key: what tomllib does with them takes the square of their number
SHORT, LONG = 120, 1200  # characters of a title or an answer, and of what is told
PIN = "pin."  # before a setting of the pinned run in a link

Said = list[str]  # messages


class Kind(Protocol):
    """What a page's own setting may be: str(kind) names the valid values."""

    def parse(self, text: str) -> Any:
        """Raises ValueError."""


@dataclass(frozen=True)
class Station:
    """One place of a tour, and what happens there; all but `page` may be left out."""

    page: str  # a name in the address bar; "lab" for the lab
    title: str = ""
    say: str = ""  # what to tell
    experiment: Experiment | None = None  # to load; None: what the station before had
    pinned: Experiment | None = None  # beside it
    point: str = ""  # what on the page to point at
    ask: str = ""  # what do you expect?
    answers: tuple[str, ...] = ()
    right: int = 0  # which answer came true, counted from 1; 0: the tour does not say
    cover: bool = False  # the page stays hidden until there is an answer
    wait: bool = False  # the answer starts the training, and `notice` comes when that is done
    notice: str = ""  # what to notice
    settings: tuple[tuple[str, Any], ...] = ()  # of the page itself: name, value


@dataclass(frozen=True)
class Tour:
    title: str
    about: str
    minutes: int
    stations: tuple[Station, ...]

    def experiments(self, at: int) -> tuple[Experiment | None, Experiment | None]:
        """What is looked at, and what is pinned, at a station: its own, or those of the last one before that has any."""
        own = (s for s in self.stations[at::-1] if s.experiment)
        return next(((s.experiment, s.pinned) for s in own), (None, None))


def read_tour(
    text: str | bytes, pages: Mapping[str, Collection[str]], settings: Mapping[str, Mapping[str, Kind]] = MappingProxyType({})
) -> tuple[Tour | None, Said]:
    """The tour, or None where no station is left of it, and a message for everything that is wrong; never raises.

    `pages`: page -> what can be pointed at there. `settings`: page -> its own settings, name -> what is valid.
    """
    said: Said = []
    lines = _lines(text, said)
    starts = [i for i, line in enumerate(lines) if STATION.fullmatch(line)]
    head = _head(_Piece(lines[: starts[0] if starts else None], 1), said)
    pieces = [_Piece(["", *lines[a + 1 : b]], a + 1) for a, b in pairwise([*starts, len(lines)])]
    if len(pieces) > MAX_STATIONS:
        came = f"got {len(pieces)}: the first {MAX_STATIONS} are kept"
        said.append(f"line {pieces[MAX_STATIONS].first}: expected at most {MAX_STATIONS} stations, {came}")
    stations = [_station(piece, n, pages, settings, said) for n, piece in enumerate(pieces[:MAX_STATIONS], 1)]
    kept = tuple(station for station in stations if station)
    if not kept:
        what = "no line says [[station]]" if not pieces else "none of its stations can be used"
        return None, [*said, f"nothing is left of this tour: {what}"]
    return Tour(**head, stations=kept), said


NAMES = [f.name for f in fields(Station)]
STATION = re.compile(r"\s*\[\[\s*station\s*\]\]\s*(#.*)?")
KEY = re.compile(r"""\s*+\[*+\s*+["']?([^\s"'=.\[\]#]++)["']?\s*+[\].=]""")  # ++: nothing is tried twice, or spaces take for ever
QUOTED = re.compile(r""""(?:[^"\\]|\\.)*+"|'[^']*+'""")
PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def _lines(given: str | bytes, said: Said) -> list[str]:
    raw = given if isinstance(given, bytes) else given.encode("utf-8", "replace")
    if len(raw) > MAX_BYTES:
        said.append(f"the file has {len(raw) / 1000:,.0f} kB, expected at most {MAX_BYTES / 1000:.0f}: nothing of it was read")
        return []
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        said.append(f"line {line}: expected UTF-8, got the byte 0x{raw[error.start]:02x}: read without what is not UTF-8")
        text = raw.decode("utf-8-sig", "ignore")
    return text.replace("\r\n", "\n").split("\n")


class _Piece:
    """The head or one station: lines of the file, which begin at line `first`."""

    def __init__(self, lines: list[str], first: int) -> None:
        self.text, self.first = "\n".join(lines), first
        self.last = first + len(lines) - 1
        self.keys: dict[str, int] = {}  # key -> its line in the file
        self.endless = next((n for n, line in enumerate(lines, first) if _parts(line) > MAX_PARTS), 0)
        closing = ""  # what ends the text over several lines in which we are
        for n, line in enumerate(lines, first):
            if not closing and (match := KEY.match(line)):
                self.keys.setdefault(match[1], n)
            for quotes in re.findall("\"\"\"|'''", line):
                closing = quotes if not closing else "" if closing == quotes else closing

    def values(self) -> dict[str, Any]:
        """Raises ValueError with the line."""
        if self.endless:
            raise ValueError(f"line {self.endless}: expected keys of at most {MAX_PARTS} parts with dots between them")
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            what, place = _line(PLACE.sub("", str(error))), PLACE.search(str(error))
            if place and place[1]:
                raise ValueError(f"line {self.first + int(place[1]) - 1}, column {place[2]}: {what}") from None
            opened = max(self.keys.values(), default=self.first)
            raise ValueError(f"line {opened}: {what}, up to line {self.last}") from None
        except (ValueError, RecursionError) as error:  # a number with thousands of digits; brackets in brackets in brackets
            raise ValueError(f"line {self.first}: {_line(str(error))}") from None

    def line(self, key: str) -> str:
        return f"line {self.keys.get(key, self.first)}"


def _parts(line: str) -> int:
    """At most so many parts has a key on this line."""
    return 1 + QUOTED.sub("", line).count(".") if line.count(".") >= MAX_PARTS else 1


# ---- what a key may hold: value -> (what is kept of it, what is wrong with it); None where nothing is kept ----

Checked = tuple[Any, str]


def _text(most: int) -> Callable[[Any], Checked]:
    def check(value: Any) -> Checked:
        if not isinstance(value, str):
            return None, f"must be a text in quotes, got {shorten_repr(value)}"
        problems = []
        if len(value) > most:
            problems.append(f"has {len(value):,} characters, at most {most:,}: cut there")
        if "![" in value:
            problems.append("holds an image, which would be fetched from elsewhere: only its address is shown")
        return value[:most].replace("![", r"!\[").strip(), "; ".join(problems)

    return check


def _flag(value: Any) -> Checked:
    return (value, "") if isinstance(value, bool) else (None, f"must be true or false, got {shorten_repr(value)}")


def _whole(low: int, high: int) -> Callable[[Any], Checked]:
    def check(value: Any) -> Checked:
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return (value, "") if good else (None, f"must be a whole number from {low} to {high}, got {shorten_repr(value)}")

    return check


def _answers(value: Any) -> Checked:
    if not isinstance(value, list) or not 2 <= len(value) <= MAX_ANSWERS or not all(isinstance(v, str) for v in value):
        return None, f"must be a list of 2 to {MAX_ANSWERS} texts, got {shorten_repr(value)}"
    checked = [_text(SHORT)(v) for v in value]
    return tuple(v for v, _ in checked), next((problem for _, problem in checked if problem), "")


def _one_of(names: Collection[str]) -> Callable[[Any], Checked]:
    def check(value: Any) -> Checked:
        if isinstance(value, str) and value in names:
            return value, ""
        return None, f"must be one of {', '.join(names) or 'nothing here'}; got {shorten_repr(value)}"

    return check


def _query(value: Any) -> Checked:
    """name -> text, from a link's query or a whole address."""
    if not isinstance(value, str) or len(value) > 10 * LONG:
        return None, f"must be the settings of a link, such as 'length=10&cell=gru', got {shorten_repr(value)}"
    try:
        return dict(parse_qsl(value.rpartition("?")[2], keep_blank_values=True, max_num_fields=200)), ""
    except ValueError as error:
        return None, f"is no link: {error}"


def _runs(query: dict[str, str]) -> Checked:
    """(Experiment, pinned one or None)."""
    pinning = {k.removeprefix(PIN): query.pop(k) for k in list(query) if k.startswith(PIN)}
    e, wrong = Experiment.from_query(query)
    pinned, more = Experiment.from_query(pinning) if pinning else (None, [])
    told = "; ".join([*wrong, *(f"pinned run: {message}" for message in more)])
    return (e, pinned), _line(told, 400)


HEAD: dict[str, Callable[[Any], Checked]] = {
    "version": _whole(VERSION, VERSION),
    "title": _text(SHORT),
    "about": _text(LONG),
    "minutes": _whole(1, 600),
}
KEYS: dict[str, Callable[[Any], Checked]] = {
    "title": _text(SHORT),
    "say": _text(LONG),
    "preset": _one_of(PRESETS),
    "pair": _one_of(PAIRS),
    "link": _query,
    "pinned": _one_of(PRESETS),
    "settings": _query,
    "ask": _text(LONG),
    "answers": _answers,
    "right": _whole(1, MAX_ANSWERS),
    "cover": _flag,
    "wait": _flag,
    "notice": _text(LONG),
}
WAITING = ("lab", "compare", "remedies")  # pages where something is trained for all to see


def _head(piece: _Piece, said: Said) -> dict[str, Any]:
    try:
        values = piece.values()
    except ValueError as error:
        said.append(f"{error}: the head of the tour is left out, its stations are read")
        values = {"version": VERSION}
    if "version" not in values:
        said.append(f"line 1: expected version = {VERSION}, got no version: read as well as it goes")
    elif values["version"] != VERSION:
        version = shorten_repr(values.pop("version"))
        said.append(f"{piece.line('version')}: this tour is of version {version}, expected {VERSION}: read as well as it goes")
    found = _checked(piece, values, HEAD, "", said)
    return {"title": found.get("title") or "A tour", "about": found.get("about", ""), "minutes": found.get("minutes", 0)}


def _checked(
    piece: _Piece, values: dict[str, Any], keys: Mapping[str, Callable[[Any], Checked]], where: str, said: Said
) -> dict[str, Any]:
    """What is good in a table; the rest is named."""
    found = {}
    for name, value in values.items():
        if name not in keys:
            said.append(f"{piece.line(name)}: unknown key {shorten_repr(name)}{where}: valid are {', '.join(keys)}; left out")
            continue
        kept, problem = keys[name](value)
        if kept is not None:
            found[name] = kept
        if problem:
            said.append(f"{piece.line(name)}: {name}{where} {problem}{'' if kept is not None else '; left out'}")
    return found


def _station(
    piece: _Piece, n: int, pages: Mapping[str, Collection[str]], settings: Mapping[str, Mapping[str, Kind]], said: Said
) -> Station | None:
    where = f" of station {n}"
    try:
        values = piece.values()
    except ValueError as error:
        said.append(f"{error}: station {n} is left out, the others are kept")
        return None
    found = _checked(piece, values, {"page": _one_of(pages), **KEYS, "point": _text(SHORT)}, where, said)
    page, point = found.get("page"), found.get("point", "")
    if page is None:
        valid = "" if "page" in values else f", one of {', '.join(pages)}"
        said.append(f"{piece.line('page')}: station {n} needs a page{valid}: it is left out, the others are kept")
        return None
    if point and point not in pages[page]:
        valid = ", ".join(pages[page]) or "nothing"
        said.append(f"{piece.line('point')}: on page {page} there is to point at: {valid}; got {shorten_repr(point)}; left out")
        del found["point"]
    found["settings"] = _settings(piece, found, settings.get(page, {}), where, said)
    found |= _experiments(piece, found, where, said)
    e = found.get("experiment")
    if e and point in FIELDS and "point" in found and not applies(e, point):
        said.append(f"{piece.line('point')}: point{where}: {point} does not apply to this experiment; left out")
        del found["point"]
    if found.get("right", 0) > len(found.get("answers", ())):
        said.append(f"{piece.line('right')}: right{where} is {found.pop('right')}, but there are not so many answers; left out")
    if found.get("wait") and page not in WAITING:
        said.append(f"{piece.line('wait')}: wait{where} has a meaning on {', '.join(WAITING)} alone; left out")
        del found["wait"]
    usual: dict[str, Any] = {"title": f"Station {n}", "cover": bool(found.get("ask")), "wait": page in WAITING}
    return Station(**{name: value for name, value in (usual | found).items() if name in NAMES})


def _settings(
    piece: _Piece, found: dict[str, Any], kinds: Mapping[str, Kind], where: str, said: Said
) -> tuple[tuple[str, Any], ...]:
    """The page's own settings, out of `settings` and out of a whole link."""
    link, kept = found.get("link", {}), {}
    given = {name: ("link", link.pop(name)) for name in list(link) if name in kinds}
    given |= {name: ("settings", text) for name, text in found.get("settings", {}).items()}
    for name, (key, text) in given.items():
        if name not in kinds:
            valid = ", ".join(kinds) or "none on this page"
            said.append(f"{piece.line(key)}: {key}{where}: unknown setting {shorten_repr(name)}: valid are {valid}; left out")
            continue
        try:
            kept[name] = kinds[name].parse(text)
        except (ValueError, OverflowError):
            said.append(f"{piece.line(key)}: {key}{where}: {name}: valid are {kinds[name]}, got {shorten_repr(text)}; left out")
    return tuple(kept.items())


def _experiments(piece: _Piece, found: Mapping[str, Any], where: str, said: Said) -> dict[str, Any]:
    """What to load and to pin, from preset, pair or link, and pinned."""
    given = [name for name in ("preset", "pair", "link") if name in found]
    if len(given) > 1:
        said.append(f"{piece.line(given[1])}: {' and '.join(given)}{where}: expected one of them; only {given[0]} is used")
    if not given:
        if "pinned" in found:
            said.append(f"{piece.line('pinned')}: pinned{where} needs a preset or a link beside it; left out")
        return {"pinned": None}
    load: dict[str, Callable[[Any], tuple[Experiment, Experiment | None]]] = {
        "preset": lambda name: (PRESETS[name].experiment, None),
        "pair": lambda title: pair(title)[::-1],
        "link": lambda query: _told(piece, _runs(query), where, said),
    }
    if given == ["link"] and not found["link"]:  # it held settings of the page alone
        return {"pinned": None}
    e, pinned = load[given[0]](found[given[0]])
    return {"experiment": e, "pinned": PRESETS[found["pinned"]].experiment if "pinned" in found else pinned}


def _told(piece: _Piece, checked: Checked, where: str, said: Said) -> Any:
    """What is good of a link; the rest is named."""
    kept, problem = checked
    if problem:
        said.append(f"{piece.line('link')}: link{where} {problem}")
    return kept


def _line(text: str, most: int = 120) -> str:
    """A message, on one line and short."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."
