"""One viewer's place in a run, exactly: what Train, Pause, Step, Reset, Stop and the seek bar reveal of a training.

`Playback` is plain logic, so that time and training are given here as numbers: `known` of `rows` rows are trained. A script
is any sequence of presses and passing moments, and what must always hold is checked after every one of them.
"""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.state.playback import PACES, Playback

PRESSES = ("train", "pause", "step", "reset", "stop", "seek")
MOMENTS = st.lists(st.tuples(st.floats(0, 3), st.integers(0, 7)), max_size=40)  # seconds that pass, rows trained meanwhile
SCRIPTS = st.lists(st.tuples(st.sampled_from((*PRESSES, *["tick"] * 6)), st.floats(0, 3), st.integers(0, 7)), max_size=60)


def press(p, name, rows, where):
    """Presses one control; the seek bar is moved to the row that `where` falls on."""
    {
        "train": lambda: p.train(rows),
        "pause": p.pause,
        "step": lambda: p.step(rows),
        "reset": p.reset,
        "stop": p.stop,
        "seek": lambda: p.seek(where % rows),
    }[name]()


def run(p, moments, rows, known=0):
    """Plays through the moments; after each, yields the seconds since the first and the rows known."""
    now = 0.0
    for passed, trained in [(0.0, 0), *moments]:
        now, known = now + passed, min(rows, known + trained)
        p.tick(now, known, rows, done=known == rows)
        yield now, known


@given(SCRIPTS, st.integers(1, 50), st.sampled_from(sorted(PACES)))
def test_whatever_is_pressed_no_row_is_shown_that_is_not_known(script, rows, pace):
    p, now, known = Playback(pace=pace), 0.0, 0
    for what, passed, number in script:
        if what == "tick":
            now, known = now + passed, min(rows, known + number)
            p.tick(now, known, rows, done=known == rows)
            assert p.head >= 1, "a tick reveals at least the first row"
        else:
            press(p, what, rows, number)
        assert 0 <= p.head <= rows
        assert 0 <= p.shown(known) <= known
        assert -1 <= p.row(known) < max(1, p.shown(known)), "the row looked at is one of those shown, -1 where there is none"
        assert 0 <= p.wants(rows) <= rows
        assert not (p.playing and p.stopped)


@given(MOMENTS, st.integers(1, 50), st.sampled_from(sorted(PACES)))
def test_while_it_plays_the_head_only_grows_and_never_passes_what_is_known(moments, rows, pace):
    p, heads = Playback(playing=True, pace=pace), []
    for _, known in run(p, moments, rows):
        assert p.head <= max(1, known)
        heads.append(p.head)
    assert all(a <= b for a, b in pairwise(heads))


@given(MOMENTS, st.integers(1, 50), st.sampled_from(sorted(PACES)))
def test_it_stops_playing_exactly_at_the_end(moments, rows, pace):
    p = Playback(playing=True, pace=pace)
    for _, known in run(p, moments, rows):
        assert p.playing == (p.shown(known) < rows)


@given(MOMENTS, st.integers(1, 50))
def test_at_pace_fast_it_follows_the_training(moments, rows):
    p = Playback(playing=True, pace="fast")
    for _, known in run(p, moments, rows):
        assert p.shown(known) == known


@pytest.mark.parametrize("pace", [name for name, seconds in PACES.items() if seconds])
@given(passed=st.lists(st.floats(0.01, 3), min_size=1, max_size=30), rows=st.integers(1, 300))
def test_every_row_takes_its_share_of_the_pace(pace, passed, rows):
    """Everything is trained already; the first row shows at once, each further one after 1/rows of the pace's seconds."""
    p = Playback(playing=True, pace=pace)
    for seconds, known in run(p, [(s, rows) for s in passed], rows, known=rows):
        assert p.head == pytest.approx(min(rows, 1 + rows * seconds / PACES[pace]))
        assert p.shown(known) == int(p.head)


