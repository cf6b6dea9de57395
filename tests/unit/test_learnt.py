"""Learnt or not: one rule, held against Wilson's interval and the baselines of every task; and the sentence that says it."""

from dataclasses import replace

import numpy as np
import pytest

from rnnkit import Experiment
from rnnkit.analysis.learnt import baselines, best_baseline, last_accuracy, levels, outcome, solved_at, solved_threshold
from rnnkit.analysis.summary import verdict
from rnnkit.corpus import Corpus, wilson
from rnnkit.corpus.baselines import bag_of_words
from rnnkit.engine.evaluation import Evaluation
from rnnkit.engine.history import History
from rnnkit.engine.trainer import init_params
from rnnkit.engine.weights import Stream
from rnnkit.tasks import TASKS
from rnnkit.tasks.base import EVALUATION_SEED, EVALUATION_SIZE, shared_evaluation
from rnnkit.tasks.data import STORE
from rnnkit.tasks.forecast import Forecast

ONE = Experiment(length=10, replicas=1, steps=280)
STEPS = np.array([0, 120, 240, 280])
NAN = float("nan")


def column(*accuracy):
    return np.array(accuracy)[:, None]


def rare_plurals(plurals, n=3000, seed=0):
    """A corpus of n different sentences of which so many are plural."""
    rng = np.random.default_rng(seed)
    nouns = [f"noun{i}" for i in range(40)]
    prefixes = tuple(("the", nouns[rng.integers(40)], f"w{i}", f"v{rng.integers(30)}") for i in range(n))
    plural = np.zeros(n, bool)
    plural[rng.choice(n, plurals, replace=False)] = True
    unknown = np.full(n, -1, np.int16)
    return Corpus("rare", "table", prefixes, plural, unknown, unknown, forms=(), notes=())


# ---- the rule


@pytest.mark.parametrize("name", TASKS)
def test_the_bar_is_where_wilsons_interval_leaves_the_best_baseline_behind(name):
    e = Experiment(task=name, length=max(TASKS[name].min_length, 20))
    _, best = best_baseline(e.bound_task, e.length)
    n = e.bound_task.evaluation_size(e.length)
    assert n == shared_evaluation(e.bound_task, e.length).x.shape[1]
    beats = solved_threshold(e, minimum=0)
    for k in range(n + 1):
        if abs(k / n - beats) > 1e-9:
            assert (wilson(k, n)[0] > best) == (k / n > beats)
    assert solved_threshold(e) == max(0.99, beats)


def test_99_percent_are_not_enough_where_a_guesser_has_as_many():
    name = STORE.put(rare_plurals(14))
    try:
        e = Experiment(task="corpus", data=name, length=10, replicas=2, steps=100)
        assert best_baseline(e.bound_task, 10)[1] > 0.99
        accuracy = np.full((3, 2), 0.997)
        text, learnt = outcome(e, np.array([0, 50, 100]), accuracy, np.full(2, -1))
        assert not learnt and "got at least" not in text and "99.7 % of new sentences right" in text and "a guesser 99." in text
        h = History(replace(e, steps=2))
        h.n, h.causes = 3, [("", "")] * 3
        h.accuracy[:], h.loss[:], h.state_grad[:] = accuracy, e.guess_loss, 1
        assert verdict(h).tone == "neutral"
    finally:
        STORE.drop(name)


def test_a_corpus_that_can_be_told_from_a_guesser_is_learnt_at_99_percent():
    e = Experiment(task="corpus", length=10, replicas=1, steps=100)
    text, learnt = outcome(e, np.array([0, 100]), column(0.5, 0.995), np.array([-1]))
    assert learnt and text.startswith(
        "The network got at least 99 % of new sentences right, by training step 100 (a bag of words 7"
    )


