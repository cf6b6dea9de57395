"""The reader of tours: what is good is kept, what is wrong is named with its line, and nothing raises."""

import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.tour import highlight, tour_state
from pages.ui import registry
from rnnkit.experiment import Experiment
from rnnkit.stories.presets import PAIRS, PRESETS, pair
from rnnkit.stories.tours import (
    HEAD_KEYS,
    MAX_BYTES,
    MAX_STATIONS,
    MAX_TEXT_CHARS,
    MAX_TITLE_CHARS,
    STATION_KEYS,
    WAITING_PAGES,
    Station,
    Tour,
    read_tour,
)

PLACES = {"lab": ("length", "bias", "heatmap"), "network": ("drawing",), "steps": (), "remedies": ("table",)}
HEADED = 'version = 1\ntitle = "T"\nabout = "A"\nminutes = 3\n'
TEXT = f"""{HEADED}
[[station]]
title = "One"
page = "lab"
preset = "remembers"
point = "length"
ask = "Does it learn?"
answers = ["Yes", "No"]
right = 1
notice = "It does."

[[station]]
page = "network"
say = \"\"\"
Two lines,
[brackets] = and signs\"\"\"

[[station]]  # the last
title = 'Three'
page = "remedies"
"""


def read(text, places=PLACES):
    return read_tour(text, places)


def line(text, piece):
    """The number of the first line that holds this."""
    return next(n for n, found in enumerate(text.split("\n"), 1) if piece in found)


# ---- what is right ----


def test_a_tour_is_read_with_its_defaults():
    tour, said = read(TEXT)
    assert said == []
    assert (tour.title, tour.about, tour.minutes, len(tour.stations)) == ("T", "A", 3, 3)
    one, two, three = tour.stations
    remembers = PRESETS["remembers"].experiment
    assert one == Station("lab", "One", "", remembers, None, "length", "Does it learn?", ("Yes", "No"), 1, True, True, "It does.")
    assert two == Station("network", "Station 2", say="Two lines,\n[brackets] = and signs")
    assert (three.title, three.wait, three.cover) == ("Three", True, False)
    assert tour.experiments(0) == tour.experiments(2) == (remembers, None)
    assert Tour("", "", 0, (two,)).experiments(0) == (None, None)


@pytest.mark.parametrize("text", [TEXT.encode(), "\ufeff" + TEXT, TEXT.replace("\n", "\r\n").encode("utf-8-sig")])
def test_bytes_marks_and_line_ends_of_other_systems(text):
    assert read(text) == read(TEXT)


def test_only_a_page_is_needed():
    tour, said = read("version = 1\n[[station]]\npage = 'steps'")
    assert said == [] and tour.stations == (Station("steps", "Station 1"),)
    assert read("version = 1\n[[station]]\npage = 'lab'")[0].stations[0].wait


@pytest.mark.parametrize("title", PAIRS)
def test_a_pair_is_loaded_beside_each_other(title):
    (station,) = read(f'version = 1\n[[station]]\npage = "lab"\npair = "{title}"')[0].stations
    assert (station.pinned, station.experiment) == pair(title)


@pytest.mark.parametrize("link", ["length=10&cell=gru&pin.length=20", "https://a.b/lab?length=10&cell=gru&pin.length=20"])
def test_a_link_is_loaded_with_what_it_pins(link):
    (station,) = read(f'version = 1\n[[station]]\npage = "lab"\nlink = "{link}"')[0].stations
    assert (station.experiment, station.pinned) == (Experiment(length=10, cell="gru"), Experiment(length=20))
    (station,) = read(f'version = 1\n[[station]]\npage = "lab"\nlink = "{link}"\npinned = "omega"')[0].stations
    assert station.pinned == PRESETS["omega"].experiment


def test_the_projects_own_tour_is_without_fault():
    """Its claims are those of presets, pairs and pages, which other tests train."""
    tour, said = read_tour(tour_state.FILE.read_bytes(), highlight.targets(), registry.linked())
    assert said == [] and tour.minutes == 50 and 2.5 <= tour.minutes / len(tour.stations) <= 3.5
    assert "cliff" in [station.point for station in tour.stations if station.page == "exploding"]
    assert "arXiv 1211.5063" in tour.stations[-1].notice
    for station in tour.stations:
        assert station.say and station.notice and station.point and station.ask, station.title
        assert max(map(len, (station.say, station.ask))) <= 130 and len(station.notice) <= 170, station.title
        assert 1 <= station.right <= len(station.answers), station.title
    numbers = {number for station in tour.stations for number in re.findall(r"1e-\d+|\d+ %", station.notice + station.say)}
    claimed = " ".join(preset.text for preset in PRESETS.values())
    assert all(number in claimed for number in numbers), numbers


# ---- what is wrong: the line, what came, what is valid, what was kept ----

