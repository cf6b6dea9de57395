"""Training on sentences of different lengths: padding that is exactly absent, class weights, rounds, and what was learnt."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from corpora import SMALL, corpus_of
from hypothesis import given
from hypothesis import strategies as st
from short_trainings import fitting

from rnnkit import Experiment, frame, train
from rnnkit.corpus import TEST, TRAIN, VALIDATION, predictions
from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import History
from rnnkit.engine.losses import LOSSES
from rnnkit.engine.record import ABSENT, NOTHING
from rnnkit.engine.trainer import Trainer, init_params
from rnnkit.experiment import ExperimentError
from rnnkit.serving.limits import Limits
from rnnkit.serving.run_pool import RunPool
from rnnkit.stories.presets import PRESETS
from rnnkit.studies import evaluate_corpus as studies
from rnnkit.studies.evaluate_corpus import answers, evaluate
from rnnkit.tasks import TASKS
from rnnkit.tasks.corpus import Sentences, example_corpus
from rnnkit.tasks.data import STORE

DOUBLE = torch.float64


@pytest.fixture
def mine():
    digest = STORE.put(corpus_of())
    yield digest
    STORE.drop(digest)


def cell_experiment(cell, **values):
    return Experiment(**({**fitting(cell, gain=1.2), "task": "corpus", "hidden": 5, "input_scale": 0.8} | values))


# ---- padding ----


@pytest.mark.parametrize("cell", CELLS)
@given(data=st.data())
def test_a_padded_batch_has_the_gradients_of_its_sentences_one_by_one(cell, data):
    T, R, B = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 2)), data.draw(st.integers(1, 4))
    words = np.array(data.draw(st.lists(st.lists(st.integers(1, T), min_size=B, max_size=B), min_size=R, max_size=R)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    e = cell_experiment(cell, length=max(T, 3), replicas=R)
    p, kind, loss = init_params(e, DOUBLE), CELLS[cell], LOSSES["cross_entropy"]
    x = torch.from_numpy(rng.integers(0, p["W_in"].shape[1], (T, R, B)))
    y = torch.from_numpy(rng.integers(0, 2, (1, R, B)))
    starts = T - words
    mask = torch.from_numpy((np.arange(starts.min(), starts.max())[:, None, None] >= starts)[..., None]).to(DOUBLE)
    tape = bptt.Tape(kind, p, T, B)
    for padding in (None, bptt.Padding(int(starts.min()), mask)):  # what the first pass leaves must not show
        tape.forward(p, x, padding=padding)
        _, dz = loss(bptt.readout(p, tape.h[-1:]), y)
        tape.backward(dz)
        grads = tape.gradients()
    for r in range(R):
        one = {name: W[r : r + 1] for name, W in p.items()}
        total = {name: 0.0 for name in grads}
        for b in range(B):
            n = words[r, b]
            alone = bptt.forward(kind, one, x[T - n :, r : r + 1, b : b + 1])
            _, dz = loss(bptt.readout(one, alone.h[-1:]), y[:, r : r + 1, b : b + 1])
            alone.backward(dz)
            for name, grad in alone.gradients().items():
                total[name] = total[name] + grad[0] / B
            for part, its_own in zip((*tape.ds, tape.da), (*alone.ds, alone.da), strict=True):
                assert not part[: T - n, r, b].any(), "exactly nothing before the first word"
                torch.testing.assert_close(part[T - n :, r, b], its_own[:, 0, 0] / B, rtol=1e-10, atol=1e-14)
            for part, its_own in zip(tape.s, alone.s, strict=True):
                torch.testing.assert_close(part[T - n :, r, b], its_own[:, 0, 0], rtol=1e-10, atol=1e-14)
        for name, grad in total.items():
            torch.testing.assert_close(grads[name][r], grad, rtol=1e-10, atol=1e-14)


def test_what_is_recorded_says_where_no_sentence_had_begun():
    e = replace(SMALL, length=25)  # the example's longest sentence has 20 words
    records = list(train(e))
    longest = max(len(words) for words in example_corpus().prefixes)
    for r in records:
        assert (r.state_grad[:, : 25 - longest] == ABSENT).all()
        assert (r.state_grad[:, -7:] >= 0).all(), "every sentence has seven words"
        gone = r.state_grad == ABSENT
        assert (gone[:, 1:] <= gone[:, :-1]).all(), "nothing is absent after something"
    h = History(e)
    for r in records:
        h.append(r)
    codes = h.codes(h.n)
    assert (codes[:, : 25 - longest] == NOTHING).all() and not (codes[:, -7:] == NOTHING).any()


def test_the_norm_of_a_step_that_few_have_reached_is_scaled_up_to_the_batch():
    e = replace(SMALL, replicas=1)
    trainer = Trainer(e, DOUBLE)
    record = trainer.advance()
    padding, ds = trainer.functions.tape.padding, trainer.functions.tape.ds[0]
    share = padding.mask.mean((2, 3))[:, 0]
    for i, t in enumerate(range(padding.first, padding.first + len(share))):
        expected = ds[t, 0].norm() / share[i].sqrt()
        assert record.state_grad[0, t, 0] == pytest.approx(float(expected), rel=1e-12)


# ---- batches ----


def test_sentences_end_at_the_last_step_and_lose_their_first_words():
    task = TASKS["corpus"]
    items = task.items(TRAIN)[:50]
    for length in (5, 25):
        batch = task.batch(items, length)
        for column, item in enumerate(items):
            words = list(task.corpus.prefixes[item][-length:])
            assert batch.lengths[column] == len(words)
            assert task.labels(batch.x[length - len(words) :, column]) == words
            assert batch.y[0, column] == task.corpus.plural[item]


def test_every_training_sentence_comes_once_a_round(mine):
    task = Sentences(corpus_of(), 50)
    n, stream = len(task.items(TRAIN)), task.stream(10, 7, np.random.default_rng(3))
    drawn = np.concatenate([next(stream).x for _ in range(-(-n // 7))], 1).T[:n]
    expected = task.batch(task.items(TRAIN), 10).x.T
    assert np.array_equal(np.unique(drawn, axis=0, return_counts=True)[1], np.unique(expected, axis=0, return_counts=True)[1])


def test_parts_share_no_sentence_and_the_evaluation_batch_is_of_the_validation_part(mine):
    task = Experiment(task="corpus", data=mine).bound_task
    prefixes = [{task.corpus.prefixes[i] for i in task.items(part)} for part in (TRAIN, VALIDATION, TEST)]
    assert all(prefixes) and not (prefixes[0] & prefixes[1] or prefixes[0] & prefixes[2] or prefixes[1] & prefixes[2])
    batch = task.evaluation_batch(12, np.random.default_rng(0))
    assert batch.x.shape == (12, len(task.items(VALIDATION)))


@pytest.mark.parametrize("singular", [300, 60])
def test_classes_of_very_different_size_are_weighted_to_count_the_same(singular):
    task = Sentences(corpus_of(singular, 300), 50)
    shares = np.bincount(task.plural[task.items(TRAIN)]) / len(task.items(TRAIN))
    batch = task.batch(task.items(TRAIN), 10)
    if singular == 300:
        assert batch.weight is None and task.guess_loss == pytest.approx(-(shares * np.log(shares)).sum())
        return
    assert batch.weight.mean() == pytest.approx(1)
    for answer in (0, 1):
        assert batch.weight[batch.y[0] == answer].sum() == pytest.approx(len(batch.weight) / 2)
    assert task.guess_loss == pytest.approx(np.log(2)) and task.chance == pytest.approx(shares.max())


@pytest.mark.parametrize("name", LOSSES)
def test_weighted_losses_and_their_derivatives(name):
    rng = np.random.default_rng(0)
    z = torch.from_numpy(rng.normal(size=(1, 2, 5, 3))).requires_grad_()
    y = torch.from_numpy(rng.integers(0, 3, (1, 2, 5)))
    weight = torch.from_numpy(rng.random((2, 5)) * 2)
    target = y if name == "cross_entropy" else torch.nn.functional.one_hot(y, 3).double()
    plain = torch.nn.functional.cross_entropy if name == "cross_entropy" else None
    each = plain(z.permute(0, 3, 1, 2), y, reduction="none") if plain else (z - target).square().mean(-1)
    expected = (each * weight).mean((0, 2))
    loss, dz = LOSSES[name](z.detach(), target, weight)
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(dz, torch.autograd.grad(expected.sum(), z)[0], rtol=1e-12, atol=1e-15)


# ---- data and their names ----


def test_an_experiment_without_its_data_says_so():
    e = Experiment(task="corpus", data="0123456789abcdef")
    with pytest.raises(ExperimentError, match="0123456789abcdef are not here") as error:
        e.bound_task  # noqa: B018
    assert list(error.value.problems) == ["data"]


def test_a_text_is_not_a_corpus(mine):
    with pytest.raises(ExperimentError, match="not here"):
        Experiment(task="words", data=mine).bound_task  # noqa: B018


def test_a_worker_is_given_the_data_and_trains_the_same(mine):
    e = replace(SMALL, data=mine, vocabulary=30)
    pool = RunPool()
    try:
        run = pool.get(e)
        answer = pool.ask("evaluate_corpus", replace(e, replicas=1), step=e.steps)
        pool.watch(run, "me", run.rows)
        assert answer.ended.wait(120) and answer.error == ""
        expected = frame(train(e))
        while not run.done:
            pool.watch(run, "me", run.rows)
            assert not run.error
        assert np.array_equal(run.history.loss.ravel(), expected["loss"])
    finally:
        pool.close()
    *_, here = studies.study(replace(e, replicas=1), e.steps)
    assert answer.parts[-1] == here


def test_a_worker_forgets_what_the_server_has_forgotten():
    def asked(corpus):
        e = replace(SMALL, data=STORE.put(corpus), replicas=1)
        answer = pool.ask("evaluate_corpus", e, step=0)
        assert answer.ended.wait(120) and answer.error == ""
        return e.data

    pool = RunPool(Limits(workers=1))
    try:
        one = asked(corpus_of())
        STORE.drop(one)
        two = asked(corpus_of(200, 200))
        (worker,) = pool.workers
        assert worker.data == {two}
        STORE.put(corpus_of())
        worker.data.add(one)  # as if it still had it
        answer = pool.ask("evaluate_corpus", replace(SMALL, data=one, replicas=1), step=1)
        assert answer.ended.wait(120) and f"data {one} are not here" in answer.error
    finally:
        pool.close()
        STORE.drop(one)
        STORE.drop(two)


# ---- what was learnt ----


def test_answers_are_those_of_every_sentence_read_alone():
    e = replace(SMALL, steps=60)
    trainer = Trainer(e, DOUBLE)
    for _ in trainer.records():
        pass
    task, p = e.bound_task, {name: W[:1] for name, W in trainer.params.items()}
    items = task.items(TEST)
    alone = []
    for item in items:
        x = torch.from_numpy(task.encoded[item][-e.length :])[:, None, None]
        alone.append(bool(bptt.readout(p, bptt.forward(CELLS["tanh"], p, x).h[-1:]).argmax()))
    assert np.array_equal(answers(e, task, trainer.params, items), alone)
    rows = evaluate(e, trainer.params).rows
    (total,) = (row for row in rows if (row["by"], row["who"]) == ("all", "network"))
    assert total["n"] == len(items) and total["right"] == np.mean(np.array(alone) == task.plural[items].astype(bool))
    assert total["low"] < total["right"] < total["high"]
    for by in ("attractors", "distance"):
        assert sum(row["n"] for row in rows if row["by"] == by and row["who"] == "network") == len(items)
    plural = predictions(task.corpus, items)["last-noun"]
    (last,) = (row for row in rows if (row["by"], row["who"]) == ("all", "last-noun"))
    assert last["right"] == np.mean(plural == task.corpus.plural[items])


def test_a_baseline_that_is_better_than_the_network_is_told(mine):
    untrained = init_params(replace(SMALL, data=mine))
    warnings = evaluate(replace(SMALL, data=mine), untrained).warnings
    assert any("bag of words" in warning for warning in warnings)


def test_attractors_that_are_too_frequent_are_told():
    plain = corpus_of()
    digest = STORE.put(replace(plain, attractors=np.arange(len(plain)) % 3))
    e = replace(SMALL, data=digest)
    warnings = evaluate(e, init_params(e)).warnings
    STORE.drop(digest)
    assert any("67 % of the sentences whose attractors are known have one, far more" in warning for warning in warnings)


def test_only_a_corpus_can_be_examined():
    with pytest.raises(ValueError, match="needs one of the tasks corpus; got 'agreement'"):
        list(studies.study(Experiment(replicas=1), 0))


# ---- as many sentences as people have ----

TRAINS = """
import re, sys, torch
torch.set_num_threads(1)
sys.path.insert(0, "tests")
from dataclasses import replace
from pathlib import Path
from corpora import varied_corpus
from rnnkit.stories.presets import PRESETS
from rnnkit.tasks.data import STORE
from rnnkit.engine.trainer import Trainer
e = replace(PRESETS[{name!r}].experiment, data=STORE.put(varied_corpus()), seed=12345, replicas=3, steps={steps})
*_, last = Trainer(e).records()
print(sorted(last.accuracy)[1], int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""


@pytest.mark.parametrize(
    ("name", "steps", "least"), [("corpus-lstm", 300, 0.93), ("corpus-gru", 300, 0.93), ("corpus-tanh", 1600, 0.9)]
)
def test_the_presets_learn_thousands_of_sentences_in_little_memory(in_fresh_python, name, steps, least):
    accuracy, megabytes = map(float, in_fresh_python(TRAINS.format(name=name, steps=steps)).split())
    assert accuracy >= least, "the median of three networks on the validation part"
    assert megabytes < 500
    assert PRESETS[name].experiment.hidden == 50
