"""Small networks learn the tasks of courses that have no story, and what docs/courses.md says of short palindromes."""

import pytest
from claim_checks import FRESH, assert_holds

from rnnkit.experiment import Experiment
from rnnkit.stories.claims import ALL, NONE, Claim

GATED = {"cell": "lstm", "bias": "chrono", "lr": 0.01, "input_scale": 0.3}


@pytest.mark.parametrize(
    ("settings", "claim"),
    [
        ({"task": "latch", "length": 50, "steps": 120, **GATED}, Claim(ALL, ALL, part="c")),
        ({"task": "latch", "length": 50, "steps": 120}, Claim(NONE, NONE, ratio=(0, 1e-8))),
        ({"task": "xor", "length": 10, "steps": 300, **GATED}, Claim(ALL, ALL, part="c")),
        ({"task": "xor", "length": 40, "steps": 300}, Claim(NONE, NONE, ratio=(0, 1e-8))),
        ({"task": "palindrome", "length": 5, "steps": 300}, Claim(ALL, ALL)),
        ({"task": "palindrome", "length": 5, "steps": 300, **GATED, "cell": "gru"}, Claim(ALL, ALL)),
    ],
    ids=lambda value: f"{value['task']}-{value['length']}-{value.get('cell', 'tanh')}" if isinstance(value, dict) else "",
)
def test_what_is_learnt(settings, claim):
    assert_holds(claim, Experiment(**settings), 8, FRESH)
