"""Tasks: targets recomputed from the inputs, sentences against a grammar written down here, chance levels by simulation."""

import hashlib
import itertools
import re
from collections import Counter

import numpy as np
import pytest
from right_answers import ANSWERS, EVERY_STEP, SENTENCES, subject_of

from rnnkit.corpus import SHAPES
from rnnkit.engine.losses import LOSSES
from rnnkit.experiment import Experiment
from rnnkit.tasks import TASKS, Batch, is_held_out
from rnnkit.tasks.agreement import GRAMMAR, PLURAL, SINGULAR, VOCABULARY, WORDS
from rnnkit.tasks.base import HELD_OUT_ONE_IN, Task
from rnnkit.tasks.characters import OTHER
from rnnkit.tasks.forecast import Forecast

every = pytest.mark.parametrize("name", TASKS)
sentences = pytest.mark.parametrize("name", SENTENCES)


def rng(seed=0):
    return np.random.default_rng(seed)


def a_few_lengths(name):
    shortest = TASKS[name].min_length
    return shortest, shortest + 1, shortest + 14, 60


@every
def test_targets_follow_from_the_inputs(name):
    if name not in ANSWERS:
        pytest.skip(f"the right answer of {name!r} is not written down in this file")
    for length in a_few_lengths(name):
        batch = TASKS[name].sample(length, 200, rng())
        sources = []
        for n in range(200):
            answer, source = ANSWERS[name](batch.x[:, n])
            np.testing.assert_allclose(batch.y[:, n], answer, rtol=1e-14)
            sources.append(source)
        if TASKS[name].padded:
            continue  # then it is the one of a sequence of the usual length
        assert TASKS[name].evidence_step(length) <= min(sources)
        assert min(sources) - TASKS[name].evidence_step(length) <= 1


@every
def test_shapes_ranges_and_words(name):
    task = TASKS[name]
    for length in a_few_lengths(name):
        batch = task.sample(length, 50, rng())
        read, asked = batch.x.dtype == np.float64, task.loss == "squared_error"  # whether they are numbers
        assert batch.x.shape == ((length, 50, task.n_in) if read else (length, 50))
        K = len(batch.y)
        assert batch.y.shape == ((K, 50, task.n_out) if asked else (K, 50))
        assert task.n_targets(length) == K and 1 <= K <= length
        assert (length == K) == (task.carries_state or name in EVERY_STEP)
        scored = task.scored(batch)
        assert scored.x is batch.x and np.array_equal(scored.y, batch.y[-len(scored.y) :])
        assert len(scored.y) == (10 if name == "copying" else K)
        assert (batch.lengths is not None) == task.padded
        for values, numbers, symbols in ((batch.x, read, task.n_in), (batch.y, asked, task.n_out)):
            assert values.dtype == (np.float64 if numbers else np.int64)
            assert np.isfinite(values).all() and (numbers or 0 <= values.min() <= values.max() < symbols)
        if isinstance(task, Forecast):  # standard deviations
            assert batch.x.min() >= -6 and batch.x.max() <= 6
        labels = task.labels(batch.x[:, 0])
        assert len(labels) == length
        assert all(isinstance(label, str) and label for label in labels)
        assert isinstance(task.answer(batch.y[:, 0]), str)
    assert task.loss in LOSSES
    assert task.title
    assert task.about.endswith(".")


