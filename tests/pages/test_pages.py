"""The pages without a browser: what the controls, the link, the buttons and the finished run show, and that nothing raises.

Streamlit's AppTest runs dashboard.py in this process, and the run pool really trains in its worker processes. Timers do not
fire in AppTest: `until` runs the script again and again, as a browser's timer would, until what it waits for is there.
"""

from dataclasses import replace

import pytest
from apptest import (
    SMALL,
    assert_controls_say,
    buttons,
    controls,
    finished,
    linked,
    press,
    progress_text,
    step,
    story,
    until,
    verdicts,
    widget,
)

from pages.state import session
from pages.ui import live_charts, registry
from rnnkit import glossary
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, ClipNorm
from rnnkit.experiment import FIELDS, Experiment, applies
from rnnkit.stories.presets import DEFAULT, PRESETS
from rnnkit.tasks import TASKS

SMALL_EXPERIMENT = Experiment(length=10, steps=20, replicas=2)
STARTING = PRESETS[DEFAULT].experiment


# ---- opening, presets and controls ----


def test_the_lab_opens_the_first_story_and_plays(app):
    at = app(page="lab")
    assert not at.exception and not at.warning and not at.error
    assert at.subheader[0].value == PRESETS[DEFAULT].title
    assert "pause" in buttons(at) and at.query_params == {}
    assert_controls_say(at, STARTING)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_of_the_menu_sets_the_controls_the_page_and_the_link(app, name):
    preset = PRESETS[name]
    at = app(SMALL)
    story(at).set_value(name).run()
    assert not at.exception and not at.warning
    assert at.subheader[0].value == preset.title
    assert glossary.marked(preset.text) in [m.value for m in at.markdown], "where it is unfolded"
    assert story(at).value == name
    assert_controls_say(at, preset.experiment)
    assert linked(at) == preset.experiment
    assert "pause" in buttons(at), "it plays by itself"
    until(at, verdicts)
    assert not at.exception


@pytest.mark.parametrize("cell", CELLS)
def test_only_what_applies_to_a_cell_is_shown(app, cell):
    at = app(page="lab")
    at.selectbox(key="c_cell").set_value(cell).run()
    assert not at.exception and not at.sidebar.error
    e = linked(at) if at.query_params else STARTING
    assert e.cell == cell
    shown = controls(at)
    assert {name for name in FIELDS if f"c_{name}" in shown} == {name for name, f in FIELDS.items() if f.fits(e)} - {
        "data",
        "weights",
    }
    if applies(e, "fixes"):
        valid = [fix.title for fix in FIXES.values() if fix.applies_to(CELLS[cell])]
        assert shown["c_fixes"].options == valid


def test_what_is_hidden_by_name(app):
    """The same in words, so that a wrong rule in the registries is seen."""
    at, omega = app(page="lab"), FIXES["omega"].title
    assert "c_bias" not in controls(at) and omega in at.multiselect(key="c_fixes").options
    at.selectbox(key="c_cell").set_value("lstm").run()
    assert "c_bias" in controls(at) and omega not in at.multiselect(key="c_fixes").options
    at.selectbox(key="c_cell").set_value("esn").run()
    assert not {"c_bias", "c_fixes", "c_lr", "c_optimizer", "c_init"} & set(controls(at))
    assert {"c_leak", "c_density", "c_ridge"} <= set(controls(at))


@pytest.mark.parametrize("task", TASKS)
def test_every_task_can_be_chosen(app, task):
    at = app(SMALL)
    at.selectbox(key="c_task").set_value(task).run()
    assert not at.exception and not at.sidebar.error
    assert linked(at).task == task and linked(at).length >= TASKS[task].min_length
    until(at, verdicts)
    assert not at.exception


@pytest.mark.parametrize("name", FIXES)
def test_every_remedy_can_be_chosen_with_its_usual_strength(app, name):
    at = app(SMALL, fixes="")
    at.multiselect(key="c_fixes").set_value([name]).run()
    assert not at.exception and not at.sidebar.error
    assert linked(at) == replace(SMALL_EXPERIMENT, fixes=(FIXES[name](),))
    assert f"s_{name}" in controls(at)


