"""Language models: carried state, bits, models that only count, minimal pairs and what is written, against plain computations."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from pages.language import NETWORKS
from rnnkit import Experiment
from rnnkit.corpus import Corpus, Text, ngrams
from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.losses import cross_entropy
from rnnkit.engine.trainer import Trainer, init_params
from rnnkit.studies import STUDIES
from rnnkit.studies.lm_bits import scores
from rnnkit.studies.lm_sample import write
from rnnkit.studies.minimal_pairs import Reading, frequent, log_probabilities
from rnnkit.tasks import TASKS
from rnnkit.tasks.agreement import GROUPS, WORDS
from rnnkit.tasks.characters import OTHER
from rnnkit.tasks.data import STORE
from rnnkit.tasks.next_symbol import STATE_RESET_EVERY, example_text
from rnnkit.tasks.text_symbols import example_pairs

DOUBLE = torch.float64
SMALL = Experiment(task="words", length=8, hidden=6, batch=3, steps=12, replicas=1, input_scale=0.5)
TRAINED = [cell for cell, kind in CELLS.items() if not kind.reservoir]
language, sample, minimal_pairs = (STUDIES[name] for name in ("lm_bits", "lm_sample", "minimal_pairs"))


def weights(e):
    return {name: W[:1] for name, W in init_params(e, DOUBLE).items()}


def last(study, *args, **options):
    *_, found = study(*args, **options)
    return found


def plainly(e, p, symbols):
    """log p of every next symbol, all read in one piece with torch's own functions."""
    x = torch.from_numpy(np.asarray(symbols))[:, None, None]
    z = bptt.readout(p, bptt.forward(CELLS[e.cell], p, x).h)[:, 0, 0]
    return torch.log_softmax(z, -1).numpy()


# ---- training ----


@pytest.mark.parametrize("name", ["characters", "words"])
def test_every_track_goes_on_where_it_ended(name):
    task, stream = TASKS[name], TASKS[name].stream(7, 4, np.random.default_rng(5))
    batches = [next(stream) for _ in range(5)]
    x, y = (np.concatenate([getattr(b, part) for b in batches]) for part in ("x", "y"))
    assert np.array_equal(x[1:], y[:-1]), "what follows is read next"
    train = task.parts[0]
    for track in x.T:
        assert any(np.array_equal(train[i : i + 35], track) for i in np.flatnonzero(train == track[0]))
    assert len(np.unique(x, axis=1).T) == 4
    assert np.array_equal(np.concatenate(task.parts), task.known.encode(task.pieces(task.text)))


@pytest.mark.parametrize("cell", TRAINED)
def test_reading_in_windows_with_the_state_carried_is_reading_at_once(cell):
    e = replace(SMALL, cell=cell)
    p, symbols = weights(e), e.bound_task.parts[2][:60]
    expected = plainly(e, p, symbols[:-1])[np.arange(59), symbols[1:]]
    for window in (7, 59, 500):
        log_p, right = scores(e, p, symbols, window)
        np.testing.assert_allclose(log_p, expected, rtol=1e-10)
        assert np.array_equal(right, plainly(e, p, symbols[:-1]).argmax(1) == symbols[1:])


@pytest.mark.parametrize("cell", TRAINED)
def test_the_gradient_ends_at_the_windows_border_and_the_state_does_not(cell):
    """Against autograd over both windows, with the state detached in between."""
    e = replace(SMALL, cell=cell, fixes=(), optimizer="sgd", lr=0.0)
    trainer = Trainer(e, DOUBLE)
    given = [next(trainer.batches) for _ in range(2)]
    p = {name: W.clone() for name, W in trainer.params.items()}
    outcomes = []
    for g in given:
        outcomes.append({name: W.clone() for name, W in trainer.compute(g).raw.items()})
        trainer.step += 1
    x, y = (torch.cat([getattr(g, name) for g in given]) for name in ("x", "y"))
    s0 = bptt.forward(CELLS[cell], p, x[:8]).end  # where the second window begins
    tape = bptt.forward(CELLS[cell], p, x[8:], s0=s0)
    _, dz = cross_entropy(bptt.readout(p, tape.h), y[8:])
    tape.backward(dz)
    for name, grad in tape.gradients().items():
        torch.testing.assert_close(outcomes[1][name], grad, rtol=1e-10, atol=1e-14)
    alone = bptt.forward(CELLS[cell], p, x[8:])
    assert not torch.allclose(alone.h[0], tape.h[0]), "from the zero state it would be another"


def test_each_track_begins_in_the_zero_state_once_in_a_while():
    """Else a network forgets how to begin, and on real prose all that is read from the zero state becomes nonsense."""
    trainer = Trainer(replace(SMALL, steps=1000))
    renewed = []
    for step in range(2 * STATE_RESET_EVERY + 1):
        given = next(trainer.batches)
        trainer.step = step
        trainer.compute(given)
        first = trainer.functions.tape.forward_arrays.states[0][0, 0]
        renewed += [(step, track) for track in range(SMALL.batch) if not first[track].any()]
    expected = [
        (step, track)
        for step in range(2 * STATE_RESET_EVERY + 1)
        for track in range(3)
        if (step + track) % STATE_RESET_EVERY == 0
    ]
    assert renewed == [(0, 0), (0, 1), (0, 2), *expected[1:]]


