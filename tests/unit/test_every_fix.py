"""What holds for every remedy: purity, text, strengths, first step."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from backward_passes import NUMERIC, backward, every, gradient_fixes, startable_fixes
from reference import DOUBLE, R, active, assert_close

from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, ClipNorm, SignalFix, UpdateFix, parse_fix
from rnnkit.engine.record import pack_record
from rnnkit.engine.trainer import train
from rnnkit.experiment import Experiment
from rnnkit.fields import FloatField, IntField

# ---- any fix


@gradient_fixes
def test_gradient_fixes_are_pure(name):
    p, tape, grads = backward()
    given = {f"gradient of {k}": g for k, g in grads.items()} | p | {"ds": tape.ds[0], "da": tape.da}
    kept = {k: v.clone() for k, v in given.items()}
    fixed = active(name)(grads, tape, p)
    assert all(torch.equal(v, kept[k]) for k, v in given.items())
    assert {k: v.shape for k, v in fixed.items()} == {k: v.shape for k, v in grads.items()}
    assert all(v.dtype == DOUBLE for v in fixed.values())


@gradient_fixes
@pytest.mark.parametrize("cell", CELLS)
def test_gradient_fixes_never_mix_networks(name, cell):
    """Each network alone gets the same, although its neighbour's gradient is a hundred times as long."""
    if not active(name).applies_to(CELLS[cell]):
        pytest.skip("not defined for this cell")
    p, tape, grads = backward(cell)
    for g in grads.values():
        g[0] *= 100
    together = active(name)(grads, tape, p)
    for r in range(R):
        one = SimpleNamespace(da=tape.da[:, r : r + 1], ds=tuple(part[:, r : r + 1] for part in tape.ds))
        alone = active(name)({k: g[r : r + 1] for k, g in grads.items()}, one, {k: v[r : r + 1] for k, v in p.items()})
        for k, g in alone.items():
            assert_close(g[0], together[k][r], k, 1e-13)


@pytest.mark.parametrize("name", [name for name, fix in FIXES.items() if issubclass(fix, UpdateFix)])
def test_update_fixes_are_pure_and_never_mix_networks(name):
    """The second network's weights are a hundred times as large."""
    p, _, step = backward()
    for W in p.values():
        W[1] *= 100
    given = {f"step of {k}": s for k, s in step.items()} | p
    kept = {k: v.clone() for k, v in given.items()}
    changed = active(name)(step, p, 0.1)
    assert all(torch.equal(v, kept[k]) for k, v in given.items())
    assert {k: v.shape for k, v in changed.items()} == {k: v.shape for k, v in step.items()}
    assert any(not torch.equal(v, step[k]) for k, v in changed.items())
    for r in range(R):
        alone = active(name)({k: s[r : r + 1] for k, s in step.items()}, {k: W[r : r + 1] for k, W in p.items()}, 0.1)
        for k, v in alone.items():
            assert torch.equal(v[0], changed[k][r])


