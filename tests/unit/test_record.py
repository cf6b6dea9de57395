"""Records: bit-exact as bytes, tidy as tables, and faithful as 16-bit colours."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from short_trainings import small

from rnnkit import train
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import History
from rnnkit.engine.record import (
    ABSENT,
    CODES_PER_DECADE,
    CUT,
    INF,
    LOG10_MIN,
    NAN,
    ZERO,
    Record,
    encode,
    frame,
    gradient_frame,
    lag_frame,
    pack,
    pack_record,
    unpack_record,
)

P, T, R = 2, 4, 3


def record(step=0, seed=0):
    rng = np.random.default_rng(seed)
    grad = rng.standard_normal((P, T, R)).astype(np.float32)
    grad[0, 0] = 0, np.inf, np.nan
    grad[1, 1] = -0.0, 1e-45, 3e38
    return Record(
        step=step,
        loss=rng.random(R),
        accuracy=np.array([0.5, np.nan, 1.0]),
        state_grad=grad,
        grad_norm_raw=rng.random(R) * 1e200,
        grad_norm_applied=rng.random(R).astype(np.float32),
        spectral_radius=np.full(R, np.nan),
        diverged=np.array([-1, 7, -1], np.int32),
        causes=("", "h at t = 3 — \n “the forward pass”", ""),
        state_grad_all=-grad,
        flat=rng.random(R),
        blocked=np.zeros(R),
        parts=("h", "c"),
    )


def same(a, b):
    for f in dataclasses.fields(Record):
        x, y = getattr(a, f.name), getattr(b, f.name)
        if not isinstance(x, np.ndarray):
            assert x == y
            assert type(x) is type(y)
        else:
            assert (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes()), f.name


def test_bytes_are_bit_exact():
    same(unpack_record(pack_record(record())), record())
    assert pack_record(unpack_record(pack_record(record(step=300, seed=1)))) == pack_record(record(step=300, seed=1))


def test_bytes_of_views_and_big_endian_arrays():
    r = record()
    odd = dataclasses.replace(r, state_grad=np.asfortranarray(r.state_grad), loss=np.repeat(r.loss, 2)[::2].astype(">f8"))
    same(unpack_record(pack_record(odd)), r)


def test_bytes_of_no_networks_and_one():
    for n in (0, 1):
        zeros, grad, never = np.zeros(n), np.zeros((1, 5, n), np.float32), np.full(n, -1, np.int32)
        r = Record(3, zeros, zeros, grad, zeros, zeros, zeros, never, ("",) * n)
        same(unpack_record(pack_record(r)), r)


def test_frame_has_one_row_a_step_and_network():
    records = [record(0, 0), record(5, 1)]
    df = frame(iter(records))
    assert df[["step", "replica"]].to_numpy().tolist() == [[s, r] for s in (0, 5) for r in range(R)]
    columns = ["loss", "accuracy", "grad_norm_raw", "grad_norm_applied", "spectral_radius", "diverged", "cause"]
    columns += ["flat", "blocked", "gate"]
    assert list(df.columns) == ["step", "replica", *columns]
    for i, rec in enumerate(records):
        rows = df.iloc[i * R : (i + 1) * R]
        for name in columns:
            if name == "cause":
                assert tuple(rows[name]) == rec.causes
            elif name == "gate":
                assert rows[name].isna().all()
            else:
                expected = getattr(rec, name)
                np.testing.assert_array_equal(rows[name].to_numpy(), expected)


def test_gradient_frame_has_one_row_a_step_part_time_and_network():
    records = [record(0, 0), record(5, 1)]
    df = gradient_frame(iter(records))
    assert list(df.columns) == ["step", "part", "t", "replica", "norm", "norm_all"]
    assert len(df) == 2 * P * T * R
    assert not df.duplicated(["step", "part", "t", "replica"]).any()
    for row in df.itertuples():
        expected = records[row.step == 5].state_grad["hc".index(row.part), row.t, row.replica]
        np.testing.assert_array_equal(np.float32([row.norm, row.norm_all]), [expected, -expected])


def test_gradient_frame_has_no_row_where_nothing_is():
    grad = np.ones((1, T, R), np.float32)
    grad[0, :2, 1] = ABSENT
    df = gradient_frame([dataclasses.replace(record(), state_grad=grad, state_grad_all=None, parts=("h",))])
    assert list(df.columns) == ["step", "part", "t", "replica", "norm"] and (df.norm == 1).all()
    assert len(df) == T * R - 2 and df[df.replica == 1].t.tolist() == [2, 3]


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_frame_names_the_parts_of_every_cell(cell):
    e = small(cell, steps=1)
    records = list(train(e))
    df, names = gradient_frame(records), CELLS[cell].parts
    assert list(df.part.unique()) == list(names)
    for k, name in enumerate(names):
        np.testing.assert_array_equal(df[df.part == name].norm, np.concatenate([r.state_grad[k].ravel() for r in records]))
    assert all(unpack_record(pack_record(r)).parts == names for r in records)


def test_a_record_without_names_is_refused_in_words():
    """Bytes and pickles of older versions open, and have none."""
    old = {f.name: getattr(record(), f.name) for f in dataclasses.fields(Record) if f.name != "parts"}
    again = unpack_record(pack(old))
    assert again.parts == () and len(frame([again])) == R
    with pytest.raises(ValueError, match=r"expected 2 names in `parts`.*got \(\): an older version"):
        gradient_frame([again])
    assert set(gradient_frame([dataclasses.replace(again, parts=("h", "z"))]).part) == {"h", "z"}


@pytest.mark.parametrize("table", [frame, gradient_frame, lag_frame])
@pytest.mark.parametrize("e", [small("lstm", task="memorization", length=21), small(), small("esn", steps=1), small("mingru")])
def test_a_history_gives_the_tables_of_its_records(table, e):
    records = list(train(e))
    pd.testing.assert_frame_equal(table(History.of(e, records)), table(records), check_dtype=False)
    assert len(table(History(e))) == 0


def test_frames_of_nothing():
    assert len(frame([])) == 0
    assert list(gradient_frame([]).columns) == ["step", "part", "t", "replica", "norm"]
    one_part = dataclasses.replace(record(), state_grad=np.ones((1, T, R), np.float32), state_grad_all=None, parts=("h",))
    assert set(gradient_frame([one_part]).part) == {"h"}


def decode(code):
    return 10.0 ** (code.astype(float) / CODES_PER_DECADE + LOG10_MIN)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_codes_hold_a_norm_to_four_in_a_thousand(dtype):
    extremes = [np.finfo(np.float32).tiny, np.finfo(np.float32).max]
    norms = np.concatenate([np.logspace(-44, 38.4, 5001), extremes]).astype(dtype)
    code = encode(norms)
    assert code.dtype == np.uint16
    np.testing.assert_allclose(decode(code), norms.astype(float), rtol=0.004)
    assert (np.diff(encode(np.sort(norms)).astype(int)) >= 0).all()
    assert not np.isin(code, [ZERO, CUT, INF, NAN]).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_codes_of_what_a_logarithm_cannot_carry(dtype):
    norms = np.array([0.0, np.inf, np.nan, 1.0, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max], dtype)
    code = encode(norms)
    assert code[:3].tolist() == [ZERO, INF, NAN]
    assert not np.isin(code[3:], [ZERO, CUT, INF, NAN]).any()
    assert len({ZERO, CUT, INF, NAN}) == 4


def test_zeros_before_the_cut_are_cut_and_later_ones_are_zero():
    norms = np.ones((2, 6))
    norms[0, [1, 2, 3, 4]] = 0
    norms[1, 0], norms[1, 1] = np.nan, np.inf
    code = encode(norms, first_uncut=3)
    assert code[0, [1, 2, 3, 4]].tolist() == [CUT, CUT, ZERO, ZERO]
    assert code[0, 0] == code[0, 5] == encode(np.ones(1))[0]  # not zero: a loss of its own before the cut
    assert code[1, :2].tolist() == [NAN, INF]
    assert not (encode(norms) == CUT).any()
    assert norms[0, 1] == 0


def test_no_warning_comes_from_zeros_and_nan(recwarn):
    encode(np.array([0.0, -0.0, np.nan, np.inf]))
    assert not recwarn.list