def test_the_carried_window_against_autograd():
    e = replace(SMALL, fixes=())
    p, task = weights(e), e.bound_task
    x, y = (torch.from_numpy(task.parts[0][i : i + 16])[:, None, None] for i in (0, 1))
    first = bptt.forward(CELLS["tanh"], p, x[:8])
    tape = bptt.forward(CELLS["tanh"], p, x[8:], s0=(first.h[-1].clone(),))
    _, dz = cross_entropy(bptt.readout(p, tape.h), y[8:])
    tape.backward(dz)
    grads = tape.gradients()
    own = {name: W[0].clone().requires_grad_() for name, W in p.items()}
    h, losses = first.h[-1, 0].clone(), []
    for t in range(8, 16):
        h = torch.tanh(own["W_in"][x[t, 0]] + h @ own["W_rec"] + own["b"])
        losses.append(torch.nn.functional.cross_entropy(h @ own["W_out"] + own["b_out"], y[t, 0]))
    expected = torch.autograd.grad(torch.stack(losses).mean(), list(own.values()))
    for name, grad in zip(own, expected, strict=True):
        torch.testing.assert_close(grads[name][0], grad, rtol=1e-10, atol=1e-14)


# ---- bits ----


def test_bits_are_those_of_the_trained_network_on_the_test_part():
    found = last(language, SMALL, 12)
    trainer = Trainer(replace(SMALL, steps=1000))
    for _ in range(12):
        trainer.advance()
    p = {name: W.double() for name, W in trainer.params.items()}
    test = SMALL.bound_task.parts[2]
    log_p = plainly(SMALL, p, test[:-1])
    bits = -log_p[np.arange(len(test) - 1), test[1:]].mean() / np.log(2)
    assert found.bits["network"] == pytest.approx(bits, rel=1e-9) and found.perplexity == pytest.approx(2**bits, rel=1e-9)
    assert found.accuracy == (log_p.argmax(1) == test[1:]).mean() and found.symbols == len(test)


def test_models_that_count_against_counting_by_hand():
    rng = np.random.default_rng(0)
    train, read = rng.integers(0, 3, 400), rng.integers(0, 3, 50)
    got = np.exp(ngrams.log_probabilities(train, read, 3, 3, m=2.0))
    for i in range(50):
        p = (Counter(train.tolist())[read[i]] + 1) / (400 + 3)
        assert got[0, i] == pytest.approx(p)
        for n in (2, 3):
            if i >= n - 1:
                context = tuple(read[i - n + 1 : i])
                after = [train[j] for j in range(n - 1, 400) if tuple(train[j - n + 1 : j]) == context]
                p = (after.count(read[i]) + 2.0 * p) / (len(after) + 2.0)
            assert got[n - 1, i] == pytest.approx(p)


def test_a_bigram_model_knows_a_text_that_goes_round():
    text = np.tile(np.arange(8), 200)
    found = ngrams.bits_per_symbol(text, text[:80], text[:80], 8, [1, 2])
    assert found[1].mean() == pytest.approx(3, abs=0.01) and found[2].mean() < 0.05


# ---- minimal pairs ----


@pytest.mark.parametrize("name", ["characters", "words"])
def test_pairs_are_compared_by_the_probability_of_the_whole_form(name):
    e = replace(SMALL, task=name)
    p, task = weights(e), e.bound_task
    rng = np.random.default_rng(1)
    prefixes = [rng.integers(0, task.n_in, n) for n in (3, 9, 5)]
    endings = [rng.integers(0, task.n_in, n) for n in (4, 1, 2)]
    got = log_probabilities(e, p, prefixes, endings)
    for prefix, ending, value in zip(prefixes, endings, got, strict=True):
        whole = np.concatenate([prefix, ending])
        log_p = plainly(e, p, whole[:-1])
        expected = sum(log_p[i - 1, whole[i]] for i in range(len(prefix), len(whole)))
        assert value == pytest.approx(expected, rel=1e-10)


def test_examples_pairs_are_not_in_the_text_and_have_the_attractors_they_say():
    pairs, text = example_pairs(), example_text().text
    assert len(pairs) > 400 and {item.attractors for item in pairs.items} == {0, 1, 2, 3}
    assert set(pairs.forms) == {("was", "were"), ("were", "was")} and len(set(pairs.items)) == len(pairs)
    numbers = {WORDS[i]: number for number in ("singular", "plural") for i in GROUPS[number]}
    for (prefix, _), forms, attractors, _ in pairs.items:
        assert prefix not in text
        subject, *others = [numbers[word] for word in prefix.replace(",", "").split() if word in numbers]
        assert (forms[0] == "were") == (subject == "plural")
        assert len(others) == attractors and subject not in others, (
            "so the last noun with a number is wrong wherever there is one"
        )