WRONG = [  # instead of, this; what the message holds; what is kept
    ('page = "lab"', 'page = "lib"', "page of station 1 must be one of lab, network, steps, remedies; got 'lib'", 2),
    ('page = "lab"', 'pages = "lab"', "unknown key 'pages' of station 1: valid are page, title", 2),
    ('page = "lab"', "page = ", "Invalid value", 2),
    ('title = "One"', 'title = "One', "Illegal character", 2),
    ('title = "One"', "title = 1", "title of station 1 must be a text in quotes, got 1; left out", 3),
    ('title = "One"', 'title = "One"\ntitle = "Two"', "Cannot overwrite a value", 2),
    ('title = "One"', 'colour = "red"', "unknown key 'colour' of station 1: valid are page, title", 3),
    ('title = "One"', "[colour]\nred = 1", "unknown key 'colour'", 2),
    ('"remembers"', '"remember"', f"preset of station 1 must be one of {len(PRESETS)} names, the nearest are remembers", 3),
    ('preset = "remembers"', 'pair = "None"', "pair of station 1 must be one of Length", 3),
    ('preset = "remembers"', 'link = "length=x&cell=gru"', "link of station 1 length must be a whole number from 3", 3),
    ('preset = "remembers"', 'link = "colour=red"', "unknown setting 'colour'", 3),
    ('preset = "remembers"', "link = 5", "link of station 1 must be the settings of a link", 3),
    ('preset = "remembers"', 'preset = "esn"\npair = "Omega"', "expected one of them; only preset is used", 3),
    ('preset = "remembers"', 'pinned = "esn"', "pinned of station 1 needs a preset or a link beside it", 3),
    ('point = "length"', 'point = "lenght"', "on page lab there is to point at: length, bias, heatmap; got 'lenght'", 3),
    ('point = "length"', 'point = "bias"', "bias does not apply to this experiment", 3),
    ('answers = ["Yes", "No"]', 'answers = "Yes"', "answers of station 1 must be a list of 2 to 4 texts, got 'Yes'", 3),
    ('answers = ["Yes", "No"]', 'answers = ["Yes"]', "must be a list of 2 to 4 texts", 3),
    ("right = 1", "right = 3", "right of station 1 is 3, but there are not so many answers", 3),
    ("right = 1", "right = true", "right of station 1 must be a whole number from 1 to 4, got True", 3),
    ("right = 1", 'wait = "yes"', "wait of station 1 must be true or false, got 'yes'", 3),
    (
        'notice = "It does."',
        f'notice = "{"x" * (MAX_TEXT_CHARS + 1)}"',
        "notice of station 1 has 1,201 characters, at most 1,200: cut",
        3,
    ),
    ('"It does."', '"![x](https://a.b/c.png)"', "holds an image, which would be fetched from elsewhere", 3),
    ("version = 1", "version = 2", "this tour is of version 2, expected 1: read as well as it goes", 3),
    ("version = 1", 'version = "1"', "this tour is of version '1', expected 1", 3),
    ("minutes = 3", "minutes = 3.5", "minutes must be a whole number from 1 to 600, got 3.5; left out", 3),
    ("minutes = 3", "minutes : 3", "the head of the tour is left out, its stations are read", 3),
    ("minutes = 3", "seconds = 3", "unknown key 'seconds': valid are version, title, about, minutes", 3),
    ("say = ", "wait = true\nsay = ", "wait of station 2 has a meaning on lab, compare, remedies alone", 3),
]


@pytest.mark.parametrize("old, new, expected, kept", WRONG, ids=[new[:30] for _, new, *_ in WRONG])
def test_a_mistake_is_named_with_its_line_and_the_rest_is_kept(old, new, expected, kept):
    assert TEXT.count(old) >= 1
    text = TEXT.replace(old, new, 1)
    tour, said = read(text)
    about = [message for message in said if expected in message]
    assert len(about) == 1, said
    place = new.split("\n")[-1 if new.startswith(("preset", "title")) else 0]
    assert about[0].startswith(f"line {line(text, place if place in text else new)}"), about
    assert len(tour.stations) == kept and len(said) <= 2 and max(map(len, said)) < 700


def test_only_the_key_at_fault_is_lost():
    tour, _ = read(TEXT.replace('"remembers"', '"nothing"'))
    assert tour.stations[0].experiment is None and tour.stations[0].notice == "It does."
    tour, _ = read(TEXT.replace('"It does."', f'"{"x" * 5000}"').replace('"One"', f'"{"y" * 500}"'))
    assert (len(tour.stations[0].notice), len(tour.stations[0].title)) == (MAX_TEXT_CHARS, MAX_TITLE_CHARS)


def test_a_station_without_a_page_is_left_out():
    tour, said = read(TEXT.replace('page = "lab"\n', ""))
    assert said == ["line 6: station 1 needs a page, one of lab, network, steps, remedies: it is left out, the others are kept"]
    assert len(tour.stations) == 2


