"""Every row of the page of remedies must do what it claims, on fresh seeds; and the rows must be comparable at all."""

from dataclasses import replace

import numpy as np
import pytest

from rnnkit import diff
from rnnkit.cells import CELLS
from rnnkit.experiment import Experiment
from rnnkit.fixes import FIXES
from rnnkit.history import History
from rnnkit.inits import BIASES, INITS
from rnnkit.limits import Limits
from rnnkit.record import Record
from rnnkit.remedies import IDEAS, LEVELS, PANELS, UNTRIED, Outcome, Result, lessons, measure, repairs, short
from rnnkit.tasks import TASKS
from rnnkit.trainer import train

FRESH = 12_345  # the page shows seeds 0..7
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
    "spectral": (True, True),
    "esn": (True, True),
    "lstm-chrono": (True, True),
    "gru-chrono": (True, True),
}


def trained(remedy, seed=FRESH):
    """The remedy and the history of its run on other seeds."""
    fresh = replace(remedy, experiment=replace(remedy.experiment, seed=seed))
    history = History(fresh.experiment)
    for record in train(fresh.experiment):
        history.append(record)
    return fresh, history


def assert_within(bounds, value, what):
    assert bounds[0] <= value <= bounds[1], f"{what}: {value:.2g}, claimed is {bounds[0]:g} to {bounds[1]:g}"


@pytest.mark.parametrize("kind, name", ROWS, ids=[" ".join(row) for row in ROWS])
def test_claim_holds_on_fresh_seeds(kind, name):
    remedy, history = trained(PANELS[kind].remedies[name])
    claim, result = remedy.claim, measure(remedy, history, history.n)
    assert_within(claim.solved, (result.solved >= 0).mean(), "share of networks that solved it")
    assert_within(claim.diverged, (result.diverged >= 0).mean(), "share of networks that became NaN")
    assert_within(claim.ratio, result.before, "gradient that arrives before training")
    if not np.isnan(result.after):
        assert_within(remedy.after, result.after, "gradient that arrives after training")
    broken = claim.diverged[0] >= 0.5
    assert (result.outcome == Outcome.BROKEN) == broken or claim.diverged == (0.3, 1.0)
    if claim.solved[0] >= 0.5:
        assert result.outcome in (Outcome.LEARNT, Outcome.NEARLY)


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
    registered = {*FIXES, *CELLS, *INITS, *BIASES}
    assert tried | set(UNTRIED) == registered and not tried & set(UNTRIED)


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


SOURCE = TASKS["agreement"].source(7)


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
    assert result.solved.tolist() == [1, -1] and result.knows.tolist() == [True, False] and result.steps == 1


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
    told = lessons(panel, {name: result(outcome, 0.5) for name, outcome in outcomes.items()})
    for name, outcome in outcomes.items():
        assert sum(panel.remedies[name].idea.title in line for line in told) == 1, outcome
    assert len(told) == 4 and "though" not in " ".join(told)

    told = lessons(panel, {"adam": result(Outcome.LEARNT, 0.5), "tanh": result(Outcome.GUESSES, 2e-6)})
    assert told[-1].startswith("Where it was learnt, at least 0.5") and told[-1].endswith("at most 2e-6.")
    assert lessons(panel, {}) == []


def test_lessons_keep_quiet_about_gradients_that_do_not_tell_the_groups_apart():
    told = lessons(PANELS["vanishing"], {"omega": result(Outcome.LEARNT, 0.5), "plain": result(Outcome.GUESSES, 0.4)})
    assert len(told) == 2


@pytest.mark.parametrize("value, text", {0.0: "0", 0.384: "0.38", 912.0: "912", 3.4e-11: "3e-11", 2100.0: "2e3"}.items())
def test_short(value, text):
    assert short(value) == text