def test_values_come_back_when_their_control_does(app):
    at = app(SMALL, fixes="clip-norm:3,l2:0.002")
    at.number_input(key="c_lr").set_value(0.02).run()
    before = linked(at)
    assert before.lr == 0.02
    for cell in ("esn", "tanh"):
        at.selectbox(key="c_cell").set_value(cell).run()
        assert not at.exception and linked(at).cell == cell
    assert linked(at) == before
    assert_controls_say(at, before)


def test_a_schedule_is_chosen_and_comes_back(app):
    """Its control is there although no link names its default."""
    at = app(SMALL)
    at.selectbox(key="c_schedule").set_value("cosine").run()
    at.number_input(key="c_warmup").set_value(2).run()
    expected = replace(SMALL_EXPERIMENT, schedule="cosine", warmup=2)
    assert not at.exception and linked(at) == expected
    for cell in ("esn", "tanh"):
        at.selectbox(key="c_cell").set_value(cell).run()
    assert linked(at) == expected
    assert_controls_say(at, expected)
    at.selectbox(key="c_schedule").set_value("constant").run()
    at.number_input(key="c_warmup").set_value(0).run()
    assert linked(at) == SMALL_EXPERIMENT and "schedule" not in at.query_params


def test_weight_decay_of_one_weight(app):
    at = app(SMALL, fixes="weight-decay:0.5:W_rec@1")
    assert linked(at).fixes == (FIXES["weight-decay"](0.5, "W_rec", start_step=1),)
    at.text_input(key="s_weight-decay-names").set_value("b+W_in").run()
    assert not at.exception and linked(at).fixes == (FIXES["weight-decay"](0.5, "W_in+b", start_step=1),)
    at.text_input(key="s_weight-decay-names").set_value("W").run()
    assert not at.exception and "weights out of W_in, W_rec, b, W_out, b_out" in at.sidebar.error[0].value


def test_a_gate_bias_comes_back_too(app):
    at = app(SMALL, cell="lstm", bias="chrono")
    for cell in ("tanh", "gru"):
        at.selectbox(key="c_cell").set_value(cell).run()
    assert linked(at) == replace(SMALL_EXPERIMENT, cell="gru", bias="chrono")


def test_controls_of_ones_own_leave_the_preset(app):
    at = app(page="lab")
    at.number_input(key="c_length").set_value(12).run()
    assert story(at).value == session.OWN
    assert linked(at) == replace(STARTING, length=12)
    at.number_input(key="c_length").set_value(STARTING.length).run()
    assert story(at).value == DEFAULT and at.query_params == {}


def test_a_browser_that_still_shows_the_old_story_does_not_choose_it_again(app):
    at = app(page="lab")
    old = story(at)._widget_state
    at.number_input(key="c_length").set_value(12).run()
    seen = at._tree.get_widget_states()
    seen.widgets.append(old)
    at._run(seen)  # as a busy browser's next look at the run does
    assert not at.exception and linked(at) == replace(STARTING, length=12)
    story(at).set_value("remembers").run()
    assert linked(at) == PRESETS["remembers"].experiment


def test_settings_past_the_servers_limits_are_refused_in_words_and_the_last_good_ones_stay(app, pool):
    at = app(SMALL)
    for name in ("length", "replicas", "hidden"):
        at.number_input(key=f"c_{name}").set_value(getattr(pool.limits, f"max_{name}"))
    at.run()
    assert not at.exception
    assert "this server allows" in at.sidebar.error[0].value
    assert linked(at) == SMALL_EXPERIMENT
    for name in ("length", "replicas", "hidden"):
        at.number_input(key=f"c_{name}").set_value(8)
    at.run()
    assert not at.exception and not at.sidebar.error
    assert linked(at) == replace(SMALL_EXPERIMENT, length=8, replicas=8, hidden=8)


