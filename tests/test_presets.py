"""Every preset is trained on fresh seeds and must do what its text claims; nothing on a page is true by assertion alone."""

from dataclasses import replace

import numpy as np
import pytest

from rnnkit.cells import CELLS
from rnnkit.history import History
from rnnkit.limits import Limits
from rnnkit.presets import DEFAULT, PRESETS, named
from rnnkit.trainer import train
from rnnkit.verdict import gradient_ratio, solved_at, verdict

FRESH = 12_345  # the pages show seeds 0..7


def run(preset):
    e = replace(preset.experiment, seed=FRESH)
    return e, list(train(e))


@pytest.mark.parametrize("name", PRESETS)
def test_claim_holds_on_fresh_seeds(name):
    preset = PRESETS[name]
    claim = preset.claim
    e, records = run(preset)
    steps, accuracy = np.array([r.step for r in records]), np.array([r.accuracy for r in records])
    solved = (solved_at(steps, accuracy) >= 0).mean()
    diverged = (records[-1].diverged >= 0).mean()
    ratio = gradient_ratio(records[0].state_grad, e, CELLS[e.cell].parts.index(claim.part))
    assert claim.solved[0] <= solved <= claim.solved[1], f"{solved:.0%} of the networks solved it"
    assert claim.diverged[0] <= diverged <= claim.diverged[1], f"{diverged:.0%} of the networks diverged"
    assert claim.ratio[0] <= ratio <= claim.ratio[1], f"gradient ratio {ratio:.1e}"
    told = verdict(History.of(e, records))
    assert ("NaN" in told.gradient) == (diverged > 0)
    assert told.tone == ("bad" if diverged else "good" if solved > 0.5 else "neutral")


@pytest.mark.parametrize("name", PRESETS)
def test_preset_is_welcome_on_a_small_server(name):
    assert Limits().check(PRESETS[name].experiment) == {}


def test_presets_are_distinct_and_found_again():
    assert all(named(p.experiment) == name for name, p in PRESETS.items())
    assert DEFAULT in PRESETS


def test_saturated_and_truncated_change_one_thing_only():
    """Stories that compare must differ in what they name and in nothing else but the number of steps."""
    from rnnkit import diff

    def changed(a, b):
        return set(diff(PRESETS[a].experiment, PRESETS[b].experiment)) - {"steps"}

    assert changed("explodes", "clipped") == {"fixes"}
    assert changed("orthogonal", "truncated") == {"fixes"}
    assert changed("orthogonal", "orthogonal-saturated") == {"input_scale"}
    assert changed("no-omega", "omega") == {"fixes"} == changed("no-omega", "l2")
    assert changed("forgets", "remembers") == {"length"}
    assert changed("lstm-forget-1", "lstm-chrono") == {"bias"}
