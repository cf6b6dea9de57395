"""Every row of the page of remedies must do what it claims, on fresh seeds; and the rows must be comparable at all."""

import re
from dataclasses import replace

import numpy as np
import pytest
from claim_checks import FRESH, NETWORKS, assert_holds, contradictions, networks, own_words

from rnnkit import diff
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES
from rnnkit.engine.history import History
from rnnkit.engine.inits import BIASES, INITS
from rnnkit.engine.record import Record
from rnnkit.engine.trainer import train
from rnnkit.experiment import Experiment
from rnnkit.serving.limits import Limits
from rnnkit.stories.presets import PRESETS
from rnnkit.stories.remedies import IDEAS, LEVELS, PANELS, Outcome, Result, lessons, measure, repairs
from rnnkit.tasks import TASKS

ROWS = [(kind, name) for kind, panel in PANELS.items() for name in panel.remedies]
BOTH_WAYS = {  # name -> whether it repairs (vanishing, exploding), as the texts of the page say
    "truncate": (False, False),
    "l1": (False, False),
    "l2": (False, False),
    "omega": (True, True),
    "clip-norm": (False, True),
    "clip-value": (False, True),
    "orthogonal": (True, True),
    "identity": (True, True),
    "spectral": (False, True),  # in the first one some networks learn, others do not
    "esn": (True, True),
    "lstm-chrono": (True, True),
    "gru-chrono": (True, True),
}


def trained(remedy, seed=FRESH):
    """The remedy and the history of its run on other seeds."""
    fresh = replace(remedy, experiment=replace(remedy.experiment, seed=seed))
    return fresh, History.of(fresh.experiment, train(fresh.experiment))


@pytest.mark.parametrize("kind, name", ROWS, ids=[" ".join(row) for row in ROWS])
def test_claim_holds_on_fresh_seeds(kind, name):
    remedy = PANELS[kind].remedies[name]
    assert_holds(remedy.claim, remedy.experiment, networks(remedy.experiment))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [FRESH, 3 * FRESH])
@pytest.mark.parametrize("kind, name", ROWS, ids=[" ".join(row) for row in ROWS])
def test_claim_holds_on_32_fresh_networks(kind, name, seed):
    remedy = PANELS[kind].remedies[name]
    assert_holds(remedy.claim, remedy.experiment, NETWORKS, seed)


def about(text, kind):
    """What a text says of one panel: the sentences from "Vanishing: " or "Exploding: " on, up to the other word."""
    pieces = re.split(r"\b(Vanishing|Exploding): ", text)
    return " ".join(said for head, said in zip(pieces[1::2], pieces[2::2], strict=True) if head.lower() == kind)


@pytest.mark.parametrize("kind, name", ROWS, ids=[" ".join(row) for row in ROWS])
def test_no_word_about_a_remedy_contradicts_the_claim_of_its_row(kind, name):
    remedy = PANELS[kind].remedies[name]
    idea = remedy.idea
    for text in (idea.helps, idea.fails):
        assert contradictions(own_words(about(text, kind), idea.mentions), remedy.claim) == [], text


@pytest.mark.parametrize("name", IDEAS)
def test_what_an_idea_says_of_a_story_is_that_storys_claim(name):
    idea = IDEAS[name]
    for quote, preset in idea.mentions.items():
        assert quote in idea.helps + idea.fails and contradictions(quote, PRESETS[preset].claim) == []
    whole = own_words(f"{idea.helps} {idea.fails}", idea.mentions)
    rest = re.split(r"\b(?:Vanishing|Exploding): ", whole)[0]  # in front of both: of no panel, so of no run
    assert not re.search(r"\blearns?\b|\bguess|\bNaN\b|\bvanish|\barrives?\b", rest), rest


@pytest.mark.parametrize("kind", PANELS)
def test_no_word_of_a_panel_contradicts_its_plain_network(kind):
    panel = PANELS[kind]
    assert contradictions(panel.text, next(iter(panel.remedies.values())).claim) == []


