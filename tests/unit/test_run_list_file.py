"""The file of a run list: whole, cut off, broken or from elsewhere; names; and what runs differ in."""

import json
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some
from run_lists import ENTRIES, FILE, FULL, PLAIN, RUNS

from rnnkit.engine.fixes import ClipNorm, Omega
from rnnkit.experiment import Experiment
from rnnkit.export.run_list import (
    MAX_BYTES,
    MAX_DRAWN,
    MAX_MESSAGES,
    MAX_NAME_CHARS,
    MAX_RUNS,
    Entry,
    clean_name,
    default_name,
    differences,
    dump,
    load,
    unique_name,
    varying,
)
from rnnkit.stories.presets import PRESETS

LINES = FILE.splitlines()


def edited(line, **values):
    """The file with other values in one of its lines."""
    lines = list(LINES)
    lines[line] = json.dumps(json.loads(lines[line]) | values)
    return "\n".join(lines) + "\n"


# ---- the file ----


def test_what_is_written_is_read_again():
    assert load(FILE) == (ENTRIES, []) == load(FILE.encode()) == load(b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode())
    assert json.loads(LINES[0]) == {"rnnkit": "shelf", "version": 1, "runs": 4}
    assert json.loads(LINES[2])["experiment"]["version"] == 1
    assert load(dump([])) == ([], ["there is no run in this file"])


@given(some.lists(some.tuples(some.sampled_from(RUNS), some.text(), some.booleans()), max_size=5, unique_by=lambda t: t[0]))
def test_any_names_survive(drawn):
    entries = []
    for e, text, mine in drawn:
        entries.append(Entry(unique_name(clean_name(text) or "run", {entry.name for entry in entries}), e, mine))
    assert load(dump(entries))[0] == entries


def test_a_file_cut_off_anywhere_loses_its_last_line_only():
    data = FILE.encode()
    ends = [i + 1 for i, byte in enumerate(data) if byte == ord("\n")]
    for cut in range(1, len(data)):
        entries, messages = load(data[:cut])
        whole = max(0, sum(end <= cut + 1 for end in ends) - 1)  # lines but the header; the last needs no line's end
        assert entries == ENTRIES[:whole], cut
        assert messages or whole == len(ENTRIES), cut
        if ends[0] <= cut and whole < len(ENTRIES):
            assert "cut off" in " ".join(messages), cut


@given(some.data())
def test_no_damage_raises_or_lets_anything_through_that_is_no_run(data):
    broken = bytearray(FILE.encode())
    for _ in range(data.draw(some.integers(1, 6))):
        at = data.draw(some.integers(0, len(broken)))
        length = data.draw(some.integers(0, 40))
        broken[at : at + length] = data.draw(
            some.binary(max_size=20) | some.sampled_from([b"\n", b'"', b"{", b"1e999", b"\\ud800"])
        )
    entries, messages = load(bytes(broken))
    check(entries, messages)


@given(some.binary(max_size=300) | some.text(max_size=300))
def test_nothing_raises(content):
    entries, messages = load(content)
    assert not entries and messages
    check(entries, messages)


