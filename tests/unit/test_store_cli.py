"""`rnnkit results`: what it prints, the files it writes, what it removes, and its words about wrong options."""

import sys
from dataclasses import replace

import pandas as pd
import pytest
from stored_results import TINY, rows_of

from rnnkit import Experiment
from rnnkit.cli.main import main
from rnnkit.sweep import store as store_module
from rnnkit.sweep.store import Store


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A store of 3 runs of tanh, of which the second alone is solved, and one of an LSTM over 50 words."""
    path = tmp_path / "results.sqlite"
    monkeypatch.setenv("RNNKIT_STORE", str(path))
    with Store() as store:
        for seed in (0, 10, 20):
            e = replace(TINY, seed=seed)
            store.put(e, rows_of(e, solved=seed == 10))
        e = replace(TINY, cell="lstm", length=50)
        store.put(e, rows_of(e, diverged_step=1), "solved")
    return path


def results(*arguments):
    return main(["results", *arguments])


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        results(*arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_the_list(path, capsys):
    assert results() == 0
    assert capsys.readouterr().out.splitlines() == [
        "All with hidden 4, batch 4, steps 3.",
        "length  cell   until  runs  networks  solved  95 % interval  NaN",
        "    10  tanh     end     3         6    33 %   10 % to 70 %    0",
        "    50  lstm  solved     1         2   100 %  34 % to 100 %    2",
    ]


def test_the_list_of_a_choice_by_a_field(path, capsys):
    assert results("list", "--by", "cell", "--length", "..50", "--limit", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["cell", "runs", "networks", "solved", "95", "%", "interval", "NaN"]
    assert [line.split()[:3] for line in lines[2:]] == [["lstm", "1", "2"], ["and", "1", "lines"]]
    assert results("--cell", "gru") == 0
    assert capsys.readouterr().out == f"No stored results of this choice in {path}.\n"


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_a_table_is_exported(path, tmp_path, name, capsys):
    out = tmp_path / name
    assert results("export", "--cell", "tanh", "--out", str(out)) == 0
    table = pd.read_csv(out) if name.endswith("csv") else pd.read_parquet(out)
    assert list(table.seed) == [0, 1, 10, 11, 20, 21] and set(table.cell) == {"tanh"}
    assert "exists: give --force" in refused(capsys, "export", "--out", str(out))
    assert results("export", "--out", str(out), "--force") == 0
    assert len(pd.read_csv(out) if name.endswith("csv") else pd.read_parquet(out)) == 8


def test_without_a_file_the_table_is_printed(path, capsys):
    assert results("export", "--cell", "lstm") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("task,length,cell") and len(lines) == 3


def test_parquet_without_pyarrow(path, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert results("export", "--out", str(tmp_path / "table.parquet")) == 1
    assert "Parquet needs pyarrow: run  pip install pyarrow" in capsys.readouterr().err


def test_a_table_that_cannot_be_written(path, tmp_path, capsys):
    assert results("export", "--out", str(tmp_path / "nowhere" / "table.csv")) == 1
    assert "is not complete: No such file or directory" in capsys.readouterr().err


def test_prune_removes_what_is_chosen(path, capsys):
    assert results("prune", "--all", "--cell", "tanh", "--seed", "10..") == 0
    assert capsys.readouterr().out == f"Removed 2 runs from {path}.\n"
    with Store() as store:
        assert store.get(TINY) is not None and store.get(replace(TINY, seed=10)) is None
    assert results("prune", "--older-than", "1") == 0
    assert capsys.readouterr().out == f"Removed 0 runs from {path}.\n"
    assert results("prune", "--all") == 0
    assert capsys.readouterr().out == f"Removed 2 runs from {path}.\n"


def test_results_of_other_versions_are_named(path, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "program_digest", lambda: "an earlier one")
        with Store() as store:
            store.put(TINY, rows_of(TINY))
    assert results("--cell", "gru") == 0
    assert "Also 1 run of other versions of the program: --stale lists them" in capsys.readouterr().out
    assert results("--stale") == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:2] == ["1", "2"]
    assert results("prune", "--stale") == 0
    assert capsys.readouterr().out == f"Removed 1 run from {path}.\n"


def test_results_of_another_backend_are_named_and_stay(path, capsys, monkeypatch):
    monkeypatch.setenv("RNNKIT_BACKEND", "compiled")
    assert results() == 0
    also = "Also 4 runs of the backend torch: the same command with RNNKIT_BACKEND=torch lists them."
    assert capsys.readouterr().out.splitlines() == [f"No stored results of this choice in {path}.", also]
    assert results("prune", "--stale") == 0
    assert capsys.readouterr().out == f"Removed 0 runs from {path}.\n"


@pytest.mark.parametrize("arguments", [[], ["export"], ["prune", "--stale"], ["prune", "--all"]])
def test_an_unknown_backend_is_refused(path, capsys, monkeypatch, arguments):
    monkeypatch.setenv("RNNKIT_BACKEND", "compield")
    expected = "rnnkit: RNNKIT_BACKEND must be one of torch, compiled, got 'compield'\n"
    assert refused(capsys, *arguments) == expected


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["remove"], "expected list, export, prune, got 'remove'"),
        (["prune"], "prune removes results: give --older-than DAYS, --stale or --all"),
        (["prune", "--older-than", "-1"], "--older-than must be a number of days from 0, got '-1'"),
        (["prune", "--older-than", "nan"], "--older-than must be a number of days from 0, got 'nan'"),
        (["list", "--all"], "--all belongs to results prune, got results list"),
        (["prune", "--all", "--by", "cell"], "--by belongs to results list, got results prune"),
        (["--by", "cel"], "--by must be fields out of task, length, cell,"),
        (["--limit", "0"], "--limit must be a whole number from 1, got '0'"),
        (["export", "--out", "table.txt"], "a table is written as .csv or .parquet, got 'table.txt'"),
        (["--cell", "lsmt", "--length", "1..x"], "length must be a whole number from 3 to 10000, got 'x'; unknown cell 'lsmt'"),
    ],
)
def test_a_wrong_option_is_named(path, capsys, arguments, message):
    before = path.read_bytes()
    assert message in refused(capsys, *arguments)
    assert path.read_bytes() == before


def test_a_store_that_is_off(capsys, monkeypatch):
    monkeypatch.setenv("RNNKIT_STORE", "off")
    assert "RNNKIT_STORE is off: nothing is stored" in refused(capsys)


def test_a_store_that_cannot_be_read(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RNNKIT_STORE", str(tmp_path / "file" / "results.sqlite"))
    for arguments in ([], ["export"], ["prune", "--all"]):
        assert results(*arguments) == 1
        assert "could not be written" in capsys.readouterr().err


def test_every_field_has_an_option(capsys):
    with pytest.raises(SystemExit):
        results("--help")
    shown = capsys.readouterr().out
    assert (
        all(f"--{name.replace('_', '-')} X" in shown for name in Experiment().to_dict() if name != "fixes") and "--fix X" in shown
    )