def test_what_the_texts_say_about_more_and_less_gradient():
    """Before training, in the vanishing panel."""

    def arrives(name, part="h"):
        remedy = PANELS["vanishing"].remedies[name]
        e = replace(remedy.experiment, steps=1)
        brief, history = trained(replace(remedy, experiment=e, claim=replace(remedy.claim, part=part)))
        return measure(brief, history, 1).before

    assert arrives("relu") < 1e-3 * arrives("plain") and arrives("larger-inputs") < 0.3 * arrives("plain")
    assert arrives("spectral") < 0.8 * arrives("orthogonal")
    assert arrives("lstm-chrono") < 0.02 * arrives("lstm-chrono", "c")
    assert arrives("lstm-chrono", "c") > 100 * arrives("lstm-forget-1", "c")


@pytest.mark.parametrize("kind", PANELS)
def test_all_rows_have_the_same_task_data_and_seeds(kind):
    panel = PANELS[kind]
    for remedy in panel.remedies.values():
        assert not {"task", "length", "batch", "replicas", "seed"} & set(diff(panel.plain, remedy.experiment))
    assert len({remedy.experiment for remedy in panel.remedies.values()}) == len(panel.remedies)


def test_no_remedy_of_the_vanishing_panel_has_help_from_another_setting():
    """Learning rate and input scale are the plain network's, unless the row is about nothing else."""
    panel = PANELS["vanishing"]
    for name, remedy in panel.remedies.items():
        changed = set(diff(panel.plain, remedy.experiment))
        if name not in ("other-steps", "larger-inputs", "lstm-forget-1-large", "esn"):
            assert changed <= {"fixes", "init", "cell", "bias"}, name
    assert panel.remedies["esn"].experiment.input_scale == panel.plain.input_scale


def test_pairs_that_are_told_to_differ_in_one_thing():
    rows = {name: remedy.experiment for name, remedy in PANELS["vanishing"].remedies.items()}
    assert set(diff(rows["orthogonal"], rows["truncate-orthogonal"])) == {"fixes"}
    assert set(diff(rows["lstm-forget-1"], rows["lstm-chrono"])) == {"bias"} == set(diff(rows["gru"], rows["gru-chrono"]))
    assert set(diff(rows["relu"], rows["identity"])) == {"init"}


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_what_the_texts_say_it_is_good_for(name):
    assert tuple(repairs(name, kind) for kind in PANELS) == BOTH_WAYS[name]


def test_every_registered_variant_is_tried_or_excused():
    rows = [PANELS[kind].remedies[name].experiment for kind, name in ROWS]
    tried = {fix.name for e in rows for fix in e.fixes}
    tried |= {e.cell for e in rows} | {e.init for e in rows} | {e.bias for e in rows}
    registered = FIXES | CELLS | INITS | BIASES
    excused = {name for name, it in registered.items() if it.not_in_panels}
    assert tried | excused == set(registered) and not tried & excused


@pytest.mark.parametrize("kind, name", ROWS, ids=[" ".join(row) for row in ROWS])
def test_a_small_server_takes_it(kind, name):
    assert Limits().check(PANELS[kind].remedies[name].experiment) == {}


def test_ideas_are_complete_and_used():
    assert {name for _, name in ROWS} == set(IDEAS)
    for name, idea in IDEAS.items():
        assert idea.level in LEVELS, name
        assert all((idea.title, idea.formula, idea.helps, idea.fails, idea.source)), name
        assert idea.formula.count("$") % 2 == 0, name


@pytest.mark.parametrize("kind", PANELS)
def test_rows_of_one_level_stand_together(kind):
    levels = [remedy.idea.level for remedy in PANELS[kind].remedies.values()]
    assert [level for level, before in zip(levels, [None, *levels], strict=False) if level != before] == list(LEVELS)


# ---- measure, lessons, short ----

