"""Rooms: a lecturer asks a class, shows it a page, and collects its runs. State alone, in memory, safe from any thread.

A room has a name, which its link holds, one lecturer and members. Each of them is known by a token that says nothing about a
person. A room ends when its lecturer closes it, LECTURER_AWAY_SECONDS after its lecturer was last seen, or with the server.
Everything that a room holds is bounded by the constants below and by Limits.max_rooms and Limits.max_room_members.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from rnnkit.experiment import Experiment
from rnnkit.serving.limits import Limits

ALPHABET = "abcdefghjkmnpqrstuvwxyz"  # of names: no i, l and o, which are read as 1 and 0
NAME_CHARS = 6  # 148 million names: with 20 rooms one guess in 7 million finds one
LECTURER_AWAY_SECONDS = 900.0  # since the lecturer was last seen, after which a room closes
MEMBER_AWAY_SECONDS = 40.0  # since a member was last seen, after which they are not counted; well above any polling interval
MAX_ANSWERS = 6  # to a question
MAX_QUESTION_CHARS, MAX_ANSWER_CHARS = 300, 100
MAX_RUNS, MAX_RUNS_OF_MEMBER = 400, 24  # on the map of a room, and added by one member
MAX_DEALT = 60  # experiments that a lecturer gives out at once


@dataclass(frozen=True)
class Question:
    """A question with two to MAX_ANSWERS answers."""

    text: str
    answers: tuple[str, ...]
    right: int | None = None  # index of the right answer
    notice: str = ""  # shown with the result
    station: str = ""  # of a tour, whose texts are Markdown; "" for what a lecturer has typed, which is plain text


def typed_question(text: str, answers: str, right: int | None = None) -> Question:
    """Returns the question of a form. `answers` has one answer a line. Raises ValueError with what is expected."""
    texts = tuple(line for line in (_one_line(line, MAX_ANSWER_CHARS) for line in answers.splitlines()) if line)
    if not (asked := _one_line(text, MAX_QUESTION_CHARS)):
        raise ValueError("a question is expected")
    if not 2 <= len(texts) <= MAX_ANSWERS:
        raise ValueError(f"2 to {MAX_ANSWERS} answers are expected, one a line, got {len(texts)}")
    if right is not None and not 0 <= right < len(texts):
        raise ValueError(f"the right answer is one of 1 to {len(texts)}, got {right + 1}")
    return Question(asked, texts, right)


def _one_line(text: str, max_chars: int) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text[: 10 * max_chars])
    return " ".join(printable.split())[:max_chars].rstrip()


class Stage(IntEnum):
    """Of a question: votes count, no vote counts any more, the result is shown."""

    OPEN = 0
    CLOSED = 1
    SHOWN = 2


@dataclass(frozen=True)
class Ballot:
    """A question and its votes, as they were when it was asked for."""

    number: int  # of the question in its room, so that a late vote does not count for the next one
    question: Question
    stage: Stage
    counts: tuple[int, ...]  # votes for each answer

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def n_right(self) -> int | None:
        """How many were right, None where the question has no right answer."""
        return None if self.question.right is None else self.counts[self.question.right]


@dataclass(frozen=True)
class Scene:
    """What the lecturer's screen shows, for members who follow."""

    page: str
    experiment: Experiment
    pinned: Experiment | None = None
    settings: tuple[tuple[str, str], ...] = ()  # of the page, as in a link
    playing: bool = False
    covered: bool = False  # a tour covers the page until the answer is known
    title: str = ""  # of the tour's station


@dataclass
class Member:
    number: int  # in the order of joining
    last_seen: float
    following: bool


@dataclass
class SharedRun:
    """A run that members have trained."""

    experiment: Experiment
    members: set[str] = field(default_factory=set)
    outcome: str = ""  # what came out, "" while that is not known


