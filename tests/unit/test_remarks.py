"""Settings that change nothing in a run are named: in the Experiment, by the command line, in the sidebar."""

from dataclasses import replace

import numpy as np
import pytest
from apptest import SMALL
from reference import active

from rnnkit import Experiment, train
from rnnkit.__main__ import main
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES
from rnnkit.engine.fixes.torch_names import WEIGHTS

E = Experiment(length=10, hidden=4, steps=3, replicas=1, batch=4)


@pytest.mark.parametrize(
    ("changes", "remarks"),
    [
        ({}, []),
        ({"fixes": ("clip-norm:1@2",)}, []),
        (
            {"fixes": ("clip-norm:1@3",)},
            ["clip-norm:1.0@3 changes nothing: it begins at training step 3, and the last"],
        ),
        ({"warmup": 3}, []),
        ({"warmup": 4}, ["The warm-up of 4 updates does not end: the run has 3."]),
        ({"cell": "mingru", "fixes": ("freeze:W_rec+b",)}, []),
        ({"cell": "mingru", "fixes": ("weight-decay",)}, []),
        (
            {"cell": "mingru", "fixes": ("freeze:W_rec",)},
            ["freeze:W_rec changes nothing: this cell has no W_rec, but W_in, b"],
        ),
        ({"cell": "lru", "fixes": ("weight-decay:1:W_rec",)}, ["weight-decay:1.0:W_rec changes nothing: this cell has no W_rec"]),
    ],
)
def test_what_changes_nothing_is_named(changes, remarks):
    found = replace(E, **changes).remarks
    assert len(found) == len(remarks) and all(a.startswith(b) for a, b in zip(found, remarks, strict=True))


@pytest.mark.parametrize("name", ["freeze", "weight-decay"])
@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if not cell.reservoir])
def test_the_weights_that_are_named_decide(cell, name):
    """A remark stands exactly where the trained weights are the same, bit for bit."""
    plain = Experiment(cell=cell, length=10, hidden=4, steps=2, replicas=1, batch=4, lr=0.1, optimizer="sgd", fixes=())
    end = [*train(plain)][-1].state_grad
    for weight in WEIGHTS:
        e = replace(plain, fixes=(f"freeze:{weight}" if name == "freeze" else f"weight-decay:5:{weight}",))
        same = np.array_equal([*train(e)][-1].state_grad, end, equal_nan=True)
        assert bool(e.remarks) == same, weight


@pytest.mark.parametrize("fix", FIXES)
def test_no_remark_on_a_remedy_from_the_first_step_on(fix):
    assert replace(E, fixes=(active(fix),)).remarks == []


def test_the_command_line_says_so_unless_quiet(capsys, tmp_path):
    sentences = tmp_path / "sentences.tsv"
    sentences.write_text(
        "".join(f"the {'dog' if i % 2 else 'dogs'} near the house {i}\t{'VBZ' if i % 2 else 'VBP'}\n" for i in range(200))
    )
    late = ["--fix", "clip-norm:1@9"]
    run = ["train", "--file", str(sentences), "--length", "4", "--hidden", "2", "--steps", "1", "--replicas", "1", *late]
    main(run)
    said = capsys.readouterr().err
    assert (
        "rnnkit: clip-norm:1.0@9 changes nothing" in said
        and "sentences are longer than 4 words and lose their first ones." in said
    )
    main([*run, "--quiet"])
    assert not capsys.readouterr().err


def test_the_sidebar_says_so(app):
    at = app(SMALL | {"cell": "mingru", "fixes": "freeze:W_rec"})
    assert any("changes nothing" in caption.value for caption in at.sidebar.caption)
