"""Palindrome, latch, parity, brackets, XOR and delay: their form, their extreme lengths, and what simple rules score."""

import itertools
from collections import Counter
from statistics import NormalDist

import numpy as np
import pytest

from rnnkit.experiment import FIELDS, Experiment
from rnnkit.tasks import TASKS
from rnnkit.tasks.base import shared_evaluation
from rnnkit.tasks.brackets import MAX_DEPTH

NEW = ("delay", "palindrome", "latch", "xor", "parity", "brackets")


def rng(seed=0):
    return np.random.default_rng(seed)


def labelled(name, length, n):
    """Labels, and the answer in words, of n sequences."""
    task, batch = TASKS[name], TASKS[name].sample(length, n, rng())
    return [(task.labels(batch.x[:, i]), task.answer(batch.y[:, i])) for i in range(n)]


@pytest.mark.parametrize("name", NEW)
def test_shortest_and_longest_sequences(name):
    task = TASKS[name]
    with pytest.raises(ValueError, match=f"length must be at least {task.min_length} for task '{name}', got 4"):
        Experiment(task=name, length=4)
    for length, n in ((task.min_length, 500), (FIELDS["length"].high, 3)):
        e = Experiment(task=name, length=length)
        batch = task.sample(length, n, rng())
        assert len(batch.x) == length and len(batch.y) == task.n_targets(length) and batch.x.shape[1] == n
        assert len(e.bound_task.example_labels(length)) == length and 0 <= task.evidence_step(length) < length
        assert e.guess_loss == pytest.approx(np.log(task.n_out))
    batch = shared_evaluation(task, task.min_length)
    chance = task.baselines(task.min_length)["chance"]
    assert chance == pytest.approx(np.bincount(batch.y.ravel()).max() / batch.y.size)
    assert chance == pytest.approx(task.chance, abs=0.02)


@pytest.mark.parametrize("length", [5, 6, 20, 21])
def test_a_palindrome_reads_the_same_backwards(length):
    for digits, answer in labelled("palindrome", length, 300):
        assert [*digits, answer] == [*digits, answer][::-1]
    x = TASKS["palindrome"].sample(length, 20_000, rng()).x
    counts = np.array([np.bincount(row, minlength=10) for row in x]) / 20_000
    assert np.abs(counts - 0.1).max() < 5 * np.sqrt(0.09 / 20_000)
    for t in range(1, length):  # no other digit gives the first one away
        assert abs((x[t] == x[0]).mean() - 0.1) < 5 * np.sqrt(0.09 / 20_000)


def test_counts_modulo_2_give_the_first_digit_of_odd_length():
    for length, single in ((21, 1), (20, 2)):
        x = TASKS["palindrome"].sample(length, 500, rng()).x
        for column in x.T:
            odd = np.flatnonzero(np.bincount(column, minlength=10) % 2)
            assert len(odd) in (single, single - 2) and (column[0] in odd or not len(odd))


@pytest.mark.parametrize(("length", "right"), [(20, 0.95), (100, 0.75)])
def test_a_latch_is_a_class_and_noise(length, right):
    n = 20_000
    batch = TASKS["latch"].sample(length, n, rng())
    noise = batch.x[3:, :, 0]
    assert (batch.x[:3, :, 0] == 2 * batch.y - 1).all()
    assert abs(noise.mean()) < 5 * np.sqrt(0.2 / noise.size)
    assert abs(noise.var() - 0.2) < 5 * 0.2 * np.sqrt(2 / noise.size)
    expected = NormalDist().cdf(3 / np.sqrt(0.2 * (length - 3)))
    assert expected == pytest.approx(right, abs=0.005)
    assert abs(((batch.x.sum(0)[:, 0] > 0) == batch.y[0]).mean() - expected) < 5 * np.sqrt(expected * (1 - expected) / n)
    assert {(labels[0], labels[2], answer) for labels, answer in labelled("latch", length, 50)} == {
        ("+1.0", "+1.0", "+1"),
        ("-1.0", "-1.0", "-1"),
    }


