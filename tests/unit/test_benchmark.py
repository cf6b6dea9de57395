"""benchmarks/step.py: every variant takes the same training step, and what is measured comes out in words. No times here."""

import argparse
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import peers
import report
import step
from problem import Problem, Rnnkit

STEPS = 3
OTHERS = [name for name in peers.VARIANTS if name not in ("rnnkit", "floor")]
CASES = [  # a gradient that is clipped, and one left as it is; not twice with JAX, which compiles for long
    (name, cell, clip) for name in OTHERS for cell in peers.MODULES for clip in (0.05, 1.0) if name != "JAX" or clip < 1
]


def make(name: str, problem: Problem) -> list:
    """The variant's networks: one stack, or each by itself."""
    variant = peers.VARIANTS[name]
    if name == "torch.compile":  # compiling takes long, and computes the same
        return [variant(problem.alone(r), compiler=lambda loss: loss) for r in range(problem.R)]
    return [variant(problem.alone(r)) for r in range(problem.R)] if variant.single else [variant(problem)]


def run(networks: list) -> tuple[list, list, dict[str, np.ndarray]]:
    """(losses, heatmaps, weights) of all networks over STEPS training steps; None for what a variant does not tell."""
    results = [[network() for network in networks] for _ in range(STEPS)]
    losses, heatmaps = (
        [None if parts[0][i] is None else np.concatenate([np.asarray(part[i]) for part in parts], -1) for parts in results]
        for i in range(2)
    )
    weights = [network.weights() for network in networks]
    return losses, heatmaps, {k: np.concatenate([w[k] for w in weights]) for k in weights[0]}


@pytest.mark.parametrize(("name", "cell", "clip"), CASES)
def test_every_variant_takes_the_same_training_step(name, cell, clip):
    problem = Problem(cell, T=7, H=8, R=2, clip=clip)
    losses, heatmaps, weights = run([Rnnkit(problem)])
    assert heatmaps[0].shape == (problem.parts, problem.T, problem.R)
    their_losses, their_heatmaps, their_weights = run(make(name, problem))
    for ours, theirs in zip(losses + heatmaps, their_losses + their_heatmaps, strict=True):
        assert theirs is None or np.allclose(theirs, ours, rtol=2e-5, atol=0)
    assert their_weights.keys() == weights.keys()
    for k, ours in weights.items():
        moved = np.abs(ours - problem.params[k].numpy()).max()
        assert moved > 0
        np.testing.assert_allclose(their_weights[k], ours, rtol=0, atol=1e-3 * moved + 2e-7, err_msg=k)


def test_a_heatmap_is_asked_of_all_that_can_give_one():
    silent = {name for name in OTHERS if name != "JAX" and make(name, Problem("tanh", 7, 8))[0]()[1] is None}
    assert silent == {"rnnkit without heatmap", "torch.nn"}


@pytest.mark.parametrize("cell", peers.MODULES)
@pytest.mark.parametrize("T", [20, 1000, 5000])
@pytest.mark.parametrize("R", [1, 32])
def test_every_timed_step_has_a_record_and_none_an_evaluation(cell, T, R):
    e = Problem(cell, T, 64, R).experiment(Rnnkit.steps)
    assert e.every % e.eval_every and e.every != e.steps


def test_a_measurement_comes_out_as_a_page(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(report, "HEADLINE", (7, 8))
    monkeypatch.setitem(peers.VARIANTS, "JAX", broken)
    args = argparse.Namespace(
        cells=["tanh"], T=[7], H=[8], R=[1, 2], device="cpu", seconds=0.01, limit=30, compile_T=0, threads=1, probe=None
    )
    table = tmp_path / "benchmarks.csv"
    with table.open("w") as file:
        step.grid(args, step.writer(file, {"cpu": "a machine", "matrix_rate": "1e12"}))
    facts, df = report.read(table)
    measured = df[df.note == ""]
    assert (measured.rounds >= 1).all() and (measured.min_ms <= measured.median_ms).all()
    text = report.page(facts, df, "benchmarks.svg")
    assert "a machine" in text and "| tanh: rnnkit / torch.nn | **" in text
    assert "- JAX; all sizes: failed: ModuleNotFoundError: no such peer." in text
    assert "- torch.compile; all sizes: not compiled: T > 0 (option --compile-T)." in text
    assert report.chart(df).to_dict()["background"] == "white"
    assert "tanh, T = 7, H = 8" in capsys.readouterr().out


def broken(problem):
    raise ModuleNotFoundError("no such peer")


broken.single = False


def test_a_size_too_large_for_the_memory_is_named():
    entry = step.Entry("floor", Problem("lstm", 1000, 128, 32))
    entry.prepare(argparse.Namespace(), room=20e9)
    assert entry.note.startswith("skipped: all variants need about 20 GB") and entry.step is None


def test_targets_are_judged():
    met: list[bool] = []
    assert report.verdict(0.3, 0.35, met) == "**0.30** (target at most 0.35: met)"
    assert report.verdict(0.4, 0.35, met) == "**0.40** (target at most 0.35: not met)"
    assert report.verdict(0.4, None, met) == "0.40"
    assert report.verdict(float("nan"), 0.35, met) == "–"
    assert met == [True, False]
