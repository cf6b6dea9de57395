"""How often viewers look: the more of them and the slower the machine, the less often; and one frame is drawn at a time."""

import heapq
import threading
import time

import numpy as np
import pytest

from pages.server import polling
from pages.server.polling import EARLY, LADDER, LATE, LONG_INTERVAL, MAX_SHARE, SHARE, Polls
from rnnkit.serving.limits import Limits


def crowd(n, cost):
    polls = Polls()
    for k in range(n):
        with polls.frame(f"viewer {k}"):
            pass
    come = time.monotonic() - 2 * polling.RUSH  # some time ago
    polls._polled = {viewer: (come, last) for viewer, (_, last) in polls._polled.items()}
    polls.cost = cost
    return polls


@pytest.mark.parametrize("n", [1, 10, 60, 250])
@pytest.mark.parametrize("cost", [0.002, 0.008, 0.03])
def test_frames_take_no_more_than_their_share(n, cost):
    seconds = crowd(n, cost).seconds()
    assert seconds in LADDER
    share = n * cost / seconds
    assert share <= SHARE or (seconds == LONG_INTERVAL and share <= MAX_SHARE) or seconds == LADDER[-1]


def test_alone_on_a_usual_machine_a_poll_follows_a_frame_at_once():
    assert Polls().cost == 0.004 and crowd(1, 0.008).seconds() == LADDER[0] == 0.08


def test_who_has_not_looked_for_a_while_is_not_counted(monkeypatch):
    polls = crowd(40, 0.008)
    assert polls.viewers() == (40, 40)
    now = time.monotonic() + polling.RECENT + 1
    monkeypatch.setattr(polling.time, "monotonic", lambda: now)
    assert polls.viewers() == (0, 0) and polls.seconds() == LADDER[0]


def test_looks_that_came_together_come_apart(monkeypatch):
    polls, n, seconds = crowd(50, 0.008), 50, LONG_INTERVAL
    due, looks = [(0.0, k) for k in range(n)], []  # (when, viewer)
    while len(looks) < 20 * n:
        now, k = heapq.heappop(due)
        monkeypatch.setattr(polling.time, "monotonic", lambda now=now: now)
        wait = polls.wait(seconds)
        assert EARLY * seconds - 1e-9 < wait < LATE * seconds + 1e-9
        looks.append(now)
        heapq.heappush(due, (now + wait, k))
    fair = seconds / n
    assert np.diff(looks[n : 2 * n]).min() < 0.01 * fair  # at first several come at once
    assert np.diff(looks[-2 * n :]).min() > 0.5 * fair and np.diff(looks[-2 * n :]).max() < 2 * fair


def test_the_longest_interval_is_a_sign_of_life_in_time():
    assert LADDER[-1] * LATE + polling.MAX_TURN_WAIT < Limits().idle_seconds


def test_where_many_come_at_once_more_are_expected():
    """Else the first ones of a class look so often that the others do not get in."""
    polls = Polls()
    for k in range(10):
        with polls.frame(str(k)):
            pass
    assert polls.viewers() == (10, 10 + 2 * 9)
    alone = Polls()
    with alone.frame("somebody"):
        pass
    assert alone.viewers() == (1, 1)


def test_one_at_a_time_in_the_order_in_which_they_came():
    polls, inside, most, order = Polls(), [], [], []

    def frame(k):
        with polls.frame(str(k)):
            inside.append(k)
            most.append(len(inside))
            order.append(k)
            time.sleep(0.01)
            inside.remove(k)

    threads = [threading.Thread(target=frame, args=(k,)) for k in range(10)]
    with polls.turn():
        for n, thread in enumerate(threads, 1):
            thread.start()
            while len(polls.turn._frames) < n:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert max(most) == 1 and order == list(range(10))
    assert not polls.turn._taken


def test_pages_and_frames_take_turns():
    polls, order = Polls(), []

    def draw(what, turn):
        with turn:
            order.append(what)

    threads = [threading.Thread(target=draw, args=("frame", polls.frame(str(k)))) for k in range(2)]
    threads += [threading.Thread(target=draw, args=("page", polls.turn())) for _ in range(3)]
    with polls.turn():
        for n, thread in enumerate(threads, 1):
            thread.start()
            while len(polls.turn._pages) + len(polls.turn._frames) < n:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == ["page", "frame", "page", "frame", "page"]


def test_a_page_draws_its_own_frame_within_its_turn_and_one_that_fails_passes_it_on():
    polls = Polls()
    with polls.turn(), polls.frame("somebody"):
        assert polls.turn._taken
    assert not polls.turn._taken
    with pytest.raises(ValueError), polls.frame("failing"):
        raise ValueError
    assert not polls.turn._taken


def test_one_that_hangs_does_not_stop_the_others(monkeypatch):
    monkeypatch.setattr(polling, "MAX_TURN_WAIT", 0.1)
    polls, drawn = Polls(), threading.Event()

    def frame():
        with polls.frame("somebody"):
            drawn.set()

    with polls.turn():
        threading.Thread(target=frame).start()
        assert drawn.wait(10)
        assert polls.turn._taken and not polls.turn._frames
    assert not polls.turn._taken