def test_nothing_is_better_than_a_rule_that_is_always_right():
    """1,000 sentences whose last noun always tells: p (1 - p) is 0, and 100 % would be no more than the rule has."""
    rng = np.random.default_rng(0)
    plural = rng.random(1000) < 0.5
    prefixes = tuple(("the", f"w{i}", f"w{i // 2}", "cats" if many else "cat") for i, many in enumerate(plural))
    last = plural.astype(np.int16)
    name = STORE.put(Corpus("told", "table", prefixes, plural, last, np.zeros(1000, np.int16), forms=(), notes=()))
    try:
        e = Experiment(task="corpus", data=name, length=10, replicas=2, steps=100)
        assert best_baseline(e.bound_task, 10)[1] == 1 and solved_threshold(e) > 1
        said, learnt = outcome(e, np.array([0, 50, 100]), np.ones((3, 2)), np.full(2, -1))
        assert not learnt and said.startswith("100 % of new sentences right, ") and "no network can be better" in said
    finally:
        STORE.drop(name)


def test_an_evaluation_with_several_answers_counts_symbols():
    e = Experiment(task="memorization", length=25, replicas=1, steps=280)
    text, _ = outcome(e, STEPS, column(0.2, 0.2, 0.2, 0.2), np.array([-1]))
    assert text.startswith("Not learnt: 20 % of new symbols right, a guesser 2")


# ---- baselines


def _best(values, width):
    """The constant of a fine grid that most of the values are near to."""
    grid = np.linspace(values.min(), values.max(), 20_001)
    counts = np.searchsorted(np.sort(values), grid + width, "right") - np.searchsorted(np.sort(values), grid - width)
    return grid[counts.argmax()]


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("length", [0, 30])
def test_a_constant_answer_has_the_accuracy_of_the_baseline_on_the_evaluation_batch(name, length):
    task = TASKS[name].with_data("", 2000)
    length = max(length, task.min_length)
    batch = shared_evaluation(task, length)
    if task.loss == "cross_entropy":
        best = max(float((batch.y == answer).mean()) for answer in np.unique(batch.y))
    else:
        width = np.sqrt(task.max_squared_error)
        guesses = (
            [task.guess] if hasattr(task, "guess") else [_best(values, width) for values in batch.y.reshape(-1, task.n_out).T]
        )
        best = float((np.square(batch.y - np.array(guesses)).max(-1) <= task.max_squared_error * (1 + 1e-12)).mean())
    assert baselines(task, length)["chance"] == pytest.approx(
        best, abs={"corpus": 0.02}.get(name, 1e-3 if isinstance(task, Forecast) else 1e-9)
    )
    if task.answers:
        assert best == pytest.approx(1 / task.answers) and task.chance == pytest.approx(best)
        counts = np.bincount(batch.y.ravel(), minlength=task.answers)
        assert len(set(counts.tolist())) == 1 and batch.x.shape[1] == task.evaluation_size(length)


def test_networks_and_baselines_have_the_same_evaluation_batch():
    assert EVALUATION_SEED == Stream.TEST
    e = Experiment(length=12, replicas=1)
    assert np.array_equal(Evaluation(e, init_params(e)).batch.x, shared_evaluation(e.bound_task, 12).x)


@pytest.mark.parametrize("name", ["agreement-attractors", "agreement-varying-attractors"])
@pytest.mark.parametrize(("length", "share"), [(10, 0.845), (20, 0.75), (50, 0.66)])
def test_a_bag_of_words_among_attractors_does_what_a_logistic_regression_does(name, length, share):
    task = TASKS[name]
    found = baselines(task, length)["bag of words"]
    assert found == pytest.approx(share, abs=0.02)
    rng = np.random.default_rng(1)
    train, test = (task.sample(length, n, rng) for n in (6000, 6000))
    words = [task.labels(x) for x in train.x.T]
    right = bag_of_words(words, train.y[0] == 1)([task.labels(x) for x in test.x.T]) == test.y[0]
    assert found == pytest.approx(right.mean(), abs=0.025)
    assert levels(Experiment(task=name, length=length)) == (("chance", 0.5), ("bag of words", found))


def test_without_attractors_there_is_no_bag_of_words_to_beat():
    assert set(baselines(TASKS["agreement"], 20)) == {"chance"}


# ---- the sentence