JSON = some.recursive(
    some.none() | some.booleans() | some.floats() | some.integers() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(some.sampled_from(["name", "given", "place", "experiment"]), JSON)
def test_any_value_in_a_field(name, value):
    entries, messages = load(edited(2, **{name: value}))
    check(entries, messages)
    assert len(entries) >= 3 and ENTRIES[0] in entries


@given(some.sampled_from([*json.loads(LINES[3])["experiment"], "nope"]), JSON)
def test_any_value_in_an_experiment(name, value):
    entries, messages = load(edited(3, experiment=json.loads(LINES[3])["experiment"] | {name: value}))
    check(entries, messages)
    assert len(entries) + len([message for message in messages if message.startswith("line 4: ")]) >= 4


def check(entries, messages):
    assert len(entries) <= MAX_RUNS and len(messages) <= MAX_MESSAGES + 1
    assert len({entry.key for entry in entries}) == len(entries) == len({entry.name for entry in entries})
    places = [entry.place for entry in entries if entry.place is not None]
    assert len(set(places)) == len(places) and set(places) <= set(range(MAX_DRAWN))
    for entry in entries:
        assert entry.name == clean_name(entry.name) and 1 <= len(entry.name) <= MAX_NAME_CHARS
        assert Experiment.from_json(entry.experiment.to_json()) == entry.experiment
    assert all("\n" not in message and len(message) < 700 for message in messages)


@pytest.mark.parametrize(
    ("content", "kept", "said"),
    [
        ("", 0, "the file is empty"),
        ("\n \n", 0, "the file is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), 0, "this is no run list: line 1: expected the header"),
        ("step,loss\n1,0.3\n", 0, "this is no run list: line 1: expected the header"),
        ('{"rnnkit": "sweep", "version": 1}\n', 0, 'this is no run list: line 1: expected the header {"rnnkit": "shelf"'),
        (FILE.encode("utf-16"), 0, "UTF-8"),
        (b"[" * 100_000, 0, "nested too deeply"),
        ("\n".join(LINES[1:]), 4, "line 1: expected the header"),
        (edited(0, version=2), 4, "line 1: expected version 1, got 2: read as well as it goes"),
        (edited(0, runs=6), 4, "the header promises 6 runs, the file ends after 4: it was cut off"),
        (FILE[:-20], 3, "line 5, where the file is cut off: expected a run with its name and its experiment as JSON, got"),
        (FILE.replace(LINES[2], "oops"), 3, "line 3: expected a run with its name and its experiment as JSON, got oops"),
        (FILE.replace(LINES[2], "[1, 2]"), 3, "line 3: expected a run with its name and its experiment as a JSON object"),
        (FILE.encode().replace(b"GRU", b"\xff\xfe"), 3, "line 3: expected a run with its name and its experiment as UTF-8"),
        (FILE + LINES[1] + "\n", 4, "line 6: the same run as 'tanh' before: left out"),
        (edited(1, experiment=None), 3, "line 2: expected an experiment as a JSON object of settings, got None"),
        (edited(1, experiment={"version": 9}), 3, "line 2: expected version 1, got 9: left out"),
        (edited(1, experiment={"cell": "elman"}), 3, "line 2: unknown cell 'elman': valid are"),
        (edited(1, experiment={"dropout": 0.5}), 3, "line 2: unknown setting 'dropout'"),
        (edited(1, experiment={"length": 10**9}), 3, "line 2: length must be"),
        (edited(1, name=""), 4, "line 2: expected a name of its own of 1 to 60 visible characters, got ''"),
        (edited(1, name=ENTRIES[1].name), 4, "line 3: expected a name of its own"),
        (edited(1, name="a\u202eb\x00c"), 4, "kept as 'a b c'"),
        (edited(1, name="n" * 61), 4, f"kept as '{'n' * 60}'"),
        (dump(FULL), MAX_RUNS, f"a run list holds {MAX_RUNS} runs, the file has 3 more: these were left out"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_the_rest_is_kept(content, kept, said):
    entries, messages = load(content)
    assert len(entries) == kept and said in " ".join(messages)
    check(entries, messages)
    if kept:
        assert messages[-1].startswith(f"{kept} of ")


def test_a_file_that_is_too_large_is_not_read_at_all():
    entries, messages = load(FILE + "\n" * MAX_BYTES)
    assert entries == [] and "nothing of it was read" in messages[0] and f"{MAX_BYTES:,}" in messages[0]


def test_many_messages_become_few():
    entries, messages = load(LINES[0] + "\n" + "oops\n" * 500 + "\n".join(LINES[1:]))
    assert entries == ENTRIES and len(messages) == MAX_MESSAGES + 1
    assert messages[-2] == "and 489 more of this kind" and messages[-1] == "4 of 504 runs were read"


# ---- names ----


@given(some.text())
def test_a_name_is_one_visible_line(text):
    name = clean_name(text)
    assert len(name) <= MAX_NAME_CHARS and name == clean_name(name) == name.strip()
    assert not [c for c in name if unicodedata.category(c)[0] == "C" or (unicodedata.category(c)[0] == "Z" and c != " ")]


def test_names_tell_what_differs_from_the_first_run():
    assert default_name(PLAIN, None) == "tanh: agreement, 10 time steps" == default_name(PLAIN, PLAIN)
    assert default_name(replace(PLAIN, cell="gru", seed=5), PLAIN) == "cell GRU, seed 5"
    assert default_name(PRESETS["forgets"].experiment, PLAIN) == PRESETS["forgets"].title
    for preset in PRESETS.values():
        changed = replace(preset.experiment, seed=12345)
        assert 0 < len(default_name(changed, PLAIN)) <= MAX_NAME_CHARS
    assert unique_name("a", {"a", "a (2)"}) == "a (3)" and len(unique_name("n" * 60, {"n" * 60})) <= MAX_NAME_CHARS


def test_what_the_runs_of_a_shelf_differ_in():
    assert varying(RUNS[:2]) == ["cell"] and varying(RUNS[:1]) == []
    assert differences(RUNS[3], RUNS[:1] + RUNS[3:4]) == [
        ("Remedies", f"{Omega.title} 0.5, {ClipNorm.title} 1 from training step 7 on"),
        ("Seed", "3"),
    ]
    sgd = replace(PLAIN, optimizer="sgd")
    assert ("Optimizer", "SGD") in differences(sgd, [*RUNS, sgd])
    assert "Optimizer" not in dict(differences(RUNS[4], [*RUNS, sgd])), "a reservoir has none"