@every
def test_the_same_generator_draws_the_same_and_another_does_not(name):
    task = TASKS[name]
    one, same, other = (task.sample(task.min_length + 9, 40, rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.x, same.x)
    assert np.array_equal(one.y, same.y)
    assert not np.array_equal(one.x, other.x)


@every
def test_every_input_symbol_and_answer_occurs(name):
    task = TASKS[name]
    batch = task.sample(max(task.min_length, 40), 4000, rng())
    if task.loss == "cross_entropy":
        words = set(range(task.n_in))
        if name == "agreement":
            outside = {WORDS.index(word) for word in SINGULAR + PLURAL + ["the", "which"]}
            assert set(np.unique(batch.x[4:])) == words - outside
        if task.data:  # no unknown word or character occurs in the examples
            words -= {i for i in words if task.known.decode([i])[0] in (*SHAPES, OTHER)}
        assert batch.x.dtype == np.float64 or set(np.unique(batch.x)) == words
        answers = {0, 1} if name in ("permutation", "corpus") else words if task.carries_state else set(range(task.n_out))
        assert set(np.unique(batch.y)) == answers


def test_part_takes_rows_of_both():
    batch = TASKS["memorization"].sample(25, 9, rng())
    part = batch.part(slice(2, 5))
    assert np.array_equal(part.x, batch.x[:, 2:5])
    assert np.array_equal(part.y, batch.y[:, 2:5])


# ---- what a guesser gets


def best_constant(task, y):
    """(accuracy, loss, squared loss on one-hot targets) of the best constant answer, each with its sampling error."""
    n = y.size
    if task.loss == "cross_entropy":
        p = np.bincount(y.ravel(), minlength=task.n_out) / n
        log_p = np.log(p, out=np.zeros_like(p), where=p > 0)
        second_order = 10 * np.count_nonzero(p) / n  # the sample's frequencies fit it a little better than the true ones
        spread = np.sqrt(p @ log_p**2 - (p @ log_p) ** 2 + 1e-12)
        return (
            (p.max(), 6 * np.sqrt(p.max() * (1 - p.max()) / n)),
            (-p @ log_p, 6 * spread / np.sqrt(n) + second_order),
            ((1 - p @ p) / task.n_out, second_order / task.n_out),
        )
    error, inside = np.square(y - y.mean((0, 1))), np.ones(y.shape[:-1], bool)
    for column in np.moveaxis(y, -1, 0):  # of all intervals of the width in which a constant is right, the one that holds most
        values = np.sort(column.ravel())
        held = np.searchsorted(values, values + 2 * np.sqrt(task.max_squared_error), "right") - np.arange(len(values))
        low = values[held.argmax()]
        inside &= (column >= low) & (column <= low + 2 * np.sqrt(task.max_squared_error))
    n, right = len(y[0]), inside.mean()  # the targets of one sequence are not independent
    loss = (error.mean(), 6 * error.std() / np.sqrt(n))
    return (right, 6 * np.sqrt(right * (1 - right) / n)), loss, loss


@every
def test_chance_and_guess_loss_by_simulation(name):
    task = TASKS[name]
    batch = task.scored(task.sample(task.min_length, 200_000, rng()))
    accuracy, loss, squared = best_constant(task, batch.y)
    assert abs(task.chance - accuracy[0]) < accuracy[1]
    assert abs(task.guess_loss - loss[0]) < loss[1]
    assert abs(task.squared_guess_loss - squared[0]) < squared[1]
    length = task.min_length
    plain, reservoir = Experiment(task=name, length=length), Experiment(task=name, length=length, cell="esn")
    share = task.guessed_share(length)
    assert share == (len(batch.y) / length if name == "copying" else 1)
    assert (plain.loss, plain.guess_loss) == (task.loss, share * task.guess_loss)
    assert (reservoir.loss, reservoir.guess_loss) == ("squared_error", share * task.squared_guess_loss)


@every
def test_classes_are_balanced_at_any_length(name):
    """Also on each side of the division into training and test, where the shortest length has few different sequences."""
    task = TASKS[name]
    if task.loss != "cross_entropy" or task.data:  # somebody's sentences are as they are
        return
    for length, held_out in itertools.product((task.min_length + 4, 45), (False, True)):
        y = task.scored(task.draw(length, 6000, rng(), held_out)).y
        classes = {"permutation": 2, "copying": 8}.get(name, task.n_out)
        counts = np.bincount(y.ravel())
        assert len(counts) == classes
        assert np.abs(counts / y.size - 1 / classes).max() < 5 * np.sqrt((1 - 1 / classes) / classes / y.size) + 0.01


# ---- training and test sequences


def sequences(batch):
    return {column.tobytes() for column in np.ascontiguousarray(np.moveaxis(batch.x, 1, 0))}


@every
def test_no_test_sequence_is_ever_a_training_one(name):
    task = TASKS[name]
    for length in (60,) if task.data else (task.min_length, task.min_length + 3):  # ends of sentences are often the same
        train = set().union(*(sequences(task.draw(length, 5000, rng(s), held_out=False)) for s in range(4)))
        test = set().union(*(sequences(task.draw(length, 2000, rng(s), held_out=True)) for s in range(4, 6)))
        assert not train & test
        if task.finite and length == task.min_length and name.startswith("agreement"):
            assert len(train) < 20_000  # the same ones do come again, so the division is put to the test


@every
def test_exactly_so_many_sequences_are_drawn(name):
    task = TASKS[name]
    for n, held_out in itertools.product((1, 7, 300), (False, True)):
        batch = task.draw(task.min_length + 5, n, rng(), held_out)
        assert batch.x.shape[1] == batch.y.shape[1] == n
        again = task.draw(task.min_length + 5, n, rng(), held_out)
        assert np.array_equal(batch.x, again.x)


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if task.finite and not task.data])
def test_one_sequence_in_eight_is_held_out_whatever_its_company(name):
    x = TASKS[name].sample(TASKS[name].min_length + 12, 20_000, rng()).x
    out = is_held_out(x)
    different = len(sequences(Batch(x, x)))
    assert abs(out.mean() - 1 / HELD_OUT_ONE_IN) < 5 * np.sqrt(1 / HELD_OUT_ONE_IN * (1 - 1 / HELD_OUT_ONE_IN) / different)
    assert np.array_equal(is_held_out(x[:, ::-1]), out[::-1])
    assert np.array_equal([is_held_out(x[:, n : n + 1])[0] for n in range(50)], out[:50])