@pytest.mark.parametrize("name", [name for name, fix in FIXES.items() if issubclass(fix, SignalFix)])
def test_signal_fixes_are_pure_and_say_truly_where_they_cut(name):
    ds = torch.randn(R, 3, 4, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    kept = ds.clone()
    for t in range(12):
        crossed = active(name)(ds, t, 12)
        assert crossed.shape == ds.shape
        assert active(name).blocks(t, 12) == (not crossed.any())
    assert torch.equal(ds, kept)


@every
def test_text_round_trip(name):
    cls = FIXES[name]
    assert cls.name == name
    assert cls.title
    assert cls.about.endswith(".")
    assert parse_fix(name) == parse_fix(f"{name}:") == cls.parse("") == cls()
    assert parse_fix(str(active(name))) == active(name)
    assert hash(parse_fix(name)) == hash(cls())


@pytest.mark.parametrize("name", NUMERIC)
def test_any_strength_survives_the_text(name):
    cls = FIXES[name]
    ((attribute, spec),) = cls.parameters().items()
    for strength in (spec.high, 1, 3, 7, 1 / 3, 1e-7, 0.1 + 0.2, 2.0):
        if spec.low < strength <= spec.high and (isinstance(spec, FloatField) or strength == int(strength)):
            fix = parse_fix(str(cls(strength)))
            assert fix == cls(strength)
            assert getattr(fix, attribute) == strength


@pytest.mark.parametrize("name", NUMERIC)
def test_bad_strengths_are_refused_with_what_is_valid(name):
    cls = FIXES[name]
    (spec,) = cls.parameters().values()
    bad = [0, -1, spec.high * 1.001, math.nan, math.inf, -math.inf, True, "1", None, [1], 1j]
    for value in [*bad, 1.5] if isinstance(spec, IntField) else bad:
        with pytest.raises(ValueError, match=name) as error:
            cls(value)
        assert repr(value) in str(error.value)
        assert f"greater than {spec.low:g} and at most {spec.high:g}" in str(error.value)
    for text in ("x", "1,5", "nan", "inf", "1e999", "-1", " "):
        with pytest.raises(ValueError, match=name) as error:
            cls.parse(text)
        assert "number" in str(error.value)


@pytest.mark.parametrize("text", ["", "clip", "Clip-norm:1", ":1", "l3:0.1"])
def test_an_unknown_fix_raises_and_names_the_valid_ones(text):
    with pytest.raises(ValueError, match="unknown fix") as error:
        parse_fix(text)
    assert all(name in str(error.value) for name in FIXES)


@every
def test_a_fix_is_refused_for_cells_it_is_not_defined_for(name):
    for cell in (c for c in CELLS if not CELLS[c].reservoir):
        if active(name).applies_to(CELLS[cell]):
            assert Experiment(cell=cell, fixes=(active(name),)).fixes == (active(name),)
        else:
            with pytest.raises(ValueError, match=f"{name}.*{cell}"):
                Experiment(cell=cell, fixes=(active(name),))


# ---- remedies that begin later ----


@startable_fixes
def test_the_first_step_survives_the_text(name):
    fix = replace(active(name), start_step=7)
    assert str(fix) == f"{active(name)}@7" and parse_fix(str(fix)) == fix != active(name)
    assert parse_fix(f"{name}@7") == replace(parse_fix(name), start_step=7)
    assert str(replace(fix, start_step=0)) == str(active(name))


@pytest.mark.parametrize("since", [-1, 1.5, "3", True, None, 10**7])
def test_a_bad_first_step_is_refused_with_what_is_valid(since):
    with pytest.raises(ValueError, match=r"clip-norm can begin at a training step from 0 to 1000000, got"):
        ClipNorm(1.0, start_step=since)


@pytest.mark.parametrize("text", ["clip-norm:1@", "clip-norm:1@-1", "clip-norm:1@x", "clip-norm:1@1.5", "clip-norm:1@9999999999"])
def test_a_bad_first_step_in_a_text_is_refused(text):
    with pytest.raises(ValueError, match="clip-norm can begin at a training step from 0"):
        parse_fix(text)


def test_truncation_cannot_begin_later():
    with pytest.raises(ValueError, match="truncate acts from the first training step on"):
        parse_fix("truncate:5@3")


@startable_fixes
def test_before_it_begins_the_run_is_the_one_without_it(name):
    start = 3
    e = Experiment(length=8, hidden=6, batch=4, replicas=2, steps=6, optimizer="sgd", lr=0.1, fixes=())
    plain, later = (list(train(x)) for x in (e, replace(e, fixes=(replace(active(name), start_step=start),))))
    for a, b in zip(plain[:start], later[:start], strict=True):
        assert pack_record(a) == pack_record(b)
    # the gradient of step `start` is the first it acts on, so the weights differ from the next step on
    assert np.array_equal(plain[start].state_grad, later[start].state_grad)
    same = np.array_equal(plain[start].grad_norm_applied, later[start].grad_norm_applied)
    assert same == issubclass(FIXES[name], UpdateFix)  # whose step is the first it acts on
    assert not np.array_equal(plain[start + 1].state_grad, later[start + 1].state_grad)
    whole = list(train(replace(e, fixes=(replace(active(name), start_step=0),))))
    assert pack_record(whole[0]) == pack_record(next(train(replace(e, fixes=(active(name),)))))