SMALL = replace(PANELS["vanishing"].remedies["lstm-chrono"], experiment=Experiment(length=7, steps=2, replicas=2, cell="lstm"))


SOURCE = TASKS["agreement"].evidence_step(7)


def record(step, accuracy, source=1.0, dead=-1):
    grad = np.ones((2, 7, 2), np.float32)
    grad[1, SOURCE] = source  # dL/dc at the subject
    two = np.ones(2)
    return Record(step, two, np.array(accuracy), grad, two, two, two, np.array([-1, dead], np.int32), ("", ""))


def seen(*records):
    history = History(SMALL.experiment)
    for r in records:
        history.append(r)
    return measure(SMALL, history, history.n)


def test_measure_reads_the_part_that_the_claim_speaks_of():
    nan = float("nan")
    result = seen(record(0, [0.5, 0.5], 1e-3), record(1, [0.99, 0.5]), record(2, [nan, nan], 0.25))
    assert result.done and result.before == pytest.approx(1e-3) and result.after == pytest.approx(0.25)
    assert result.solved.tolist() == [1, -1] and result.solved_at_end.tolist() == [True, False] and result.steps == 1


@pytest.mark.parametrize(
    "last, dead, outcome",
    [
        ([1.0, 0.99], -1, Outcome.LEARNT),
        ([1.0, 0.95], -1, Outcome.NEARLY),
        ([1.0, 0.5], -1, Outcome.GUESSES),
        ([1.0, float("nan")], 2, Outcome.BROKEN),
    ],
)
def test_outcome(last, dead, outcome):
    assert seen(record(0, [0.5, 0.5])).outcome == Outcome.OPEN
    assert seen(record(0, [0.5, 0.5]), record(1, [0.5, 0.5]), record(2, last, dead=dead)).outcome == outcome


def result(outcome, after):
    score = {Outcome.LEARNT: 1.0, Outcome.NEARLY: 0.95}.get(outcome, 0.5)
    dead = np.array([0 if outcome == Outcome.BROKEN else -1])
    return Result(True, np.array([-1]), np.array([score]), dead, 1.0, after)


def test_lessons_name_every_row_once_and_derive_the_numbers():
    panel = PANELS["exploding"]
    outcomes = dict(zip(panel.remedies, [Outcome.BROKEN, Outcome.LEARNT, Outcome.NEARLY, Outcome.GUESSES], strict=False))
    lines = lessons(panel, {name: result(outcome, 0.5) for name, outcome in outcomes.items()})
    for name, outcome in outcomes.items():
        assert sum(panel.remedies[name].idea.title in line for line in lines) == 1, outcome
    assert len(lines) == 4 and "though" not in " ".join(lines)

    lines = lessons(panel, {"adam": result(Outcome.LEARNT, 0.5), "tanh": result(Outcome.GUESSES, 2e-6)})
    assert lines[-1].startswith("Where it was learnt, at least 0.5") and lines[-1].endswith("at most 2e-6.")
    assert lessons(panel, {}) == []


def test_lessons_keep_quiet_about_gradients_that_do_not_tell_the_groups_apart():
    lines = lessons(PANELS["vanishing"], {"omega": result(Outcome.LEARNT, 0.5), "plain": result(Outcome.GUESSES, 0.4)})
    assert len(lines) == 2


def test_lessons_write_numbers_as_verdicts_do_and_never_compare_with_what_is_no_number():
    lines = lessons(PANELS["vanishing"], {"omega": result(Outcome.LEARNT, 2300.0), "plain": result(Outcome.GUESSES, 0.0)})
    assert "at least 2,300 of the gradient is left at" in lines[-1] and lines[-1].endswith("at most 1e-38.")
    for omega, plain in ((float("nan"), 1e-9), (0.5, float("nan")), (float("inf"), 1e-9)):
        lines = lessons(PANELS["vanishing"], {"omega": result(Outcome.LEARNT, omega), "plain": result(Outcome.GUESSES, plain)})
        assert len(lines) == 2