def test_the_held_out_sequences_are_those_of_the_hash():
    """Its formula in Python's integers, modulo 2^64."""
    x = rng().integers(0, 50, (7, 40))
    weights = [int(w) | 1 for w in rng().integers(1, 2**63, len(x), dtype=np.uint64)]
    for symbols, out in zip(x.T.tolist(), is_held_out(x), strict=True):
        mixed = sum((symbol + 1) * w for symbol, w in zip(symbols, weights, strict=True)) % 2**64
        mixed = (mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9 % 2**64
        assert out == ((mixed >> 40) % HELD_OUT_ONE_IN == 0)


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("agreement", "5f0742db00cc6243"),
        ("agreement-varying", "8b86105646849701"),
        ("agreement-attractors", "c4ca913f0c517637"),
        ("agreement-varying-attractors", "6876fd0568a2f33e"),
    ],
)
def test_a_seed_draws_the_sentences_that_it_always_drew(name, digest):
    """Or all trainings of today are others."""
    drawn = hashlib.sha256()
    for batch in itertools.islice(TASKS[name].stream(20, 32, rng()), 40):
        drawn.update(np.ascontiguousarray(batch.x, np.int64).tobytes() + np.ascontiguousarray(batch.y, np.int64).tobytes())
    assert drawn.hexdigest()[:16] == digest


def test_a_task_with_too_few_sequences_says_so():
    class OneSequence(Task):
        title, n_in, n_out, min_length, chance, guess_loss = "one", 1, 1, 3, 1.0, 0.0

        def sample(self, length, n, rng):
            return Batch(np.zeros((length, n), np.int64), np.zeros((1, n), np.int64))

    side = bool(is_held_out(np.zeros((5, 1), np.int64))[0])
    assert OneSequence().draw(5, 20, rng(), side).x.shape == (5, 20)
    with pytest.raises(ValueError, match="'one' has too few different sequences of length 5"):
        OneSequence().draw(5, 20, rng(), not side)


# ---- agreement


def one_of(words):
    return "(?:" + "|".join(f"{re.escape(word)} " for word in words) + ")"


def sentence_pattern(varying, attractors):
    """Adverbs, the SUBJECT , which CLAUSE (CONJUNCTION CLAUSE)* , as a regular expression over the words."""
    adverb, verb, adjective, determiner = (one_of(VOCABULARY[k]) for k in ("adverb", "verb", "adjective", "determiner"))
    noun = one_of(VOCABULARY["mass"] + (SINGULAR + PLURAL if attractors else []))
    thing = f"{determiner}?{adjective}*{noun}"
    where = f"{one_of(VOCABULARY['preposition'])}(?:{determiner}{adjective}*)?{noun}"
    clause = f"{adverb}*{verb}{thing}(?:{where})*"
    opening = f"{adverb}*" if varying else ""
    return re.compile(
        f"{opening}the {one_of(SINGULAR + PLURAL)}, which {clause}(?:{one_of(VOCABULARY['conjunction'])}{clause})*, "
    )


def texts(name, length, n, seed=0):
    x = TASKS[name].sample(length, n, rng(seed)).x
    return [TASKS[name].labels(x[:, i]) for i in range(n)]


def test_no_word_is_in_two_groups():
    assert len(set(WORDS)) == len(WORDS)
    assert len(SINGULAR) == len(PLURAL)
    assert [a + ("s" if a != "child" else "ren") for a in SINGULAR] == PLURAL


@sentences
@pytest.mark.parametrize("length", [7, 8, 9, 10, 11, 12, 13, 20, 50, 200])
def test_sentences_follow_the_grammar_and_have_exactly_the_length(name, length):
    task = TASKS[name]
    pattern = sentence_pattern(task.varying, task.attractors)
    for words in texts(name, length, 300):
        assert len(words) == length
        assert pattern.fullmatch(" ".join(words) + " "), " ".join(words)