@pytest.mark.parametrize(
    "query", [{}, {"cell": "lstm", "bias": "chrono", "fixes": "l2:0.01@3,truncate:7"}, {"cell": "esn", "leak": "0.3"}]
)
def test_every_control_has_its_value_as_its_default_too(app, query):
    """A browser too slow to hear of a value before the next run answers with the default: it must be the same."""
    at = app({"length": "50", "seed": "3"} | query).run()
    side = at.sidebar
    for one in side.number_input:
        assert one.proto.default == one.value, one.key
    for one in side.selectbox:
        assert one.options[one.proto.default] == one.format_func(one.value), one.key
    for one in side.multiselect:
        assert [one.options[i] for i in one.proto.default] == [one.format_func(v) for v in one.value], one.key
    assert len(side.number_input) > 5 and len(side.selectbox) >= 3


# ---- links ----

BAD_LINKS = {
    "cell": ({"cell": "elman"}, {}, ["'elman'", *CELLS]),
    "length=abc": ({"length": "abc"}, {"length": STARTING.length}, ["length", "'abc'", "whole number"]),
    "length=10**9": ({"length": str(10**9)}, {"length": STARTING.length}, ["length", "1000000000", "from 3 to"]),
    "setting": ({"lenght": "10"}, {}, ["'lenght'", *FIELDS]),
    "fix": ({"fixes": "foo:1,clip-norm:2"}, {"fixes": (ClipNorm(2.0),)}, ["'foo'", *FIXES]),
    "strength": ({"fixes": "clip-norm:-1"}, {"fixes": ()}, ["clip-norm", "greater than 0", "-1"]),
    "version": ({"v": "99"}, {}, ["99", "expected 1"]),
    "hidden": ({"hidden": "300"}, {"hidden": STARTING.hidden}, ["hidden", "at most 256 on this server", "300"]),
    "inapplicable": ({"bias": "chrono"}, {}, ["bias", "tanh"]),
    "omega": ({"fixes": "omega:0.5", "cell": "lstm"}, {"cell": "lstm"}, ["omega", "lstm"]),
    "short": ({"length": "4", "task": "agreement-varying"}, {"task": "agreement-varying"}, ["length", "at least", "4"]),
}


@pytest.mark.parametrize("query, kept, words", BAD_LINKS.values(), ids=BAD_LINKS)
def test_a_bad_link_is_named_and_the_rest_of_it_opens(app, query, kept, words):
    at = app({"steps": "20", "replicas": "2"} | query)
    assert not at.exception
    assert len(at.warning) == 1
    assert [word for word in words if word not in at.warning[0].value] == []
    assert linked(at) == replace(STARTING, steps=20, replicas=2, **kept)
    assert_controls_say(at, linked(at))


def test_a_link_of_nothing_but_rubbish_opens_the_first_story(app):
    at = app(a="1", length="", seed="-1", v="x")
    assert not at.exception and len(at.warning) == 4
    assert at.subheader[0].value == PRESETS[DEFAULT].title


def test_a_good_link_opens_its_experiment_and_plays_it(app):
    e = replace(SMALL_EXPERIMENT, cell="gru", bias="chrono", init="orthogonal", fixes=(FIXES["truncate"](5),), seed=7)
    at = app(e.to_query())
    assert not at.exception and not at.warning and "pause" in buttons(at)
    assert linked(at) == e
    assert_controls_say(at, e)
    until(at, lambda at: verdicts(at) and step(at) > 0)


# ---- the buttons ----


def test_pause_stands_still_step_reveals_one_row_and_reset_goes_back(app):
    at = until(app(SMALL), lambda at: verdicts(at) and step(at) >= 2)
    press(at, "pause")
    here = step(at)
    assert {"train", "step", "reset"} <= buttons(at) and "paused" in progress_text(at)
    assert [step(at.run()) for _ in range(3)] == [here] * 3
    until(press(at, "step"), lambda at: step(at) > here)
    assert [step(at.run()) for _ in range(3)] == [here + 1] * 3
    press(at, "reset")
    assert [step(at.run()) for _ in range(3)] == [0] * 3
    press(at, "train")
    assert "pause" in buttons(at)
    until(at, lambda at: step(at) > 0)
    assert not at.exception


def test_stop_lets_go_of_the_training_and_keeps_what_is_drawn(app, pool):
    at = until(app(steps="5000"), lambda at: verdicts(at) and step(at) > 0)
    press(at, "stop")
    here, run = step(at), pool.runs[linked(at).key]
    assert "stopped" in progress_text(at) and "train" in buttons(at) and verdicts(at)
    assert run.status == "waiting" and not run.viewers
    assert [step(at.run()) for _ in range(3)] == [here] * 3
    until(press(at, "train"), lambda at: step(at) > here)


