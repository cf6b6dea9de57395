"""What two experiments differ in, in words: complete, and short where one thing changed."""

from dataclasses import replace

import pytest

from rnnkit import Experiment, diff
from rnnkit.analysis.describe import difference, summary
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, L2, ClipNorm, Truncate
from rnnkit.experiment import FIELDS, GIVEN
from rnnkit.fields import ChoiceField, IntField
from rnnkit.stories.presets import PAIRS, PRESETS, pair
from rnnkit.tasks import TASKS

PLAIN = Experiment(fixes=())


def test_every_field_has_a_label_and_every_choice_a_title():
    for spec in FIELDS.values():
        assert spec.label
        for choice in spec.choices if isinstance(spec, ChoiceField) else ():
            assert spec.words(choice) == spec.choices[choice].title


@pytest.mark.parametrize(
    "a, b, expected",
    [
        (PLAIN, PLAIN, "nothing"),
        (PLAIN, replace(PLAIN, fixes=(ClipNorm(1),)), "only: clipping by norm 1"),
        (replace(PLAIN, fixes=(ClipNorm(1),)), PLAIN, "only: no clipping by norm"),
        (replace(PLAIN, fixes=(L2(0.1),)), replace(PLAIN, fixes=(L2(0.2),)), "only: L2 penalty 0.2 (was 0.1)"),
        (PLAIN, replace(PLAIN, fixes=(ClipNorm(1, start_step=7),)), "only: clipping by norm 1 from training step 7 on"),
        (PLAIN, replace(PLAIN, init="orthogonal"), "only: initialization Orthogonal (was Gaussian)"),
        (PLAIN, replace(PLAIN, length=10, gain=2), "sequence length T 10 (was 100), gain 2 (was 1)"),
        (PLAIN, replace(PLAIN, fixes=(Truncate(5),), seed=1), "truncated backpropagation 5, seed 1 (was 0)"),
        (
            replace(PLAIN, fixes=(L2(0.1), ClipNorm(1))),
            replace(PLAIN, fixes=(ClipNorm(1), L2(0.1))),
            "only: the same remedies in another order",
        ),
        (Experiment(), Experiment(cell="esn"), "only: cell echo state network (was tanh)"),
        (Experiment(cell="esn"), Experiment(), "only: cell tanh (was echo state network)"),
        (Experiment(cell="esn"), Experiment(fixes=(L2(1),)), "cell tanh (was echo state network), L2 penalty 1"),
        (PLAIN, replace(PLAIN, seed=2_000_000_001), "only: seed 2000000001 (was 0)"),
    ],
)
def test_differences(a, b, expected):
    assert difference(a, b) == expected


@pytest.mark.parametrize("name", FIELDS)
def test_no_change_goes_unsaid(name):
    """Every field, changed alone where it applies, is named and is the only thing named."""
    known = (Experiment(cell=cell, task=task) for cell in CELLS for task in TASKS)
    base = next(e for e in known if FIELDS[name].fits(e))  # an optional field applies once it is set
    spec = FIELDS[name]
    if name == "fixes":
        other = [(fix(),) for fix in FIXES.values() if fix.name != "clip-norm"]
    elif isinstance(spec, ChoiceField):
        other = [value for value in spec.choices if value != getattr(base, name)]
    elif name in GIVEN:
        other = ["0123456789abcdef"]
    else:
        other = [12 if isinstance(spec, IntField) else 0.25]
    for value in other:
        try:
            changed = replace(base, **{name: value})
        except ValueError:  # a remedy that is not defined for this cell, a task that needs longer sequences
            continue
        assert set(diff(base, changed)) >= {name}
        assert difference(base, changed).startswith("only: " if name not in ("cell", "fixes") else "")
        assert difference(base, changed) != "nothing"


@pytest.mark.parametrize("title", PAIRS)
def test_a_ready_pair_differs_in_one_thing(title):
    expected = difference(*pair(title))
    assert expected.startswith("only: ") and len(diff(*pair(title))) == 1


@pytest.mark.parametrize("name", PRESETS)
def test_a_summary_names_cell_task_and_length(name):
    e = PRESETS[name].experiment
    assert CELLS[e.cell].title in summary(e) and str(e.length) in summary(e)