def test_normal_takes_at_least_eight_seconds_and_slow_longer():
    assert PACES["fast"] == 0 < 8 <= PACES["normal"] < PACES["slow"]


@pytest.mark.parametrize("pace", PACES)
def test_a_change_of_pace_takes_effect_from_now_on(pace):
    p = Playback(playing=True, pace="slow")
    list(run(p, [(5.0, 0)], 100, known=100))
    head, p.pace = p.head, pace
    p.tick(5.0, 100, 100, done=False)
    assert p.head == (100 if pace == "fast" else head)


def test_a_pause_costs_no_rows_and_gains_none():
    p = Playback(playing=True)
    list(run(p, [(2.0, 0)], 100, known=100))
    head = p.head
    p.pause()
    p.tick(50.0, 100, 100, done=True)
    p.train(100)
    p.tick(90.0, 100, 100, done=True)
    assert p.head == head, "time counts from Train on"


@given(st.integers(1, 50), st.data())
def test_step_reveals_exactly_one_row_and_looks_at_it(rows, data):
    head = data.draw(st.floats(1, rows))
    p = Playback(head=head, playing=data.draw(st.booleans()), cursor=data.draw(st.none() | st.integers(0, int(head) - 1)))
    before = p.shown(rows)
    p.step(rows)
    after = min(rows, before + 1)
    assert (p.shown(rows), p.row(rows), p.playing, p.wants(rows)) == (after, after - 1, False, after)
    p.tick(1e6, rows, rows, done=True)
    assert p.shown(rows) == after, "and it stands still"


def test_a_step_past_what_is_known_waits_for_it():
    p = Playback(head=3)
    p.step(10)
    assert (p.wants(10), p.shown(3), p.shown(4), p.row(4)) == (4, 3, 4, 3)


@given(st.integers(1, 50), st.data())
def test_reset_goes_to_the_untrained_weights(rows, data):
    p = Playback(head=data.draw(st.floats(1, rows)), playing=data.draw(st.booleans()), stopped=data.draw(st.booleans()))
    p.reset()
    assert (p.shown(rows), p.row(rows), p.playing, p.stopped, p.wants(rows)) == (1, 0, False, False, 1)


@given(st.floats(0, 50), st.booleans())
def test_a_stopped_viewer_wants_nothing_and_keeps_what_is_drawn(head, playing):
    p = Playback(head=head, playing=playing)
    shown = p.shown(50)
    p.stop()
    assert (p.wants(50), p.shown(50), p.playing) == (0, shown, False)


@pytest.mark.parametrize("name", ["train", "step", "reset", "seek"])
def test_after_a_stop_everything_else_goes_on(name):
    p = Playback(head=5)
    p.stop()
    press(p, name, 10, 3)
    assert p.wants(10) > 0


def test_train_wants_all_rows_and_a_pause_no_more_than_are_shown():
    p = Playback(head=4.7)
    assert p.wants(10) == 4
    p.train(10)
    assert (p.wants(10), p.shown(10)) == (10, 4)


def test_train_starts_over_after_the_end():
    p = Playback(head=10, cursor=2)
    p.train(10)
    assert (p.shown(10), p.cursor, p.playing) == (1, None, True)


@given(st.integers(1, 50), st.data())
def test_seek_looks_at_a_row_and_hides_none(rows, data):
    p = Playback(head=data.draw(st.floats(1, rows)), playing=True)
    row, before = data.draw(st.integers(0, rows - 1)), p.shown(rows)
    p.seek(row)
    assert (p.row(rows), p.shown(rows), p.playing) == (row, max(before, row + 1), False)


def test_only_moves_that_the_seek_bar_did_not_make_replace_it():
    p = Playback(head=5)
    p.seek(2, by_bar=True)
    assert p.moves == 0
    p.seek(3)
    p.step(10)
    assert p.moves == 2
