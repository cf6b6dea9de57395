"""How `python -m rnnkit` ends before its time: Ctrl-C, SIGTERM, a closed pipe, a full disk, no memory. Each in its process."""

import os
import signal
import sys

import pandas as pd
import pyarrow.parquet as pq
import pytest
from command_line import start
from serving import Server, until

from rnnkit import Experiment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, pipes and limits as Linux has them")
LONG = ["--length", "10", "--hidden", "8", "--batch", "8", "--replicas", "2", "--steps", "1000000"]
WRITTEN = {"records": "a.csv", "gradients": "b.parquet", "charts": "charts", "handout": "c.html", "save-json": "d.json"}
SWEEP = ["sweep", *LONG[:-1], "3", "--variant", "tanh", "--jobs", "1"]
TELLS = (  # says on standard error when three records are there
    "from rnnkit.engine.history import History; append = History.append\n"
    "def append_and_print(self, r):\n"
    "    append(self, r)\n"
    "    if self.n == 3: print('three', file=sys.stderr, flush=True)\n"
    "History.append = append_and_print\n"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_writes_what_is_recorded(number, tmp_path):
    options = [word for name, path in WRITTEN.items() for word in (f"--{name}", path)]
    program = start("train", *LONG, "--quiet", *options, before=TELLS, cwd=tmp_path)
    assert program.stderr.readline() == "three\n"
    program.send_signal(number)
    out, err = program.communicate(timeout=200)
    assert program.returncode == 128 + number
    assert "of new sentences right" in out and out.count("\n") == 1 and "So far" in out
    assert "last record at training step" in err and "Traceback" not in err
    e = Experiment.from_json((tmp_path / "d.json").read_text())
    records = pd.read_csv(tmp_path / "a.csv")
    assert 3 <= records.step.nunique() < len(e.recorded_steps) and records.step.max() < e.steps == 1_000_000
    assert pq.read_table(tmp_path / "b.parquet").num_rows == len(records) * e.length
    assert len(list((tmp_path / "charts").iterdir())) == 10
    assert (tmp_path / "c.html").read_text().startswith("<!doctype html>")


def test_the_second_signal_stops_at_once(tmp_path):
    slow = TELLS + "import time; from rnnkit.cli import outputs; outputs.Outputs.write = lambda *_: time.sleep(200)\n"
    program = start("train", *LONG, "--quiet", "--records", "a.csv", before=slow, cwd=tmp_path)
    assert program.stderr.readline() == "three\n"
    program.send_signal(signal.SIGINT)
    assert program.stderr.readline() == "\n"
    assert program.stderr.readline() == "rnnkit: stopping after this training step; Ctrl-C again stops at once\n"
    program.send_signal(signal.SIGINT)
    assert program.wait(timeout=60) == -signal.SIGINT  # which a shell shows as 130
    assert program.stderr.read() == "" and not (tmp_path / "a.csv").exists()


WAITS = "import signal, sys, time; wait = lambda *_: (print('here', file=sys.stderr, flush=True), time.sleep(200))\n"
AFTER = "rnnkit: stopped by Ctrl-C after the training: the files are written, the report is not complete\n"


def test_ctrl_c_in_the_report_ends_it_and_keeps_the_files(tmp_path):
    slow = WAITS + "import rnnkit.cli.train as m; m._held_out_report = wait\n"
    program = start("train", *LONG[:-1], "3", "--quiet", "--records", "a.csv", before=slow, cwd=tmp_path)
    assert program.stderr.readline() == "here\n"
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert (program.returncode, err) == (130, AFTER)
    assert "of new sentences right" in out and len(pd.read_csv(tmp_path / "a.csv")) == 4 * 2


def test_ctrl_c_while_files_are_written_lets_them_be_completed(tmp_path):
    slow = WAITS.replace("200", "3") + (
        "from rnnkit.cli import outputs; write = outputs.Outputs.write\n"
        "outputs.Outputs.write = lambda *a: (wait(), write(*a))[1]\n"
    )
    program = start("train", *LONG[:-1], "3", "--quiet", "--records", "a.csv", before=slow, cwd=tmp_path)
    assert program.stderr.readline() == "here\n"
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert (program.returncode, out) == (130, "") and len(pd.read_csv(tmp_path / "a.csv")) == 4 * 2
    assert err == "\nrnnkit: the training is over, its files are being written; Ctrl-C again stops at once\n" + AFTER


def test_ctrl_c_before_the_training(tmp_path):
    slow = "import rnnkit.cli.train as m; m.experiment_of = lambda args: (print('here', file=sys.stderr), signal.pause())\n"
    program = start("train", before=slow, cwd=tmp_path)
    assert program.stderr.readline() == "here\n"
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert (program.returncode, out) == (130, "")
    assert err == "rnnkit: stopped before the training began, nothing is written\n"


def test_ctrl_c_ends_the_dashboard(tmp_path):
    server = Server(tmp_path / "log", start=("rnnkit", "dashboard"))
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(60) == 130
    said = (tmp_path / "log").read_text()
    assert "Aborted" not in said and "Traceback" not in said


@pytest.mark.parametrize("arguments", [["list"], ["train", "--help"], ["train", *LONG[:-1], "3", "--quiet"], SWEEP])
def test_a_closed_pipe_is_quiet(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    program = start(*arguments, stdout=writing)
    os.close(writing)
    assert program.communicate(timeout=100)[1] == ""
    assert program.returncode == (0 if "--help" in arguments else 128 + signal.SIGPIPE)  # argparse prints, and does not mind


def test_files_are_written_before_the_pipe_is_found_closed(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    program = start("train", *LONG[:-1], "3", "--records", "a.csv", stdout=writing, cwd=tmp_path)
    os.close(writing)
    program.communicate(timeout=100)
    assert len(pd.read_csv(tmp_path / "a.csv")) == 4 * 2


def test_a_character_that_the_output_does_not_have_ends_nothing(tmp_path):
    """A pipe on Windows, or LC_ALL=C."""
    (tmp_path / "arabic.txt").write_text("القطط هنا، والكلاب هناك؛ أين الطيور؟ " * 40, "utf-8")
    options = ["--task", "characters", "--file", "arabic.txt", "--length", "8", "--hidden", "4", "--steps", "1"]
    program = start("train", *options, cwd=tmp_path, before="sys.stdout.reconfigure(encoding='ascii'); ")
    out, err = program.communicate(timeout=100)
    assert program.returncode == 0 and "can't encode" not in err and "It writes (temperature 0.7): " in out and "??" in out


def test_output_that_cannot_be_written():
    with open("/dev/full", "w") as full:
        program = start("list", stdout=full)
        assert program.communicate(timeout=100)[1] == "rnnkit: cannot write to standard output: No space left on device\n"
        program = start("train", *LONG[:-1], "3", stdout=full)
        assert program.communicate(timeout=100)[1] == "rnnkit: the report is not complete: No space left on device\n"
    assert program.returncode == 1
    program = start("list", stdout=None, preexec_fn=lambda: os.close(1))
    assert program.communicate(timeout=100)[1] == "" and program.returncode == 0, "nobody wants the output"


def test_out_of_memory_is_one_line(tmp_path):
    limit = "import torch, rnnkit.engine.trainer; from rnnkit.serving.resources import limit_memory; limit_memory(300)\n"
    sizes = ["--length", "3000", "--hidden", "256", "--replicas", "8", "--steps", "3", "--quiet", "--save-json", "e.json"]
    program = start("train", *sizes, before=limit, cwd=tmp_path)
    out, err = program.communicate(timeout=100)
    assert (program.returncode, out) == (1, "")
    assert err == "rnnkit: out of memory: take a smaller length, hidden, batch or replicas\n"
    assert until((tmp_path / "e.json").is_file, "the experiment itself", seconds=1)
