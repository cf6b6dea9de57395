"""The numbers of a run as tables."""

import io

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from exported_runs import RUNS, SMALL, made, run

from rnnkit import Experiment
from rnnkit.engine.history import History
from rnnkit.engine.record import ABSENT
from rnnkit.export import tables

COLUMNS = {  # name -> attribute of History
    "loss": "loss",
    "accuracy": "accuracy",
    "grad_norm_raw": "norm_raw",
    "grad_norm_applied": "norm_applied",
    "spectral_radius": "radius",
    "diverged": "diverged",
}


@pytest.fixture
def odd():
    """A run with all that a number can be."""
    norms = np.ones((2, 7))
    norms[0, :4], norms[1, :4] = [1e-38, 0, 0.1, 3.4e38], [np.nan, np.inf, ABSENT, 1 / 3]
    h = made(norms)
    h.loss[:, 0], h.accuracy[1], h.diverged[1] = [np.inf, np.nan], np.nan, 1
    h.causes = [("",), ('h at "t = 3", <b>',)]
    return h


@pytest.mark.parametrize("form", tables.FORMATS)
def test_tables_give_the_numbers_back(odd, form):
    read = (
        (lambda data: pd.read_csv(io.BytesIO(data), keep_default_na=False, na_values=["nan"]))
        if form == "csv"
        else pd.read_parquet
    )
    wrap = (lambda data: data) if form == "csv" else io.BytesIO
    records = read(wrap(tables.records(odd, form)))
    assert list(records) == ["step", "replica", *COLUMNS, "cause", "flat", "blocked", "gate"]
    for name, attribute in COLUMNS.items():
        np.testing.assert_array_equal(records[name], getattr(odd, attribute)[:, 0], err_msg=name)
    assert records["cause"].tolist() == ["", 'h at "t = 3", <b>']
    gradients = read(wrap(tables.gradients(odd, form)))
    assert list(gradients) == ["step", "part", "t", "replica", "norm"]
    assert gradients[["step", "t"]].to_numpy().tolist() == [[i, t] for i in (0, 1) for t in range(7) if (i, t) != (1, 2)]
    there = odd.state_grad[odd.state_grad != ABSENT]
    np.testing.assert_array_equal(gradients["norm"].to_numpy().astype(np.float32), there)


@pytest.mark.parametrize("name", ["lstm", "padded", "long"])
def test_gradients_of_real_runs(name, monkeypatch):
    monkeypatch.setattr(tables, "MAX_CHUNK_ROWS", 500)  # several pieces
    h = run(name)
    table = pd.read_parquet(io.BytesIO(tables.gradients(h, "parquet")))
    again = np.full_like(h.state_grad[: h.n], ABSENT)
    row = {step: i for i, step in enumerate(h.steps)}
    part = [h.parts.index(p) for p in table["part"]]
    again[table["step"].map(row), part, table["t"], table["replica"]] = table["norm"]
    np.testing.assert_array_equal(again, h.state_grad[: h.n])
    assert (again == ABSENT).any() == (name == "padded")
    assert len(pd.read_csv(io.BytesIO(tables.gradients(h, "csv")))) == len(table)


def test_a_parquet_file_carries_its_experiment():
    for write in (tables.records, tables.gradients):
        schema = pyarrow.parquet.read_schema(io.BytesIO(write(run("lstm"), "parquet")))
        assert Experiment.from_json(schema.metadata[b"rnnkit.experiment"].decode()) == RUNS["lstm"]


@pytest.mark.parametrize("form", tables.FORMATS)
def test_tables_of_nothing(form):
    h = History(SMALL)
    assert tables.records(h, form) and tables.gradients(h, form)
    with pytest.raises(ValueError, match="unknown form 'xls'"):
        tables.records(h, "xls")
