"""Every remedy of the grid is trained without and with it, on fresh seeds, and does what the text beside it says."""

import pytest
from claim_checks import FRESH, NETWORKS, assert_holds, contradictions, networks

from rnnkit.experiment import diff
from rnnkit.serving.limits import Limits
from rnnkit.stories.grid import GRID

COMPARISONS = {f"{heading}: {it.title}": it for heading, row in GRID.items() for it in row}
TRAININGS = {
    training.experiment: training for it in COMPARISONS.values() for training in (it.without, it.repaired)
}  # those of a preset or a panel are trained with it


@pytest.mark.parametrize("title", ["Exploding gradients: Truncation", "Exploding gradients: Penalty"])
@pytest.mark.parametrize("which", ["without", "repaired"])
def test_claim_holds_on_fresh_seeds(title, which):
    training = getattr(COMPARISONS[title], which)
    assert_holds(training.claim, training.experiment, networks(training.experiment))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [FRESH, 3 * FRESH])
@pytest.mark.parametrize("title", COMPARISONS)
@pytest.mark.parametrize("which", ["without", "repaired"])
def test_claim_holds_on_32_fresh_networks(title, which, seed):
    training = getattr(COMPARISONS[title], which)
    assert_holds(training.claim, training.experiment, NETWORKS, seed)


@pytest.mark.parametrize("title", COMPARISONS)
def test_no_word_contradicts_the_claims(title):
    it = COMPARISONS[title]
    first, *rest = it.text.split(". ")
    if first.startswith("Without it"):
        assert contradictions(first, it.without.claim) == []
        assert contradictions(". ".join(rest), it.repaired.claim) == []
    else:
        assert contradictions(it.text, it.repaired.claim) == []


@pytest.mark.parametrize("title", COMPARISONS)
def test_the_two_trainings_differ_in_the_remedy(title):
    """Clipping trains longer, because the plain networks are NaN at once; a cell brings the values that suit it."""
    it = COMPARISONS[title]
    changed = set(diff(it.without.experiment, it.repaired.experiment))
    assert (
        changed
        <= {
            "Truncation": {"fixes"},
            "Penalty": {"fixes"},
            "Clipping": {"fixes", "steps"},
            "Initialization": {"init"},
            "Echo state network": {"cell", "hidden", "leak", "gain", "init", "optimizer", "lr", "steps", "bias"},
            "LSTM": {"cell", "bias"},
        }[it.title]
    )


def test_the_usual_limits_allow_all():
    assert all(Limits().check(e) == {} for e in TRAININGS)
