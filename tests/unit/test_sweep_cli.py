"""`rnnkit sweep`: options, TOML files, what it prints and writes, and what it refuses."""

from dataclasses import replace

import pandas as pd
import pytest
from command_line import SMALL

from rnnkit import Experiment, ExperimentError, Sweep
from rnnkit.cli.main import main, parser
from rnnkit.cli.sweep import sweep_of
from rnnkit.sweep.executors import DaskCluster, InProcess, LocalProcesses, default_executor

QUICK = [*SMALL, "--quiet"]
TOML = """
until = "end"
replicas = 3
[base]
preset = "forgets"
length = 20
[axes]
length = [7, 9]
[variants.tanh]
[variants."LSTM, chrono"]
cell = "lstm"
bias = "chrono"
fixes = ["clip-norm:0.5"]
"""


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setattr("rnnkit.cli.sweep.default_executor", InProcess)
    monkeypatch.setenv("RNNKIT_STORE", "off")


def asked(*arguments):
    return sweep_of(parser().parse_args(["sweep", *arguments]))


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["sweep", *arguments])
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("rnnkit: ") and err.count("\n") == 1
    return err


@pytest.mark.parametrize("command", ["sweep", "papers"])
def test_quiet_promises_no_more_than_it_does(capsys, command):
    """The line of a run is a result, as the verdict of `train` is."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    quiet = " ".join(capsys.readouterr().out.partition("  --quiet ")[2].split())
    assert quiet.startswith("no progress bar") and "each run still prints its line" in quiet


def test_axes_and_variants_are_read_from_options():
    sweep = asked(
        *("--axis", "length=7,9", "--axis", "input-scale=0.1,0.3", "--variant", "tanh", "--until", "end", "--replicas", "3"),
        *("--variant", "LSTM chrono: cell=lstm bias=chrono lr=0.01", "--variant", "fix=omega:0.5,clip-norm:1"),
        *("--variant", "bare: fixes=none"),
    )
    assert sweep.axes == {"length": [7, 9], "input_scale": [0.1, 0.3]} and sweep.until == "end"
    assert list(sweep.variants) == ["tanh", "LSTM chrono", "fix=omega:0.5,clip-norm:1", "bare"]
    assert sweep.variants["LSTM chrono"] == {"cell": "lstm", "bias": "chrono", "lr": 0.01}
    assert [str(fix) for fix in sweep.variants["fix=omega:0.5,clip-norm:1"]["fixes"]] == ["omega:0.5", "clip-norm:1.0"]
    assert sweep.variants["bare"] == {"fixes": ()} and sweep.runs[0].replicas == 3


def test_a_file_gives_the_same_sweep_and_options_change_its_base(tmp_path):
    path = tmp_path / "map.toml"
    path.write_text(TOML)
    sweep = asked(str(path))
    assert sweep == Sweep.from_toml(TOML) and (sweep.until, sweep.replicas, sweep.base.cell) == ("end", 3, "tanh")
    assert [(c.variant, c.axes["length"], c.experiment.cell) for c in sweep.combinations] == [
        ("tanh", 7, "tanh"), ("tanh", 9, "tanh"), ("LSTM, chrono", 7, "lstm"), ("LSTM, chrono", 9, "lstm"),
    ]  # fmt: skip
    changed = asked(str(path), "--hidden", "8", "--replicas", "2", "--until", "solved")
    assert {(e.hidden, e.replicas) for e in changed.runs} == {(8, 2)} and changed.until == "solved"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[base]\nlength = \n", "expected TOML, got something else: line 2, column 10: Invalid value"),
        ("[base\n", "expected TOML, got something else: line 1, column 6: Expected"),
        ("[axis]\nlength = [7]\n", "unknown key 'axis': valid are base, axes, variants, replicas, until"),
        ("[base]\nlenght = 7\n", "unknown setting 'lenght': valid are task, length"),
        ('[base]\npreset = "forgot"\n', "unknown preset 'forgot': valid are "),
        ("[axes]\nlength = 7\n", "axis length: expected a list of values, got 7"),
        ("variants = 3\n", r"\[variants\] must be a table, got 3"),
        ('[variants]\nx = "lstm"\n', r"\[variants.x\] must be a table, got 'lstm'"),
        ("[axes]\ngaim = [7]\n", "axes: unknown field 'gaim'"),
        ("replicas = 0\n", "replicas must be a whole number from 1 to 4096, got 0"),
        ("until = 3\n", "until must be one of solved, end, got 3"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(text, message, tmp_path, capsys):
    with pytest.raises(ExperimentError, match=message):
        Sweep.from_toml(text)
    path = tmp_path / "map.toml"
    path.write_text(text)
    assert refused(capsys, str(path)).startswith(f"rnnkit: {path}: ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "expected FILE.toml, --axis or --variant"),
        (["--axis", "length"], "--axis needs a field and its values, such as length=10,20,50, got 'length'"),
        (["--axis", "lenght=7"], "axes: unknown field 'lenght'"),
        (["--axis", "length=7", "--axis", "length=8"], "each --axis needs a name of its own"),
        (["--variant", "gru2"], "--variant needs 'NAME: FIELD=X FIELD=X', or the name of a cell (tanh, sigmoid, relu"),
        (["--variant", "x: cell"], "--variant needs 'NAME: FIELD=X FIELD=X'"),
        (["--variant", "x: cel=lstm"], "variant 'x': unknown field 'cel'"),
        (["--variant", "tanh", "--variant", "tanh"], "each --variant needs a name of its own"),
        (["--axis", "length=3,4"], "no combination is valid: base, length 3: length must be at least 7"),
        (["--variant", "tanh", "--jobs", "0"], "--jobs must be a whole number from 1 to 1024, got '0'"),
        (["--variant", "tanh", "--jobs", "2", "--scheduler", "tcp://x:1"], "give --jobs or --scheduler, not both"),
        (["--variant", "tanh", "--length", "3"], "length must be at least 7 for task 'agreement', got 3"),
        (["--variant", "tanh", "--out", "x.txt"], "a table is written as .csv or .parquet, got 'x.txt'"),
        (["no.toml"], "no.toml: cannot read no.toml: No such file or directory"),
        (["no.toml", "--axis", "length=7"], "give FILE.toml or --axis, not both"),
        (["no.toml", "--preset", "forgets"], "give FILE.toml or --preset, not both"),
    ],
)
def test_what_is_wrong_with_the_options_is_named(options, message, capsys):
    assert message in refused(capsys, *options)


def test_a_scheduler_without_dask_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert refused(capsys, "--variant", "tanh", "--scheduler", "tcp://x:1").endswith('pip install "rnnkit[cluster]"\n')


def test_the_executor_is_that_of_the_environment(monkeypatch):
    monkeypatch.delenv("RNNKIT_SCHEDULER", raising=False)
    assert isinstance(default_executor(), LocalProcesses)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setenv("RNNKIT_SCHEDULER", "tcp://x:1")
    assert isinstance(executor := default_executor(), DaskCluster) and executor.address == "tcp://x:1"


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_it_prints_a_line_a_run_and_writes_a_row_a_network(form, tmp_path, capsys):
    path = tmp_path / f"map.{form}"
    options = ["--axis", "length=7,9,3", "--variant", "tanh", "--variant", "LSTM: cell=lstm", "--out", str(path)]
    assert main(["sweep", *QUICK, *options]) == 0
    out, err = capsys.readouterr()
    lines, table = out.split("\n\n")
    assert sorted(line.partition(":")[0] for line in lines.splitlines()) == [
        f"{variant}, length {length}" for variant in ("LSTM", "tanh") for length in (7, 9)
    ]
    assert all(" of 2 learn" in line for line in lines.splitlines())
    assert table.splitlines()[0] == "share of networks that learn" and len(table.splitlines()) == 5
    assert err.splitlines() == [
        f"rnnkit: not run: {variant}, length 3: length must be at least 7 for task 'agreement', got 3"
        for variant in ("tanh", "LSTM")
    ]
    found = pd.read_csv(path) if form == "csv" else pd.read_parquet(path)
    assert list(found.columns[:4]) == ["variant", "length", "network", "seed"] and len(found) == 2 * 2 * 2
    expected = Sweep(
        replace(Experiment(), length=10, hidden=8, batch=8, replicas=2, steps=12),
        {"length": [7, 9]},
        {"tanh": {"cell": "tanh"}, "LSTM": {"cell": "lstm"}},
    ).run(executor=InProcess(), progress=False)
    assert (found.ratio_before == expected.frame().ratio_before).all()


def test_without_axes_a_line_a_variant_says_all(capsys):
    assert main(["sweep", *QUICK, "--variant", "tanh", "--variant", "gru"]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == ["gru", "tanh"]


def test_a_store_that_is_not_valid_is_refused(monkeypatch, capsys):
    monkeypatch.setenv("RNNKIT_STORE_MB", "many")
    assert "RNNKIT_STORE_MB" in refused(capsys, "--variant", "tanh")


def test_a_run_that_fails_makes_the_exit_code_1(monkeypatch, capsys):
    class Failing(InProcess):
        def outcomes(self, jobs):
            yield 0, "out of memory"

    monkeypatch.setattr("rnnkit.cli.sweep.default_executor", Failing)
    assert main(["sweep", *QUICK, "--variant", "tanh"]) == 1
    assert "failed: tanh: out of memory" in capsys.readouterr().err


def test_an_executor_that_breaks_keeps_what_is_done(monkeypatch, tmp_path, capsys):
    class Breaking(InProcess):
        def outcomes(self, jobs):
            yield next(event for event in super().outcomes(jobs) if event)
            raise ConnectionError("the Dask scheduler has gone")

    monkeypatch.setattr("rnnkit.cli.sweep.default_executor", Breaking)
    path = tmp_path / "a.csv"
    assert main(["sweep", *QUICK, "--axis", "length=7,8,9", "--out", str(path)]) == 1
    assert capsys.readouterr().err == "rnnkit: the Dask scheduler has gone: 1 of 3 runs are done\n"
    assert len(pd.read_csv(path)) == 2
