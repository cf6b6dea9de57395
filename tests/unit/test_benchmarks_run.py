"""Every program in benchmarks/ runs to its end, in the smallest setting that it has. What it measures does not matter here."""

import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from conftest import ROOT

TINY = ["--cells", "tanh"]
PARTS = {"peers", "problem", "report", "viewers"}  # imported by the others
TESTED = {"step", "run", "pages", "load", "feel", "sweep", "watch", "proxy"}


def run(name, *arguments):
    """What the program prints."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, f"benchmarks/{name}.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_none_is_left_out():
    assert {path.stem for path in (ROOT / "benchmarks").glob("*.py")} == PARTS | TESTED


def test_the_training_step_of_every_variant(tmp_path):
    sizes = ["--T", "100", "--H", "64", "--R", "1", "--seconds", "0.01", "--threads", "1", "--no-linear"]
    run("step", *TINY, *sizes, "--out", str(tmp_path))
    table = pd.read_csv(tmp_path / "benchmarks.csv", comment="#").set_index("variant")
    measured = table.median_ms.notna()
    assert set(table.index[~measured]) == {"torch.compile"}, "which is not compiled for so long a loop"
    assert table.note["torch.compile"].startswith("not compiled")
    assert "| tanh: rnnkit / JAX |" in (tmp_path / "benchmarks.md").read_text("utf-8")
    assert (tmp_path / "benchmarks.svg").read_text("utf-8").startswith("<svg")


def test_time_and_memory_against_the_length():
    assert '"memory_mb"' in run("step", "--probe", "tanh", "100", "--seconds", "0.01", "--threads", "1")


def test_the_rest_of_a_run():
    output = run("run", *TINY, "--presets", "remembers", "--steps", "3", "--seeds", "1")
    assert "remembers" in output and "\ntanh  " in output


def test_what_pages_compute():
    output = run("pages", *TINY, "--times", "1")
    assert "Vanishing, the map (with a bar): tanh" in output and output.count(" s\n") == 6


def test_a_lecture_hall(tmp_path):
    output = run("load", "same", "--viewers", "1", "--join", "0", "--seconds", "3", "--log", str(tmp_path / "log"))
    assert "dropped or failed" in output


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_two_servers_behind_a_proxy():
    output = run("proxy", "--viewers", "2", "--join", "0", "--seconds", "3")
    assert "process 1, MB, most" in output and "process 2, MB, most" in output


def test_how_fast_a_sweep_is():
    output = run("sweep", "--runs", "3", "--pairs", "1")
    assert "1 process: " in output and "median overhead" in output


@pytest.mark.usefixtures("browser")
def test_how_it_feels():
    output = run("feel", "--presets", "explodes")
    assert "frames a second for one viewer" in output and "s to train explodes" in output


def test_what_a_watch_costs():
    output = run("watch", "--kinds", "gru", "--seconds", "0.01", "--tiny")
    assert output.count("| gru |") == 2