class Room:
    """One class. Any thread may call any method; each is short."""

    def __init__(self, name: str, lecturer: str, max_members: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self.lecturer, self.max_members = name, lecturer, max_members
        self._version = 0
        self._scene: Scene | None = None
        self._clock, self._lock = clock, threading.RLock()
        self._lecturer_seen = clock()
        self._members: dict[str, Member] = {}
        self._joined = 0  # members so far
        self._asked = 0  # questions so far
        self._question: Question | None = None
        self._stage = Stage.OPEN
        self._votes: dict[str, int] = {}  # member -> index of an answer
        self._runs: dict[str, SharedRun] = {}  # by the Experiment's key
        self._dealt: tuple[Experiment, ...] = ()

    # ---- who is here ----

    @property
    def expired(self) -> bool:
        """Whether the lecturer has been away for too long."""
        return self._clock() - self._lecturer_seen > LECTURER_AWAY_SECONDS

    def seen(self, who: str, follow: bool = True) -> bool:
        """Notes that the lecturer or a member is here. A new member joins, and follows where `follow`.

        Returns False where the room is full. Then the member is not in it. Of a full room's members the one who has been away
        longest makes room.
        """
        with self._lock:
            now = self._clock()
            if who == self.lecturer:
                self._lecturer_seen = now
            elif member := self._members.get(who):
                member.last_seen = now
            else:
                if len(self._members) >= self.max_members and not self._drop_longest_away(now):
                    return False
                self._members[who] = Member(self._joined, now, follow)
                self._joined += 1
            return True

    def _drop_longest_away(self, now: float) -> bool:
        who = min(self._members, key=lambda who: self._members[who].last_seen)
        if now - self._members[who].last_seen <= MEMBER_AWAY_SECONDS:
            return False
        self.leave(who)
        return True

    def leave(self, who: str) -> None:
        """Removes a member and their vote."""
        with self._lock:
            self._members.pop(who, None)
            self._votes.pop(who, None)

    def present(self) -> tuple[int, int]:
        """Returns how many members are here, and how many of them follow the lecturer."""
        with self._lock:
            now = self._clock()
            here = [member for member in self._members.values() if now - member.last_seen <= MEMBER_AWAY_SECONDS]
            return len(here), sum(member.following for member in here)

    # ---- follow the lecturer ----

    def publish(self, scene: Scene) -> None:
        """Sets what the lecturer's screen shows."""
        with self._lock:
            if scene != self._scene:
                self._version, self._scene = self._version + 1, scene

    def shown(self) -> tuple[int, Scene | None]:
        """Returns the number of the scene, which grows with every change, and the scene."""
        with self._lock:
            return self._version, self._scene

    def follow(self, who: str, on: bool) -> None:
        with self._lock:
            if member := self._members.get(who):
                member.following = on

    def follows(self, who: str) -> bool:
        """Returns whether this member follows the lecturer. Somebody who is not in the room does not."""
        member = self._members.get(who)
        return member is not None and member.following

    # ---- votes ----

    def ask(self, question: Question) -> None:
        """Asks a question instead of the one before."""
        with self._lock:
            self._question, self._stage, self._votes = question, Stage.OPEN, {}
            self._asked += 1

    def close_votes(self) -> None:
        """Ends the voting. The result is not shown yet."""
        with self._lock:
            self._stage = max(self._stage, Stage.CLOSED)

    def show_result(self) -> None:
        """Ends the voting and shows the result."""
        with self._lock:
            self._stage = Stage.SHOWN

    def end_question(self) -> None:
        """Takes the question away."""
        with self._lock:
            self._question, self._votes = None, {}

    def vote(self, who: str, number: int, answer: int) -> bool:
        """Counts a member's vote for the question with this number. It replaces their earlier one.

        Returns False where it does not count: another question, the voting is over, no such answer, not a member.
        """
        with self._lock:
            question = self._question
            counts = question and number == self._asked and self._stage is Stage.OPEN and who in self._members
            if not counts or question is None or not 0 <= answer < len(question.answers):
                return False
            self._votes[who] = answer
            return True

    def vote_of(self, who: str) -> int | None:
        """Returns the index of the answer that this member has chosen, None for none."""
        return self._votes.get(who)

    @property
    def ballot(self) -> Ballot | None:
        """The present question with its votes so far."""
        with self._lock:
            if (question := self._question) is None:
                return None
            of = Counter(self._votes.values())
            return Ballot(self._asked, question, self._stage, tuple(of[k] for k in range(len(question.answers))))

    # ---- the runs of the class ----

    def add_run(self, who: str, e: Experiment) -> bool:
        """Puts a run on the map. Returns False where it has no place, or is of somebody who is not in the room."""
        with self._lock:
            if who not in self._members and who != self.lecturer:
                return False
            run = self._runs.get(e.key)
            if run is None:
                mine = sum(who in other.members for other in self._runs.values())
                if len(self._runs) >= MAX_RUNS or mine >= MAX_RUNS_OF_MEMBER:
                    return False
                run = self._runs[e.key] = SharedRun(e)
            if len(run.members) < self.max_members:
                run.members.add(who)
            return True

    def note_outcome(self, key: str, outcome: str) -> None:
        """Notes what came out of the run of the Experiment with this key. "" changes nothing."""
        with self._lock:
            if (run := self._runs.get(key)) and outcome:
                run.outcome = outcome

    def runs(self) -> list[SharedRun]:
        """Returns the runs on the map, in the order in which they came."""
        with self._lock:
            return [SharedRun(run.experiment, set(run.members), run.outcome) for run in self._runs.values()]

    def clear_map(self) -> None:
        with self._lock:
            self._runs.clear()

    # ---- everybody trains one of these ----

    def deal(self, experiments: Iterable[Experiment]) -> None:
        """Gives each member one of these Experiments, at most MAX_DEALT, in the order of joining. None take them back."""
        with self._lock:
            self._dealt = tuple(experiments)[:MAX_DEALT]

    @property
    def dealt(self) -> tuple[Experiment, ...]:
        return self._dealt

    def dealt_to(self, who: str) -> Experiment | None:
        """Returns the Experiment that this member is asked to train, None for none."""
        with self._lock:
            member = self._members.get(who)
            return self._dealt[member.number % len(self._dealt)] if member and self._dealt else None


class Rooms:
    """The rooms of one server, by name. A lecturer has one room at most."""

    def __init__(self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        limits = limits or Limits.from_environment()
        self.max_rooms, self.max_members = limits.max_rooms, limits.max_room_members
        self._clock, self._lock = clock, threading.Lock()
        self._rooms: dict[str, Room] = {}

    def create(self, lecturer: str) -> Room | None:
        """Returns this lecturer's room, a new one where they have none. None where there are max_rooms."""
        with self._lock:
            self._drop_expired()
            if own := next((room for room in self._rooms.values() if room.lecturer == lecturer), None):
                own.seen(lecturer)
                return own
            if len(self._rooms) >= self.max_rooms:
                return None
            name = self._new_name()
            room = self._rooms[name] = Room(name, lecturer, self.max_members, self._clock)
            return room

    def get(self, name: str) -> Room | None:
        """Returns the room of this name, None where there is none (any more)."""
        with self._lock:
            self._drop_expired()
            return self._rooms.get(name)

    def close(self, name: str) -> None:
        with self._lock:
            self._rooms.pop(name, None)

    def _drop_expired(self) -> None:
        for name in [name for name, room in self._rooms.items() if room.expired]:
            del self._rooms[name]

    def _new_name(self) -> str:
        while True:
            name = "".join(secrets.choice(ALPHABET) for _ in range(NAME_CHARS))
            if name not in self._rooms:
                return name
