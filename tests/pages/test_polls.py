"""How often viewers look: the more of them and the slower the machine, the less often; and one frame is drawn at a time."""

import heapq
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

from pages.server import polling
from pages.server.polling import EARLY, LADDER, LATE, LONG_INTERVAL, MAX_SHARE, SHARE, Polls, Turn
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


def test_a_tab_that_was_loaded_again_is_one_viewer(monkeypatch):
    """Else who had three pages open a moment ago gets five frames a second instead of eight, for twelve seconds."""
    monkeypatch.setattr(polling.Tabs, "open", 1)
    polls = crowd(3, 0.008)
    assert polls.viewers() == (1, 1) and polls.seconds() == LADDER[0]
    with polls.frame("now"), polls.frame("now as well"):
        assert polls.viewers() == (1, 1)
    polling.Tabs.open = 40
    assert polls.viewers() == (5, 7)


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
    assert LADDER[-1] * LATE + polling.MAX_TURN_SECONDS < Limits().idle_seconds


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
    assert polls.turn._holder is None


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
        assert polls.turn._holder is not None
    assert polls.turn._holder is None
    with pytest.raises(ValueError), polls.frame("failing"):
        raise ValueError
    assert polls.turn._holder is None


def test_one_that_hangs_does_not_stop_the_others_and_ends_no_turn_but_its_own(monkeypatch):
    monkeypatch.setattr(polling, "MAX_TURN_SECONDS", 0.1)
    turn, drawing, may_end = Turn(), threading.Event(), threading.Event()

    def frame():
        with turn(page=False):
            drawing.set()
            may_end.wait(10)

    thread = threading.Thread(target=frame)
    with turn():
        thread.start()
        assert drawing.wait(10) and turn._holder == thread.ident and not turn._frames
    assert turn._holder == thread.ident, "the end of the one that hung"
    may_end.set()
    thread.join()
    assert turn._holder is None


def test_a_long_queue_that_moves_stays_a_queue(monkeypatch):
    """Else all who wait for longer than the limit draw at once, and none of them gets done."""
    monkeypatch.setattr(polling, "MAX_TURN_SECONDS", 0.2)
    turn, inside, most, n = Turn(), [], [], 30  # the last one waits three times as long as the limit

    def frame(k):
        with turn(page=False):
            inside.append(k)
            most.append(len(inside))
            time.sleep(0.02)
            inside.remove(k)

    threads = [threading.Thread(target=frame, args=(k,)) for k in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * n


def test_a_frame_lasts_from_one_turn_to_the_next_and_the_interval_leaves_room_for_all(monkeypatch):
    """On a busy machine that is longer than its CPU time."""
    polls, clock = Polls(), iter(range(100, 1000, 3))
    monkeypatch.setattr(polling.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(polling.time, "thread_time", lambda: 0.0)
    with polls.frame("alone"):
        pass  # asks at 100, has the turn at 103, ends at 106
    assert polls.wall == pytest.approx(0.99 * 0.004 + 0.01 * 3) and polls.cost == pytest.approx(0.95 * 0.004)
    wall = polls.wall
    with polls.turn(), polls.frame("within a page"):  # which has the turn at 109, while the frame asks at 112 and ends at 115
        pass
    assert polls.wall == pytest.approx(0.99 * wall + 0.01 * 3)


@pytest.mark.parametrize("wall", [0.010, 0.017, 0.019, 0.025])
def test_where_frames_wait_for_a_core_viewers_look_less_often(wall):
    polls = crowd(250, 0.008)
    polls.wall = wall
    seconds = polls.seconds()
    assert seconds >= LONG_INTERVAL and (250 * wall / seconds <= polling.MAX_BUSY or seconds == LADDER[-1])
    assert (seconds == LONG_INTERVAL) == (wall < 0.018)


def drawn_while_all_wait(polls, fails=False):
    """Two frames that wait for a turn, one behind the other."""

    def frame(k):
        with suppress(ZeroDivisionError), polls.frame(str(k)):
            1 / (not fails)

    threads = [threading.Thread(target=frame, args=(k,)) for k in range(2)]
    with polls.turn():
        for n, thread in enumerate(threads, 1):
            thread.start()
            while polls.turn.waiting < n:
                time.sleep(0.001)
    for thread in threads:
        thread.join()


def test_a_frame_that_fails_sets_the_timer_that_it_has_stopped(monkeypatch):
    """Else this viewer's run stands still until the next click."""
    polls, told = Polls(), []
    polls.wall = 1.0
    monkeypatch.setattr(polling.streamlit_private, "rerun_fragment_every", told.append)
    drawn_while_all_wait(polls, fails=True)
    assert told[0] is None and told[1] in LADDER and len(told) == 2


@pytest.mark.parametrize(("wall", "stopped"), [(0.004, []), (1.0, [None])])
def test_the_timer_of_who_waits_for_long_is_stopped_until_the_answer(monkeypatch, wall, stopped):
    """Else every viewer of a long queue polls again while waiting, and is drawn twice."""
    polls, told = Polls(), []
    polls.wall = wall
    monkeypatch.setattr(polling.streamlit_private, "rerun_fragment_every", told.append)

    drawn_while_all_wait(polls)
    assert told == stopped, "of the second one, as nobody waited when the first one came"
    monkeypatch.setattr(polling, "polls", lambda: polls)
    polling.poll_again_after(0.2)
    assert told[-1] == pytest.approx(0.2, rel=0.3), "and the answer sets it anew"