@pytest.mark.parametrize("length", [10, 19, 100])
def test_two_bits_are_marked_where_adding_marks_numbers(length):
    n = 3000
    batch = TASKS["xor"].sample(length, n, rng())
    marks = np.array([np.flatnonzero(column > 1) for column in batch.x.T])
    assert marks.shape == (n, 2)
    edge = max(1, length // 10)
    assert set(marks[:, 0]) == set(range(edge)) and set(marks[:, 1]) <= set(range(edge, edge + max(1, int(0.4 * length))))
    assert marks[:, 1].max() < 0.5 * length
    for mark in marks.T:  # one bit alone says nothing
        bit = batch.x[mark, np.arange(n)] % 2
        assert abs((bit == batch.y[0]).mean() - 0.5) < 5 * 0.5 / np.sqrt(n)
    for labels, answer in labelled("xor", length, 50):
        one, other = (label[0] for label in labels if label.endswith("*"))
        assert answer == str(int(one != other))


def test_parity_in_words():
    for labels, answer in labelled("parity", 13, 50):
        assert answer == ("odd" if labels.count("1") % 2 else "even")


@pytest.mark.parametrize("length", [8, 9, 30])
def test_a_stream_is_repeated_half_its_length_later(length):
    task, delay = TASKS["delay"], length // 2
    batch = task.sample(length, 50, rng())
    for k, target in enumerate(batch.y):
        assert np.array_equal(target, batch.x[length - len(batch.y) + k - delay])
    for labels, answer in labelled("delay", length, 50):
        assert answer == labels[-1 - delay] == labels[task.evidence_step(length)]


# ---- brackets


def words(length):
    """All words of the form that brackets.py describes, as texts without the kinds: 1 opens, 0 closes."""
    kept, found = 2 - length % 2, []
    for word in itertools.product((1, 0), repeat=length - kept):
        depth = np.cumsum([*[1] * kept, *(2 * step - 1 for step in word)])
        if depth[kept - 1 :].min() >= kept and depth.max() <= MAX_DEPTH and depth[-1] == kept:
            found.append((*[1] * kept, *word))
    return found


@pytest.mark.parametrize("length", [9, 10, 13])
def test_all_words_are_equally_likely(length):
    n, expected = 40_000, words(length)
    seen = Counter(map(tuple, (TASKS["brackets"].sample(length, n, rng()).x < 2).astype(int).T))
    p = 1 / len(expected)
    assert set(seen) == set(expected)
    assert max(abs(seen[word] / n - p) for word in expected) < 5 * np.sqrt(p / n)


@pytest.mark.parametrize("length", [9, 10, 40, 41, 3000])
def test_the_first_bracket_stays_open_and_all_others_are_closed(length):
    x = TASKS["brackets"].sample(length, 200, rng()).x
    depth, kept = np.cumsum(np.where(x < 2, 1, -1), 0), 2 - length % 2
    assert (np.arange(1, kept + 1) == depth[:kept].T).all() and (depth[kept:] >= kept).all() and (depth[-1] == kept).all()
    assert depth.max() == MAX_DEPTH


@pytest.mark.parametrize("length", [9, 10, 41])
def test_the_kinds_of_opening_brackets_are_independent(length):
    x = TASKS["brackets"].sample(length, 20_000, rng()).x
    opening = [column[column < 2] for column in x.T]
    values = np.array(opening)  # as many in every word
    assert values.shape[1] == (length + 1) // 2 if length % 2 else length // 2 + 1
    assert np.abs(values.mean(0) - 0.5).max() < 5 * 0.5 / np.sqrt(20_000)
    apart = np.corrcoef(values.T) - np.eye(values.shape[1])
    assert np.abs(apart).max() < 5 / np.sqrt(20_000)


# ---- simple rules reach the baselines, and no rule that reads one input is better


def best_of_one_input(batch):
    """The accuracy of the best answer to the input of the same step."""
    tables = [np.bincount(batch.y[batch.x == symbol]) for symbol in np.unique(batch.x)]
    return sum(table.max() for table in tables) / batch.y.size


@pytest.mark.parametrize(
    ("name", "rule", "length", "expected"),
    [
        ("parity", "last bit", 10, 11 / 20),
        ("parity", "last bit", 31, 32 / 62),
        ("brackets", "last bracket", 9, 28 / 36),
        ("brackets", "last bracket", 10, 32 / 40),
        ("brackets", "last bracket", 41, 124 / 164),
    ],
)
def test_a_rule_that_reads_one_input(name, rule, length, expected):
    task, n = TASKS[name], 60_000
    batch = task.sample(length, n, rng())
    answers = np.array([[0, 1, 0, 1][symbol] for symbol in range(task.n_in)])[batch.x]  # the input's own kind
    accuracy, spread = (answers == batch.y).mean(), 0.5 / np.sqrt(n)
    assert accuracy == pytest.approx(expected, abs=3 * spread)
    assert accuracy == pytest.approx(best_of_one_input(batch), abs=3 * spread)
    scores, shown = task.baselines(length), shared_evaluation(task, length)
    assert set(scores) == {"chance", rule} and scores[rule] == (shown.x % 2 == shown.y).mean()
    assert scores[rule] == pytest.approx(expected, abs=0.04)
