"""Rooms without Streamlit: who is in one, votes, following, the class's runs, and that everything is bounded."""

import threading
from dataclasses import replace

import pytest

from rnnkit.experiment import Experiment
from rnnkit.serving import room as rooms_module
from rnnkit.serving.limits import Limits
from rnnkit.serving.room import (
    ALPHABET,
    LECTURER_AWAY_SECONDS,
    MAX_ANSWER_CHARS,
    MAX_ANSWERS,
    MAX_DEALT,
    MAX_QUESTION_CHARS,
    MAX_RUNS,
    MAX_RUNS_OF_MEMBER,
    MEMBER_AWAY_SECONDS,
    NAME_CHARS,
    Question,
    Room,
    Rooms,
    Scene,
    Stage,
    typed_question,
)

E = Experiment()
WHICH = Question("Which?", ("this", "that"), right=1)
HOSTILE = ["", " ", "x" * 10_000, "<script>", "../..", "\0", "💥", "abcde", "ABCDEF'--", "abc def"]


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rooms(clock):
    return Rooms(Limits(max_rooms=3, max_room_members=4), clock)


@pytest.fixture
def room(rooms):
    room = rooms.create("lecturer")
    for who in ("a", "b", "c"):
        room.seen(who)
    return room


# ---- rooms ----


def test_a_name_is_short_and_drawn_anew(rooms):
    names = {rooms.create(f"lecturer {n}").name for n in range(3)}
    assert len(names) == 3 and all(len(name) == NAME_CHARS and set(name) <= set(ALPHABET) for name in names)
    assert not set(ALPHABET) & set("ilo")


def test_a_lecturer_has_one_room_and_the_server_a_bounded_number(rooms):
    first = rooms.create("one")
    assert rooms.create("one") is first and rooms.get(first.name) is first
    rooms.create("two"), rooms.create("three")
    assert rooms.create("four") is None and rooms.create("one") is first
    rooms.close(first.name)
    assert rooms.get(first.name) is None and rooms.create("four") is not None


def test_a_room_closes_a_while_after_its_lecturer_has_gone(rooms, clock):
    room = rooms.create("lecturer")
    clock.now += LECTURER_AWAY_SECONDS
    room.seen("a")  # no member keeps it open
    assert rooms.get(room.name) is room
    room.seen("lecturer")
    clock.now += LECTURER_AWAY_SECONDS
    assert rooms.get(room.name) is room
    clock.now += 1
    assert rooms.get(room.name) is None
    assert rooms.create("lecturer") is not room


@pytest.mark.parametrize("name", HOSTILE)
def test_there_is_no_room_of_a_hostile_name(rooms, room, name):
    assert rooms.get(name) is None and rooms.get(room.name) is room


def test_rooms_do_not_see_each_other(rooms):
    one, two = rooms.create("one"), rooms.create("two")
    one.seen("a"), two.seen("b")
    one.ask(WHICH)
    assert two.ballot is None and not two.vote("b", one.ballot.number, 1)
    assert one.vote("a", one.ballot.number, 1) and one.ballot.counts == (0, 1)
    assert not one.vote("b", one.ballot.number, 0), "not of this room"
    one.add_run("a", E), one.publish(Scene("lab", E)), one.deal([E])
    assert not one.add_run("b", E)
    assert two.runs() == [] and two.shown() == (0, None) and two.dealt_to("b") is None
    assert one.dealt_to("b") is None and one.dealt_to("a") == E


# ---- members ----


def test_members_are_counted_while_they_are_here(room, clock):
    assert room.present() == (3, 3)
    clock.now += MEMBER_AWAY_SECONDS
    room.seen("a")
    room.follow("a", False)
    clock.now += 1
    assert room.present() == (1, 0)
    room.seen("b")
    assert room.present() == (2, 1), "back as before"


def test_the_lecturer_is_no_member(room):
    room.ask(WHICH)
    assert room.seen("lecturer") and room.present() == (3, 3)
    assert not room.vote("lecturer", room.ballot.number, 0) and not room.follows("lecturer")


def test_a_full_room_takes_nobody_until_one_has_gone(room, clock):
    room.ask(WHICH)
    assert room.vote("a", room.ballot.number, 0)
    assert room.seen("d") and not room.seen("e") and room.present() == (4, 4)
    assert not room.vote("e", room.ballot.number, 0) and not room.follows("e")
    clock.now += MEMBER_AWAY_SECONDS + 1
    room.seen("b")
    assert room.seen("e"), "of a, c and d, who are away, the first one"
    assert room.ballot.total == 0 and room.vote("e", room.ballot.number, 1)
    room.leave("e")
    assert room.ballot.total == 0


# ---- votes ----


def test_a_changed_vote_replaces_the_earlier_one_until_the_voting_ends(room):
    room.ask(WHICH)
    number = room.ballot.number
    assert room.vote("a", number, 0) and room.vote("b", number, 1) and room.ballot.counts == (1, 1)
    assert room.vote("a", number, 1) and room.ballot.counts == (0, 2) and room.vote_of("a") == 1
    room.close_votes()
    assert room.ballot.stage is Stage.CLOSED and not room.vote("c", number, 0)
    room.show_result()
    assert not room.vote("a", number, 0)
    assert room.ballot.stage is Stage.SHOWN and (room.ballot.total, room.ballot.n_right) == (2, 2)
    room.close_votes()
    assert room.ballot.stage is Stage.SHOWN, "a result stays"