def test_pairs_of_a_corpus_with_unknown_forms_are_left_out_and_counted():
    def corpus(forms):
        n = len(forms)
        plural = np.arange(n) % 2 == 1
        unknown = np.full(n, -1, np.int16)
        return Corpus("mine", "blimp", (("the", "cat", ","),) * n, plural, unknown, unknown, tuple(forms), ())

    digest = STORE.put(corpus([("was", "were"), ("were", "was"), ("barks", "bark"), ("was", "were")]))
    found = last(minimal_pairs, SMALL, 0, pairs=digest)
    assert (found.pairs, found.skipped) == (2, 1), "the same pair counts once"
    assert found.missing == ["barks", "bark"]
    assert sum(row["n"] for row in found.rows if row["who"] == "network" and row["by"] == "all") == 2
    STORE.drop(digest)
    with pytest.raises(ValueError, match="give the file again"):
        last(minimal_pairs, SMALL, 0, pairs=digest)


def readings(e, *pairs):
    return [Reading(e.bound_task, (before, before), after) for before, after in pairs]


def test_the_more_frequent_form_is_counted_in_the_training_part():
    digest = STORE.put(Text("mine", "the cats were here. " * 60 + "the cat was here. " * 20))
    e = replace(SMALL, data=digest)
    more = frequent(
        e.bound_task, readings(e, ("the cat", ("was", "were")), ("the cats", ("were", "was")), ("a", ("here", "here")))
    )
    assert more[0] < 0 < more[1] and more[2] == 0, "were, whatever the subject"
    STORE.drop(digest)


def test_a_form_is_not_counted_within_another_word():
    digest = STORE.put(Text("mine", "this cat, this dog, this bird were here. " * 20))
    e = replace(SMALL, task="characters", data=digest)
    assert frequent(e.bound_task, readings(e, ("the cats", ("were", "is"))))[0] == 16, "all of them in the first four fifths"
    STORE.drop(digest)


# ---- what it writes ----


def test_what_is_written_follows_the_softmax():
    e = replace(SMALL, task="characters")
    p = weights(e)
    prompt = e.bound_task.known.encode("the cat")
    first = [write(e, p, prompt, 1, 0.8, seed)[0] for seed in range(2000)]
    z = plainly(e, p, prompt)[-1] / 0.8
    expected = np.exp(z) / np.exp(z).sum()
    share = np.bincount(first, minlength=len(z)) / 2000
    assert np.abs(share - expected).max() < 5 * np.sqrt(expected.max() / 2000)


def test_at_temperature_zero_it_takes_the_most_probable_and_a_seed_writes_the_same():
    e = replace(SMALL, task="characters")
    p = weights(e)
    prompt = e.bound_task.known.encode("the cat")
    greedy = write(e, p, prompt, 12, 0, 1)
    text = list(prompt)
    for symbol in greedy:
        assert symbol == plainly(e, p, text)[-1].argmax()
        text.append(symbol)
    assert np.array_equal(write(e, p, prompt, 12, 1, 7), write(e, p, prompt, 12, 1, 7))
    assert not np.array_equal(write(e, p, prompt, 12, 1, 7), write(e, p, prompt, 12, 1, 8))


def test_a_prompt_with_unknown_symbols_names_them():
    found = last(sample, replace(SMALL, task="characters"), 0, prompt="the CAT", n=5)
    assert found.unknown == ["C", "A", "T"] and found.after == "the CAT" and len(found.text) == 5
    assert OTHER in TASKS["characters"].known.symbols


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"n": 0}, "n must be a whole number from 1 to 2000"),
        ({"temperature": -1}, "temperature must be a number from 0"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"prompt": "x" * 1001}, "prompt must be a text of at most 1000 characters"),
    ],
)
def test_what_is_out_of_range_is_refused(options, expected):
    with pytest.raises(ValueError, match=expected):
        last(sample, SMALL, 0, **options)
    with pytest.raises(ValueError, match="needs one of the tasks characters, words; got 'agreement'"):
        last(sample, Experiment(), 0)


# ---- what the page says of its networks ----

FRESH = 12_345


@pytest.fixture(scope="module")
def judged():
    """name -> bits of the network and of the counting models, and the share of pairs that it gets right."""
    found = {}
    for name, network in NETWORKS.items():
        e = replace(network.experiment, seed=FRESH)
        pairs = last(minimal_pairs, e, e.steps)
        (right,) = (row["right"] for row in pairs.rows if (row["by"], row["who"]) == ("all", "network"))
        found[name] = last(language, e, e.steps).bits | {"right": right}
    return found


def test_every_network_beats_the_models_that_count_one_symbol_back(judged):
    for name, found in judged.items():
        assert found["network"] < found["bigram"] < found["unigram"] < found["uniform"], name


def test_the_gru_agrees_and_cut_short_or_tanh_guess(judged):
    assert judged["GRU, words"]["right"] > 0.9
    assert 0.35 < judged["the same, cut after 5 words"]["right"] < 0.65
    assert 0.35 < judged["tanh, words"]["right"] < 0.65
    assert judged["GRU, characters"]["right"] < 0.7
    assert judged["tanh, words"]["network"] - judged["GRU, words"]["network"] < 0.2, "the bits hardly tell"
