"""How often viewers look: the more of them and the slower the machine, the less often; and one frame is drawn at a time."""

import threading
import time

import pytest

from pages import _polls
from pages._polls import LADDER, SHARE, Polls
from rnnkit.limits import Limits


def crowd(n, cost):
    polls = Polls()
    for k in range(n):
        with polls.turn(f"viewer {k}"):
            pass
    polls.cost = cost
    return polls


@pytest.mark.parametrize("n", [1, 10, 60, 250])
@pytest.mark.parametrize("cost", [0.002, 0.008, 0.03])
def test_frames_take_no_more_than_their_share(n, cost):
    seconds = crowd(n, cost).seconds()
    assert seconds in LADDER
    assert n * cost / seconds <= SHARE or seconds == LADDER[-1]


def test_alone_on_a_usual_machine_it_is_five_times_a_second():
    assert crowd(1, 0.008).seconds() == LADDER[0] == 0.2


def test_small_changes_of_the_crowd_change_nothing():
    """Each change is a message to every browser; and a page that is told now this, now that, would never settle."""
    polls = crowd(50, 0.008)  # each once a second
    assert polls.seconds() == 1.0
    assert crowd(55, 0.008).seconds(2.0) == 2.0 and crowd(55, 0.008).seconds(1.0) == 2.0
    assert crowd(30, 0.008).seconds(2.0) == 1.0


def test_who_has_not_looked_for_a_while_is_not_counted(monkeypatch):
    polls = crowd(40, 0.008)
    assert polls.viewers() == 40
    now = time.monotonic() + _polls.RECENT + 1
    monkeypatch.setattr(_polls.time, "monotonic", lambda: now)
    assert polls.viewers() == 0 and polls.seconds() == LADDER[0]


def test_the_longest_interval_is_a_sign_of_life_in_time():
    assert 1.5 * LADDER[-1] + _polls.PATIENCE < Limits().idle_seconds


def test_one_at_a_time_but_a_slow_one_does_not_stop_the_others(monkeypatch):
    monkeypatch.setattr(_polls, "PATIENCE", 0.3)
    polls, inside, most = Polls(), [], []

    def frame():
        with polls.turn("somebody"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=frame) for _ in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert max(most) == 1
    with polls.turn("slow"):
        frame()  # would wait for itself for ever
    assert not polls._turn.locked()
    with pytest.raises(ValueError), polls.turn("failing"):
        raise ValueError
    assert not polls._turn.locked()