def test_a_version_that_is_missing_is_told():
    tour, said = read("[[station]]\npage = 'lab'")
    assert len(tour.stations) == 1 and said == ["line 1: expected version = 1, got no version: read as well as it goes"]


@pytest.mark.parametrize(
    "text", ["", "\n" * 50, "{}", '{"station": 1}', "<html>", "version = 1", "[[stations]]\npage = 'lab'", "\0"]
)
def test_what_is_no_tour_is_told(text):
    tour, said = read(text)
    assert tour is None and said[-1] == "nothing is left of this tour: no line says [[station]]"


def test_a_tour_whose_stations_are_all_broken():
    tour, said = read("version = 1\n[[station]]\npage = 'x'")
    assert tour is None and said[-1] == "nothing is left of this tour: none of its stations can be used" and len(said) == 3


def test_limits_of_size_and_number():
    tour, said = read("x" * (MAX_BYTES + 1))
    assert tour is None and said[0] == "the file has 100 kB, expected at most 100: nothing of it was read"
    many = "version = 1\n" + "[[station]]\npage = 'lab'\n" * (MAX_STATIONS + 2)
    tour, said = read(many)
    assert len(tour.stations) == MAX_STATIONS
    assert said == [f"line {2 * MAX_STATIONS + 2}: expected at most 60 stations, got 62: the first 60 are kept"]


def test_what_is_not_utf8_is_named_and_left_out():
    tour, said = read(TEXT.encode().replace(b"It does.", b"It d\xe4s."))
    n = line(TEXT, "It does.")
    assert said == [f"line {n}: expected UTF-8, got the byte 0xe4: read without what is not UTF-8"]
    assert tour.stations[0].notice == "It ds."


def test_depth_and_digits_without_end():
    deep = f"{HEADED}x = {'[' * 5000}\n[[station]]\npage = 'lab'\ny = {'9' * 5000}\n[[station]]\npage = 'lab'"
    tour, said = read(deep)
    assert len(tour.stations) == 1 and len(said) == 2 and max(map(len, said)) < 300


def test_no_image_is_left_however_it_is_written():
    for text in ("![a](http://b)", "![a][b]\n\n[b]: http://c", "[![a](http://b)](c)", "!![a](b)", r"\![a](b)", "!\u200b![a](b)"):
        kept = read(f"version = 1\n[[station]]\npage = 'lab'\nsay = '''{text}'''")[0].stations[0].say
        assert "![" not in kept


def test_truncated_anywhere_it_keeps_the_stations_before():
    whole = read(TEXT)[0]
    headers = [m.end() for m in re.finditer(r"\[\[station\]\]", TEXT)]
    raw = TEXT.encode()
    for n in range(len(raw)):
        tour, said = read(raw[:n])
        complete = sum(end <= n for end in headers[1:])  # stations before the one that was cut
        assert (tour.stations if tour else ())[:complete] == whole.stations[:complete]
        assert_lines_exist(said, raw[:n].decode())


def assert_lines_exist(said, text):
    for message in said:
        assert isinstance(message, str) and message and "\n" not in message
        for n in re.findall(r"^line (\d+)|up to line (\d+)", message):
            assert 1 <= int("".join(n)) <= text.count("\n") + 1, message


JUNK = st.text() | st.sampled_from(
    ['"', "'''", '"""', "[[station]]", "\n", "=", "[", "{", "#", "\\", "\r", "\0", "page", "9" * 5000]
)


@given(st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, 40), JUNK), min_size=1, max_size=4))
def test_mutated_it_never_raises(changes):
    text = TEXT
    for at, cut, junk in changes:
        text = text[:at] + junk + text[at + cut :]
    tour, said = read(text)
    assert tour is not None or said
    assert_lines_exist(said, text.replace("\r\n", "\n"))
    if tour:
        assert all(s.page in PLACES and len(s.say) <= MAX_TEXT_CHARS for s in tour.stations)
    assert read(text) == (tour, said)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind(raw):
    tour, said = read(raw)
    assert tour is None and said


# ---- the format and its page ----


def test_every_key_is_described():
    guide = (tour_state.FILE.parents[2] / "docs" / "tours.md").read_text("utf-8")
    for name in {*HEAD_KEYS, *STATION_KEYS, "page", "point", *WAITING_PAGES}:
        assert f"`{name}`" in guide, name
    assert {f.name for f in fields(Station)} - {*STATION_KEYS, "page", "point"} == {"experiment"}


def test_the_described_example_is_without_fault():
    guide = (tour_state.FILE.parents[2] / "docs" / "tours.md").read_text("utf-8")
    for example in re.findall(r"```toml\n(.*?)```", guide, re.S):
        tour, said = read_tour(example, highlight.targets(), registry.linked())
        assert tour and said == []
