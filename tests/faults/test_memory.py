"""Memory stays in proportion to what is read."""

import tracemalloc

import pytest

from pages.tour import highlight
from rnnkit.corpus import CorpusError, read_corpus, read_text
from rnnkit.experiment import Experiment
from rnnkit.export import run_list
from rnnkit.stories.tours import read_tour

PLACES = highlight.targets()  # imports the pages, which takes memory of its own
SIZES = [  # what reads it, what is read, and so many times its size may be in use meanwhile
    (lambda data: read_text(data).words, b"(" * 500_000, 40),
    (lambda data: read_text(data).words, b"a " * 250_000, 40),
    (lambda data: _refused(data), b"prefix\tlabel\n" + b"a b\tsg\n" * 30_000, 120),
    (lambda data: _refused(data), b"prefix,label" + b",x" * 9_000, 400),
    (lambda data: _refused(data), b'{"' + b"\n{" * 99_000, 120),
    (run_list.load, b"{\n" * 499_000, 8),
    (run_list.load, run_list.HEADER.encode() + b'\n{"name": "a"}' * 70_000, 8),
    (lambda data: read_tour(data, PLACES), b"[[station]]\n" * 8_000, 60),
    (lambda data: Experiment.from_query({"fixes": data.decode()}), b"l1:1," * 2_000, 120),
]


@pytest.mark.parametrize(("read", "data", "times"), SIZES, ids=[str(n) for n in range(len(SIZES))])
def test_memory_stays_in_proportion(read, data, times):
    tracemalloc.start()
    try:
        read(data)
        assert tracemalloc.get_traced_memory()[1] < times * len(data) + 1_000_000
    finally:
        tracemalloc.stop()


def _refused(data):
    with pytest.raises(CorpusError):
        read_corpus(data)