def test_the_seek_bar_goes_to_any_step(app):
    at = finished(app)
    at.select_slider[0].set_value(7).run()
    assert not at.exception and at.select_slider[0].value == 7
    assert [at.run().select_slider[0].value for _ in range(3)] == [7] * 3


def test_two_viewers_share_one_run(app, pool):
    one, two = app(SMALL, seed="5"), app(SMALL, seed="5")
    until(one, lambda at: "2 viewers" in progress_text(at.run()))
    until(two, lambda at: "2 viewers" in progress_text(at.run()))
    assert len(pool.runs[linked(one).key].viewers) == 2


# ---- the finished run ----


def test_the_charts_of_a_row_are_drawn_once_for_all_who_look_at_it(app, monkeypatch):
    at = finished(app, SMALL)
    charts = [chart.proto for chart in at.get("vega_lite_chart")]
    monkeypatch.setattr(live_charts, "draw", None)
    again = [chart.proto for chart in at.run().get("vega_lite_chart")]
    assert len(charts) == 4 and again == charts and not at.exception


def test_a_finished_run_tells_its_accuracy_and_verdict(app):
    at = finished(app)
    assert step(at) == 20 and not at.exception
    (verdict,) = verdicts(at)
    assert "At the subject the gradient is" in verdict and "% of new sentences right" in verdict
    assert finished(app).exception.values == [] and verdicts(at) == [verdict]


def test_a_gated_cell_offers_both_parts_of_its_state(app):
    at = finished(app, cell="lstm")
    widget(at, "lab_state").set_value("c").run()
    widget(at, "lab_network").set_value(2).run()
    assert not at.exception and "dL/dc" in verdicts(at)[0]


@pytest.mark.parametrize("name", [name for name, page in registry.pages().items() if "lr" in (page.CONTROLS or ())])
def test_a_page_that_trains_offers_every_setting_of_every_trained_cell(name):
    offered = set(registry.pages()[name].CONTROLS)
    missing = {cell: set(it.fields) - offered - {"weights"} for cell, it in CELLS.items() if not it.reservoir}
    assert not any(missing.values()), missing


def test_a_part_without_a_gradient_at_the_end_is_shown_as_it_is(app):
    """Of LRU's state the readout sees the real part alone: its gradient is looked at first, and nothing is divided by 0."""
    at = finished(app, cell="lru")
    assert (widget(at, "lab_state").value, widget(at, "lab_measure").value) == ("h", "share")
    widget(at, "lab_state").set_value("im").run()
    assert not at.exception and widget(at, "lab_measure").value == "norm" and len(widget(at, "lab_measure").options) == 1
    widget(at, "lab_state").set_value("h").run()
    assert widget(at, "lab_measure").value == "share"


def test_where_every_step_has_a_loss_one_can_be_looked_at_alone(app):
    """At first that of the last step; the verdict is of that one whatever is drawn."""
    at = finished(app, task="words", length="10")
    assert widget(at, "lab_losses").value == "last"
    assert "the gradient of the last loss" in verdicts(at)[0]
    widget(at, "lab_losses").set_value("all").run()
    assert not at.exception and "the gradient of the last loss" in verdicts(at)[0]
    assert any("All of them together" in caption.value for caption in at.caption)
    assert widget(finished(app), "lab_losses") is None


# ---- the other pages ----


NO_TORCH = """
import sys, time
sys.path.insert(0, ".")
from streamlit.testing.v1 import AppTest
at = AppTest.from_file("dashboard.py", default_timeout=60)
at.query_params.update(length="10", steps="5", replicas="1")
at.run()
end = time.monotonic() + 60
while not at.get("download_button") and time.monotonic() < end:
    time.sleep(0.1)
    at.run()
assert not at.exception and at.get("download_button"), at
print("torch" in sys.modules, "rnnkit.engine.trainer" in sys.modules)
"""


def test_the_server_never_imports_torch(in_fresh_python):
    assert in_fresh_python(NO_TORCH).split() == ["False", "False"]
