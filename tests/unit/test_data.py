"""The store of what was given to learn from, and what is prepared of it: once, and freed with it."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from serving import until

from rnnkit import Experiment
from rnnkit.corpus import Corpus, CorpusError, Text, Vocabulary
from rnnkit.corpus.data import MAX_PREPARED
from rnnkit.experiment import ExperimentError
from rnnkit.studies.lm_bits import text_task
from rnnkit.studies.minimal_pairs import STRENGTHS, Reading, counted, stored_pairs
from rnnkit.tasks import TASKS
from rnnkit.tasks.data import STORE, DataStore

SIX = range(6)
OF_CORPUS = Experiment(task="corpus", length=5, vocabulary=50)
OF_TEXT = Experiment(task="words", length=5, vocabulary=50)


def corpus(number):
    prefixes = tuple(("the", f"noun{number}", f"verb{i % 7}") for i in range(60))
    unknown = np.full(60, -1)
    return Corpus(f"corpus {number}", "table", prefixes, np.arange(60) % 2 == 0, unknown, unknown, (), (), part=np.arange(60) % 3)


def text(number):
    return Text(f"text {number}", f"the cat number {number} was here and ate . " * 30)


def until_freed(*references):
    """Collects until they are gone: gc.collect does nothing while another thread collects (a client of an earlier test)."""
    until(lambda: gc.collect() >= 0 and all(reference() is None for reference in references), "what was dropped to be freed")


@pytest.fixture
def given():
    """given(data) -> digest, in the store of this process until the test ends."""
    digests = []

    def put(data):
        digests.append(STORE.put(data))
        return digests[-1]

    yield put
    for digest in digests:
        STORE.drop(digest)


@pytest.fixture
def preparations(monkeypatch):
    """The vocabularies that were counted since."""
    made, of = [], Vocabulary.of.__func__
    monkeypatch.setattr(Vocabulary, "of", classmethod(lambda cls, *args: made.append(args) or of(cls, *args)))
    return made


def test_a_store_holds_what_was_put_until_it_is_dropped():
    store, one = DataStore(), corpus(1)
    digest = store.put(one)
    assert digest == one.digest and digest in store and list(store) == [digest] and len(store) == 1
    assert store.get(digest) is one
    store.drop(digest)
    store.drop(digest)
    assert digest not in store
    with pytest.raises(KeyError):
        store.get(digest)


def test_what_another_process_sends_is_received_as_it_was():
    sender, receiver = DataStore(), DataStore()
    for data in (corpus(1), text(1), stored_pairs("")):
        digest = sender.put(data)
        assert receiver.receive(type(data).__name__, data.to_bytes().decode()) == digest
        assert receiver.get(digest) == data
    with pytest.raises(CorpusError):
        receiver.receive("Text", "{}")
    receiver.clear()
    assert len(receiver) == 0 and len(sender) == 3


def test_a_task_reads_the_store_that_it_is_given():
    """An Experiment reads that of its process, which does not have these."""
    store, one = DataStore(), corpus(1)
    digest = store.put(one)
    assert TASKS["corpus"].with_data(digest, 50, store).corpus is one
    with pytest.raises(KeyError):
        TASKS["words"].with_data(digest, 50, store)
    with pytest.raises(ExperimentError, match="are not here"):
        replace(OF_CORPUS, data=digest).bound_task  # noqa: B018


@pytest.mark.parametrize(("e", "make"), [(OF_CORPUS, corpus), (OF_TEXT, text)], ids=["corpora", "texts"])
def test_six_in_turn_are_prepared_once_each(e, make, given, preparations):
    runs = [replace(e, data=given(make(number))) for number in SIX]
    for _ in range(3):
        for run in runs:
            run.bound_task.example_labels(run.length)
    assert len(preparations) == len(runs)


def test_of_one_corpus_the_vocabularies_used_last_are_held(given, preparations):
    digest = given(corpus(1))
    sizes = range(10, 10 + MAX_PREPARED + 1)
    for size in (*sizes, sizes[-1], sizes[1]):
        replace(OF_CORPUS, data=digest, vocabulary=size).bound_task.n_in  # noqa: B018
    assert len(preparations) == len(sizes)
    replace(OF_CORPUS, data=digest, vocabulary=sizes[0]).bound_task.n_in  # noqa: B018
    assert len(preparations) == len(sizes) + 1


@pytest.mark.parametrize(("e", "make"), [(OF_CORPUS, corpus), (OF_TEXT, text)], ids=["corpus", "text"])
def test_what_is_dropped_is_freed_with_all_that_was_prepared_of_it(e, make, given):
    digest = given(make(1))
    task = replace(e, data=digest).bound_task
    task.example_labels(e.length)
    alive = [weakref.ref(task), weakref.ref(STORE.get(digest))]
    del task
    gc.collect()
    assert all(ref() is not None for ref in alive)
    STORE.drop(digest)
    until_freed(*alive)


def test_the_counting_models_strength_is_freed_with_its_text(given):
    digest = given(text(1))
    task = text_task(replace(OF_TEXT, data=digest))
    counted(task, [Reading(task, ("the cat", "the cat"), ("was", "were"))])
    assert STRENGTHS[task]
    gone = weakref.ref(task)
    del task
    STORE.drop(digest)
    until_freed(gone)