@sentences
def test_the_subject_stands_second_or_moves(name):
    for length in (7, 8, 15, 40):
        places = Counter(subject_of(words) for words in texts(name, length, 4000))
        expected = range(1, 2 + (length - 7) // 2) if TASKS[name].varying else [1]
        assert set(places) == set(expected)
        n = len(expected)
        assert max(abs(count / 4000 - 1 / n) for count in places.values()) < 5 * np.sqrt(1 / n / 4000)
        assert TASKS[name].evidence_step(length) == 1


@sentences
def test_attractors_are_as_frequent_as_stated_and_independent_of_the_subject_and_each_other(name):
    task, pairs, neighbours, mass = TASKS[name], [], [], 0
    for words in texts(name, 25, 6000):
        at = subject_of(words)
        nouns = [word for word in words[at + 1 :] if word in SINGULAR + PLURAL]
        pairs += [(words[at] in PLURAL, noun in PLURAL) for noun in nouns]
        mass += sum(word in VOCABULARY["mass"] for word in words)
        neighbours += [(a in PLURAL, b in PLURAL) for a, b in itertools.pairwise(nouns)]
    if not task.attractors:
        assert not pairs
        return
    n = len(pairs)
    table = np.array(pairs, float)
    assert abs(np.corrcoef(table.T)[0, 1]) < 5 / np.sqrt(n)
    assert abs(np.corrcoef(np.array(neighbours, float).T)[0, 1]) < 5 / np.sqrt(len(neighbours))
    assert abs(table[:, 1].mean() - 0.5) < 5 * 0.5 / np.sqrt(n)
    assert abs(n / (n + mass) - task.attractors) < 5 * 0.5 / np.sqrt(n + mass)


def test_nothing_but_the_subject_gives_the_answer_away():
    """Word by word, sentences with singular and plural subjects differ at the subject alone."""
    batch = TASKS["agreement"].sample(12, 20_000, rng())
    plural = batch.y[0] == 1
    for t in range(12):
        a, b = (np.bincount(batch.x[t, side], minlength=len(WORDS)) / side.sum() for side in (plural, ~plural))
        distance = np.abs(a - b).sum() / 2
        assert distance == (1.0 if t == 1 else pytest.approx(0, abs=5 * np.sqrt(len(WORDS) / 20_000)))


@pytest.mark.parametrize("length", [9, 11])
def test_clauses_have_the_grammars_probabilities_given_their_length(length):
    """All paths of word classes that end with a noun in time, weighted as GRAMMAR says, against the frequencies."""
    words, n = length - 5, 60_000
    paths = {("start",): 1.0}
    for _ in range(words):
        paths = {(*path, k): p * q for path, p in paths.items() for k, q in GRAMMAR[path[-1]].items()}
    paths = {path[1:]: p for path, p in paths.items() if path[-1] == "noun"}
    total = sum(paths.values())
    kind = {word: "noun" if group == "mass" else group for group, members in VOCABULARY.items() for word in members}
    x = TASKS["agreement"].sample(length, n, rng()).x
    seen = Counter(tuple(kind[WORDS[i]] for i in column) for column in x[4:-1].T)
    assert set(seen) <= set(paths)
    for path, p in paths.items():
        p /= total
        assert abs(seen[path] / n - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-4, path


# ---- the others


@pytest.mark.parametrize(("name", "starts"), [("temporal-order", (0.1, 0.5)), ("temporal-order-3", (0.1, 0.3, 0.6))])
@pytest.mark.parametrize("length", [10, 19, 37, 100])
def test_temporal_order_has_its_marks_in_their_windows(name, starts, length):
    x = TASKS[name].sample(length, 3000, rng()).x
    marks = np.array([np.flatnonzero(column < 2) for column in x.T])
    assert marks.shape == (3000, len(starts))
    for place, start in enumerate(starts):
        first = int(start * length)
        assert set(marks[:, place]) == set(range(first, first + max(1, int(0.1 * length))))


def test_temporal_order_says_the_order_in_words():
    batch = TASKS["temporal-order-3"].sample(30, 50, rng())
    for n in range(50):
        seen = [label for label in TASKS["temporal-order-3"].labels(batch.x[:, n]) if label in "AB"]
        assert TASKS["temporal-order-3"].answer(batch.y[:, n]) == " then ".join(seen)


@pytest.mark.parametrize("name", ["adding", "adding-sum", "multiplication"])
@pytest.mark.parametrize("length", [10, 19, 100])
def test_two_numbers_are_marked_one_in_each_window(name, length):
    x = TASKS[name].sample(length, 3000, rng()).x
    assert set(np.unique(x[..., 0])) == {0.0, 1.0}
    marks = np.array([np.flatnonzero(column) for column in x[..., 0].T])
    assert marks.shape == (3000, 2)
    assert marks[:, 0].max() < max(1, 0.1 * length)
    assert marks[:, 1].min() >= max(1, length // 10)
    assert marks[:, 1].max() < 0.5 * length
    assert abs(x[..., 1].mean() - 0.5) < 5 / np.sqrt(12 * 3000 * length)
    assert x[..., 1].min() >= 0 and x[..., 1].max() < 1