def test_a_late_vote_does_not_count_for_the_next_question(room):
    room.ask(WHICH)
    first = room.ballot.number
    room.vote("a", first, 0)
    room.ask(replace(WHICH, text="And now?", right=None))
    assert room.ballot.total == 0 and room.vote_of("a") is None
    assert not room.vote("a", first, 1)
    assert room.ballot.n_right is None
    room.end_question()
    assert room.ballot is None and not room.vote("a", first + 1, 0)


@pytest.mark.parametrize("answer", [-1, 2, 10**9])
def test_a_vote_for_no_answer_does_not_count(room, answer):
    room.ask(WHICH)
    assert not room.vote("a", room.ballot.number, answer) and room.ballot.total == 0


def test_many_vote_at_once():
    room = Room("abcdef", "lecturer", 500)
    room.ask(WHICH)

    def member(n):
        room.seen(f"m{n}")
        for k in (0, 1, n % 2):
            assert room.vote(f"m{n}", room.ballot.number, k)

    threads = [threading.Thread(target=member, args=(n,)) for n in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert room.ballot.counts == (50, 50) and room.present() == (100, 100)


def test_a_typed_question_is_cut_and_cleaned():
    asked = typed_question(" Is\nit\0 " + "x" * 1000, "\n yes\t<b> \n\nno" + "o" * 1000 + "\n", 1)
    assert asked.text == f"Is it {'x' * 1000}"[:MAX_QUESTION_CHARS] and asked.station == ""
    assert asked.answers == ("yes <b>", f"no{'o' * 1000}"[:MAX_ANSWER_CHARS])
    assert asked.right == 1


@pytest.mark.parametrize(
    "text, answers, right, expected",
    [
        (" \n", "a\nb", None, "a question"),
        ("?", "", None, "got 0"),
        ("?", "a\n \n", None, "got 1"),
        ("?", "\n".join("abcdefg"), None, f"2 to {MAX_ANSWERS} answers"),
        ("?", "a\nb", 2, "1 to 2, got 3"),
        ("?", "a\nb", -1, "1 to 2, got 0"),
    ],
)
def test_a_typed_question_that_is_none(text, answers, right, expected):
    with pytest.raises(ValueError, match=expected):
        typed_question(text, answers, right)


# ---- follow, map, grid ----


def test_the_scene_has_a_new_number_when_it_changes(room):
    assert room.shown() == (0, None)
    room.publish(Scene("lab", E))
    room.publish(Scene("lab", Experiment()))
    assert room.shown() == (1, Scene("lab", E))
    room.publish(Scene("network", E))
    assert room.shown() == (2, Scene("network", E))


def test_who_follows(room):
    assert room.follows("a") and not room.follows("nobody")
    room.follow("a", False), room.follow("nobody", True)
    assert not room.follows("a") and not room.follows("nobody")
    room.seen("a")
    assert not room.follows("a"), "a reload does not bring anybody back"
    room.seen("d", follow=False)
    assert not room.follows("d")


def test_the_same_run_of_two_members_is_one_dot(room):
    assert room.add_run("a", E) and room.add_run("b", Experiment()) and room.add_run("lecturer", replace(E, seed=1))
    first, second = room.runs()
    assert (first.experiment, first.members, second.members) == (E, {"a", "b"}, {"lecturer"})
    room.note_outcome(E.key, "learnt"), room.note_outcome("unknown", "NaN")
    assert [run.outcome for run in room.runs()] == ["learnt", ""]
    first.members.clear()
    assert room.runs()[0].members == {"a", "b"}
    room.clear_map()
    assert room.runs() == []


def test_the_map_is_bounded(monkeypatch):
    room = Room("abcdef", "lecturer", 100)
    room.seen("a")
    added = [room.add_run("a", replace(E, seed=seed)) for seed in range(MAX_RUNS_OF_MEMBER + 1)]
    assert added == [True] * MAX_RUNS_OF_MEMBER + [False]
    assert room.add_run("a", E), "a run that is there needs no place"
    monkeypatch.setattr(rooms_module, "MAX_RUNS", MAX_RUNS_OF_MEMBER)
    room.seen("b")
    assert not room.add_run("b", replace(E, length=20)) and room.add_run("b", E)
    assert MAX_RUNS >= MAX_DEALT


def test_each_member_gets_one_of_the_experiments(room):
    grid = [replace(E, length=length) for length in (10, 20)]
    assert room.dealt_to("a") is None
    room.deal(grid)
    assert [room.dealt_to(who) for who in "abc"] == [grid[0], grid[1], grid[0]]
    assert room.dealt_to("nobody") is None and room.dealt == tuple(grid)
    room.deal(replace(E, seed=seed) for seed in range(MAX_DEALT + 5))
    assert len(room.dealt) == MAX_DEALT
    room.deal([])
    assert room.dealt_to("a") is None
