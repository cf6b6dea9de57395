"""What `python -m rnnkit train` writes: every path is checked before the training, and nothing is overwritten unasked."""

import os
import sys
from pathlib import Path

import pandas as pd
import pytest
from command_line import SMALL

from rnnkit import Experiment, train
from rnnkit.cli.main import main
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import History
from rnnkit.export.figures import figures, names
from rnnkit.tasks import TASKS

FILES = ("--records", "--gradients", "--handout", "--save-json")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, *options):
    """What is said in place of the training, in one line."""
    capsys.readouterr()
    before = state(Path())
    with pytest.raises(SystemExit) as stop:
        main(["train", *SMALL, *options])
    said = capsys.readouterr()
    assert stop.value.code == 2 and said.out == "" and said.err.count("\n") == 1
    assert state(Path()) == before, "nothing is left behind, nothing is changed"
    return said.err


def state(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def name_for(option, stem="run"):
    return stem + {"--handout": ".html", "--save-json": ".json", "--charts": ""}.get(option, ".csv")


@pytest.mark.parametrize("option", [*FILES, "--charts"])
def test_a_path_that_cannot_be_written_is_named_before_the_training(option, capsys):
    name = name_for(option)
    assert f"there is no folder 'gone' to write 'gone/{name}' into" in refused(capsys, option, f"gone/{name}")
    assert f"cannot write '/proc/{name}': No such file or directory" in refused(capsys, option, f"/proc/{name}")
    assert "cannot write" in refused(capsys, option, name_for(option, "x" * 300))
    assert "got ''" in refused(capsys, option, "")


@pytest.mark.parametrize("option", FILES)
def test_a_folder_is_no_file(option, here, capsys):
    (here / name_for(option)).mkdir()
    assert f"{option} needs a file, '{name_for(option)}' is a folder" in refused(capsys, option, name_for(option))
    new = name_for(option, "new") + "/"
    assert f"{option} needs a file, '{new}' is a folder" in refused(capsys, option, new)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(here, capsys):
    here.chmod(0o500)
    assert "cannot write" in refused(capsys, "--records", "run.csv")


@pytest.mark.parametrize("option", FILES)
def test_a_file_that_exists_is_overwritten_only_with_force(option, here, capsys):
    path = here / name_for(option)
    path.write_text("mine")
    assert f"'{path.name}' exists: give --force to overwrite it" in refused(capsys, option, path.name)
    assert main(["train", *SMALL, option, path.name, "--force"]) == 0
    assert path.read_bytes() != b"mine"


def test_charts_that_exist_are_overwritten_only_with_force(here, capsys):
    folder = here / "charts"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    assert main(["train", *SMALL, "--charts", "charts"]) == 0, "a folder that has none of the charts is good"
    said = refused(capsys, "--charts", "charts")
    assert f"{os.path.join('charts', 'gradient-h.svg')!r} exists: give --force" in said
    assert main(["train", *SMALL, "--charts", "charts", "--force"]) == 0
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(("cell", "task"), [*((cell, "agreement") for cell in CELLS), *(("lstm", task) for task in TASKS)])
def test_names_of_charts_are_known_before_the_training(cell, task):
    length = max(7, TASKS[task].min_length)
    e = Experiment(length=length, hidden=4, batch=2, replicas=1, steps=1, cell=cell, task=task)
    assert names(e) == [figure.name for figure in figures(History.of(e, train(e)))]


def test_two_names_of_one_file(here, capsys):
    assert "--gradients and --records name the same file" in refused(capsys, "--records", "a.csv", "--gradients", "./a.csv")
    (here / "link").symlink_to(here)
    assert "name the same file" in refused(capsys, "--records", "a.csv", "--gradients", "link/a.csv")
    (here / "book.txt").write_text("to be or not to be " * 100)
    options = ["--task", "characters", "--file", "book.txt", "--save-json", "book.txt", "--force"]
    assert "--save-json and --file name the same file" in refused(capsys, *options)


def test_every_problem_is_named_at_once(capsys):
    said = refused(capsys, "--records", "a.xls", "--handout", "gone/a.html")
    assert "got 'a.xls'" in said and "there is no folder 'gone'" in said


@pytest.mark.parametrize("name", ["run.CSV", "run.Parquet"])
def test_capitals_of_an_ending_do_not_matter(name):
    assert main(["train", *SMALL, "--records", name]) == 0
    table = pd.read_csv(name) if name == "run.CSV" else pd.read_parquet(name)
    assert len(table) == 13 * 2


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes, and /dev/full")
def test_a_name_that_is_no_text_and_a_disk_that_is_full(here, capsys):
    odd = os.fsdecode(b"b\xff\xe9.txt")
    Path(odd).write_text("to be or not to be " * 100)
    (here / "full.csv").symlink_to("/dev/full")
    options = ["--task", "characters", "--file", odd, "--records", "full.csv", "--save-json", os.fsdecode(b"\xff.json")]
    assert main(["train", *SMALL, *options]) == 1
    said = capsys.readouterr()
    assert said.err == "rnnkit: --records 'full.csv' was not written: No space left on device\n"
    assert "of new characters right" in said.out and Path(os.fsdecode(b"\xff.json")).is_file(), "all else is written"
