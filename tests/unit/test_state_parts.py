"""A viewer's state without a browser: keys with versions, controls -> Experiment, and what a page that is left gives up."""

from copy import deepcopy
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pages.state import navigation, page_settings, session, snapshots, viewer_state
from pages.state.controls import Controls, parameters
from pages.state.playback import Playback
from pages.state.viewer_state import Chosen, TourProgress, ViewerState
from pages.state.widgets import VersionedKey, VersionedKeys
from pages.tour import tour_state
from rnnkit.engine.fixes import FIXES
from rnnkit.experiment import FIELDS, Experiment, applies
from rnnkit.serving.limits import Limits
from rnnkit.stories.presets import PRESETS
from rnnkit.sweep.digest import with_backend


class Pool:
    """A run pool that trains nothing."""

    def __init__(self):
        self.limits, self.runs = Limits(), {}

    def get(self, e):
        return self.runs.setdefault(e.key, SimpleNamespace(experiment=e, viewers={}, rows=len(e.recorded_steps)))

    def adopt(self, run):
        return run

    def watch(self, run, viewer, rows, low_priority=False):
        run.viewers[viewer] = rows

    def leave(self, run, viewer):
        run.viewers.pop(viewer, None)


@pytest.fixture
def mine(monkeypatch):
    """The state of the one viewer there is, who looks at the first story."""
    state, pool = ViewerState(), Pool()
    monkeypatch.setattr(viewer_state, "current", lambda: state)
    monkeypatch.setattr(session, "pool", lambda: pool)
    session.start(session.default(), None)
    return state


# ---- keys ----


def test_a_key_has_its_plain_name_until_it_is_renewed():
    key = VersionedKey("c_cell")
    assert key.key == "c_cell" and key.is_current("c_cell")
    for n in (1, 2, 3):
        key.renew()
        assert key.key == f"c_cell~{n}" and key.is_current(f"c_cell~{n}") and not key.is_current("c_cell")


def test_keys_are_renewed_together_and_alone():
    keys = VersionedKeys()
    assert [keys["a"].key, keys["b"].key] == ["a", "b"]
    keys["a"].renew()
    keys.renew()
    assert [keys["a"].key, keys["b"].key, keys["c"].key] == ["a~2", "b~1", "c"]


def test_whatever_sets_all_controls_gives_them_new_keys(mine):
    old = session.key("c_cell")
    session.load(PRESETS["lstm-chrono"].experiment)
    assert session.key("c_cell") != old


# ---- controls -> Experiment ----


@pytest.mark.parametrize("name", PRESETS)
def test_the_controls_describe_what_was_loaded_into_them(mine, name):
    e = PRESETS[name].experiment
    session.load(e)
    assert session.experiment(mine.controls) == (e, "")


def test_reading_the_controls_changes_nothing(mine):
    before = deepcopy((mine.controls, mine.experiment, mine.run.experiment, mine.playback, mine.messages, mine.problem))
    e, problem = session.experiment(replace(mine.controls, values=mine.controls.values | {"hidden": 9}))
    assert e == replace(session.default(), hidden=9) and problem == ""
    assert before == (mine.controls, mine.experiment, mine.run.experiment, mine.playback, mine.messages, mine.problem)


@pytest.mark.parametrize(
    "wrong, said",
    [({"hidden": None}, "hidden must be"), ({"length": 10**9}, "length"), ({"steps": 10**6}, "steps may be at most")],
)
def test_controls_that_make_no_experiment_say_why(mine, wrong, said):
    e, problem = session.experiment(replace(mine.controls, values=mine.controls.values | wrong))
    assert e is None and said in problem


def test_controls_hold_every_field_and_every_fix(mine):
    c = mine.controls
    assert c.values.keys() == FIELDS.keys() - {"fixes"} and c.fixes.starts.keys() == FIXES.keys()
    assert list(c.fixes.parameters) == [name for fix in FIXES.values() for name in parameters(fix)]
    assert mine.experiment == Experiment(
        **{n: v for n, v in c.values.items() if applies(mine.experiment, n)}, fixes=mine.experiment.fixes
    )


