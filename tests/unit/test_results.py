"""What every study yields: Progress, and results of its own class, which come through the wire as they were."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from rnnkit import Experiment
from rnnkit.engine.record import pack, unpack
from rnnkit.results import RESULTS, Progress, from_wire, to_wire
from rnnkit.studies import STUDIES

SMALL = Experiment(length=10, hidden=5, batch=4, steps=6, replicas=2)
OF_TEXT = Experiment(task="words", length=10, hidden=5, batch=4, steps=6, replicas=2)
USUAL = SMALL, {"step": 60}
ASKED = {  # study -> another Experiment or other options, where these do not suit it
    "regime_map": (SMALL, {"gains": [0.5, 1.0], "lengths": [10, 20]}),
    "word_by_word": (SMALL, {"step": 60, "sentences": [[0, 3, 2, 1]]}),
    "evaluate_corpus": (Experiment(task="corpus", length=10, hidden=5, batch=4, steps=6, replicas=2), {"step": 60}),
    "lm_bits": (OF_TEXT, {"step": 60}),
    "lm_sample": (OF_TEXT, {"step": 60, "prompt": "the cat", "n": 5}),
    "minimal_pairs": (OF_TEXT, {"step": 60}),
    "other_lengths": (SMALL, {"lengths": [10, 20], "n": 30}),
    "free_run": (Experiment(task="series", length=10, hidden=5, batch=4, steps=6, replicas=2), {"step": 60, "horizon": 20}),
    "training_outcome": (SMALL, {"until": "solved"}),
}


def same(a, b):
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a == b


def test_every_study_has_a_result_and_both_files_are_called_like_it():
    assert list(STUDIES) == list(RESULTS)
    for name, study in STUDIES.items():
        assert study.__module__ == f"rnnkit.studies.{name}"
        assert RESULTS[name] is dict or RESULTS[name].__module__ == f"rnnkit.results.{name}"


@pytest.mark.parametrize("result", [r for r in RESULTS.values() if r is not dict], ids=lambda r: r.__name__)
def test_a_result_is_a_frozen_dataclass_with_a_docstring(result):
    assert is_dataclass(result) and result.__dataclass_params__.frozen
    assert not result.__doc__.startswith(f"{result.__name__}("), "its own words, not those that dataclass writes"


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_yields_progress_and_ends_with_a_result_that_travels(name):
    e, options = ASKED.get(name, USUAL)
    e = replace(e, seed=list(STUDIES).index(name))  # networks that no other study has trained here
    parts = list(STUDIES[name](e, **options))
    progress = [part.share for part in parts if isinstance(part, Progress)]
    assert progress == sorted(progress) and 0 < progress[0] <= progress[-1] <= 1
    results = [part for part in parts if not isinstance(part, Progress)]
    assert results and all(type(part) is RESULTS[name] for part in results)
    for part in parts:
        again = from_wire(name, unpack(pack(to_wire(part))))
        assert type(again) is type(part)
        values, there = to_wire(part), to_wire(again)
        assert values.keys() == there.keys()
        assert [key for key in values if not same(values[key], there[key])] == []


def test_fields_that_a_result_does_not_have_are_refused():
    with pytest.raises(TypeError):
        from_wire("lm_sample", {"text": "x", "more": 1})
    assert "share" not in {f.name for result in RESULTS.values() if result is not dict for f in fields(result)}