def test_a_network_that_solved_it_and_then_became_nan_is_both():
    text, learnt = outcome(ONE, STEPS, column(0.5, 0.6, 1.0, NAN), np.array([254]))
    assert (
        text
        == "The network got at least 99 % of new sentences right, by training step 240, but it became NaN at training step 254."
    )
    assert not learnt


def test_of_several_networks_those_that_fell_and_those_that_became_nan_are_counted():
    e = Experiment(length=10, replicas=4, steps=280)
    accuracy = np.array([[0.5] * 4, [1, 1, 0.6, 0.5], [1, 1, 1, 0.5], [1, NAN, 0.9, 0.5]])
    text, learnt = outcome(e, STEPS, accuracy, np.array([-1, 254, -1, -1]))
    assert text == (
        "3 of 4 networks got at least 99 % of new sentences right, half of them by training step 120, "
        "but 1 fell below again and 1 became NaN, the first at training step 254."
    )
    assert not learnt


def test_when_of_one_network_is_no_median():
    e = Experiment(length=10, replicas=3, steps=280)
    text, _ = outcome(e, STEPS, np.array([[0.5] * 3, [0.5, 1, 0.5], [0.5, 1, 0.5], [0.5, 1, 0.5]]), np.full(3, -1))
    assert text == "1 of 3 networks got at least 99 % of new sentences right, by training step 120."


def test_of_those_that_are_not_nan_so_far():
    e = Experiment(length=10, replicas=3, steps=400)
    accuracy = np.array([[0.5] * 3, [0.5, 0.5, 0.5]])
    text, _ = outcome(e, STEPS[:2], accuracy, np.array([50, -1, -1]))
    assert text == "Of the others so far 50 % of new sentences right, a guesser 50 %."


def test_what_became_nan_between_two_evaluations_does_not_count_as_learnt():
    """The last evaluation was before the end: its accuracy is that of weights that are no more."""
    accuracy = column(0.5, 1.0, 1.0)
    assert np.isnan(last_accuracy(accuracy, np.array([254]))).all() and last_accuracy(accuracy, np.array([-1])) == [1.0]
    assert not outcome(ONE, STEPS[:3], accuracy, np.array([254]))[1]


def test_what_was_nearly_learnt_before_nan_is_not_called_nothing():
    text, _ = outcome(ONE, STEPS, column(0.5, 0.6, 0.97, NAN), np.array([254]))
    assert text == "Not learnt: the network had 97 % of new sentences right before its weights became NaN."
    assert outcome(ONE, STEPS, column(0.5, 0.52, 0.53, NAN), np.array([254]))[0] == "Nothing was learnt."


def test_the_best_of_many_guessers_has_learnt_nothing():
    """Of 32 networks that guess the best has more than a single guesser's interval allows."""
    scores = np.random.default_rng(0).binomial(EVALUATION_SIZE, 0.5, (5, 32)) / EVALUATION_SIZE
    e = Experiment(length=10, replicas=32, steps=400)
    assert scores.max() > solved_threshold(e, minimum=0)
    steps, accuracy = np.arange(0, 240, 40), np.vstack([scores, np.full(32, NAN)])
    assert outcome(e, steps, accuracy, np.full(32, 190))[0] == "Nothing was learnt."


def test_what_is_just_below_the_bar_is_not_printed_as_if_it_were_above():
    assert outcome(ONE, STEPS, column(0.5, 0.9, 0.97, 253 / 256), np.array([-1]))[0].startswith("Not learnt: 98.8 % of")


def test_among_attractors_the_bag_of_words_is_named():
    e = Experiment(task="agreement-attractors", length=20, replicas=1, steps=280)
    text, _ = outcome(e, STEPS, column(0.5, 0.6, 0.7, 0.74), np.array([-1]))
    assert text == "Not learnt: 74 % of new sentences right, a bag of words 74 %, a guesser 50 %."


def test_solved_at():
    accuracy = np.array([[0.5, 0.5, 0.99], [0.99, 0.9, 0.2]])
    assert list(solved_at(np.array([0, 40]), accuracy)) == [40, -1, 0]
    assert list(solved_at(np.array([0, 40]), accuracy, 0.995)) == [-1, -1, -1]