# ---- as it was ----


def test_a_snapshot_is_not_changed_later_and_brings_all_back_but_the_pace(mine):
    mine.controls.fixes.parameters["l2"], mine.playback.head = 0.125, 7
    mine.settings.chosen["steps_cut"] = Chosen(4, None)
    session.pin(PRESETS["lstm-chrono"].experiment)
    before, taken = deepcopy(mine.controls), snapshots.take()
    e = mine.experiment
    session.load(replace(e, hidden=9))
    session.pin(None)
    mine.controls.fixes.parameters["l2"], mine.playback.pace = 0.5, "fast"
    page_settings.choose("steps_cut", 5)
    cliff = page_settings.drawing("exploding_cliff")
    assert snapshots.restore(taken)
    assert mine.controls == before and mine.run.experiment == e and session.pinned() == PRESETS["lstm-chrono"].experiment
    assert (mine.playback.head, mine.playback.pace) == (7, "fast") and mine.settings.chosen == {"steps_cut": Chosen(4, None)}
    assert page_settings.drawing("exploding_cliff") != cliff, "it is drawn at its place of then"
    mine.controls.fixes.parameters["l2"] = 1.0
    assert taken.controls == before, "it can be brought back again"


@pytest.mark.parametrize("loads", [True, False])
def test_what_was_wrong_with_a_link_is_told_once_when_its_station_is_entered(mine, monkeypatch, loads):
    mine.tour.progress, mine.tour.to_enter = TourProgress("", None, 0, snapshots.take()), True
    session.report(["length must be a whole number"])
    monkeypatch.setattr(tour_state, "enter", lambda at: loads and session.load(replace(mine.experiment, hidden=9)))
    tour_state.enter_from_link()
    tour_state.enter_from_link()
    assert session.messages() == ["length must be a whole number"]


def test_recordings_are_of_pytorch_where_the_backend_is_unknown(monkeypatch):
    """As the workers take it then."""
    for name, computes in (("compiled", "compiled"), ("compield", "torch")):
        monkeypatch.setenv("RNNKIT_BACKEND", name)
        assert session._digest() == with_backend(computes)


# ---- from page to page ----


def test_a_page_that_is_left_gives_up_what_it_watches_and_no_other_does(mine):
    runs = [session.pool().get(replace(mine.experiment, seed=seed)) for seed in (1, 2)]
    navigation.arrive("remedies")
    for _ in range(2):  # two frames
        for run in runs:
            session.watch(run, "remedies")
    assert len(mine.navigation.unwatch["remedies"]) == 2, "each is kept once"
    navigation.arrive("remedies")
    assert all(run.viewers for run in runs)
    navigation.arrive("lab")
    assert not any(run.viewers for run in runs) and not mine.navigation.unwatch
    navigation.arrive("remedies")  # the page before, drawn once more by a rerun that was on its way
    session.watch(runs[0], "remedies")
    navigation.arrive("lab")
    assert not runs[0].viewers


def test_a_fragment_ends_where_another_page_is_due_and_the_page_turns_once(mine, monkeypatch):
    reruns = []
    monkeypatch.setattr(navigation.st, "rerun", lambda: reruns.append(True))
    navigation.arrive("stories")
    navigation.leave_fragment()
    assert not reruns
    navigation.go_to("lab")
    navigation.leave_fragment()
    assert reruns and navigation.redirect("stories") == "lab" and navigation.redirect("lab") is None
    navigation.leave_fragment()
    assert len(reruns) == 1 and navigation.redirect("stories") is None, "by now somebody chose it"


def test_the_same_page_can_be_asked_for_as_a_whole(mine):
    navigation.arrive("compare")
    navigation.go_to("compare")
    assert mine.navigation.due and navigation.redirect("compare") is None and not mine.navigation.due


def test_a_new_viewer_has_a_name_and_nothing_else():
    one, other = ViewerState(), ViewerState()
    assert one.id != other.id and one.run is None and one.controls == Controls() and one.playback == Playback()
    one.controls.values["cell"] = "lstm"
    one.settings.keys["a"].renew()
    assert other.controls == Controls() and not other.settings.keys
