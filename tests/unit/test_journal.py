"""The journal: silent until asked for, one JSON object a line whatever is in it, and what a run leaves in it."""

import json
import logging

import pytest
from pool_runs import SHORT, wait

from rnnkit.serving import event_log
from rnnkit.serving.limits import Limits
from rnnkit.serving.run_pool import RunPool

LOGGER = logging.getLogger("rnnkit")


@pytest.fixture
def lines(capsys):
    """What is written to stderr from now on, as objects; afterwards nobody listens."""
    before, level = LOGGER.handlers[:], LOGGER.level
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.split("\n")[:-1]]
    LOGGER.handlers[:], LOGGER.propagate = before, True
    LOGGER.setLevel(level)


def test_silent_unless_somebody_listens(in_fresh_python):
    code = "import sys\nsys.stderr = sys.stdout\nfrom rnnkit.serving import event_log\nevent_log.warn('something', run='x')"
    assert in_fresh_python(code) == ""


def test_a_line_is_one_event_whatever_is_in_it(lines):
    event_log.to_stderr()
    event_log.to_stderr()
    event_log.warn("run failed", run="ab12", reason='x\n{"event": "forged"}\r\u2028\x1b[31m' + "y" * 1000, rows=3)
    (line,) = lines()
    assert line["event"] == "run failed" and line["level"] == "warning" and line["run"] == "ab12" and line["rows"] == 3
    assert line["reason"].startswith("x\n{") and len(line["reason"]) == event_log.MAX_TEXT_CHARS


@pytest.mark.parametrize(("level", "expected"), [("info", ["a", "b"]), ("", ["a", "b"]), ("warning", ["b"]), ("off", [])])
def test_how_much_is_told(level, expected, lines, monkeypatch):
    monkeypatch.setenv("RNNKIT_LOG", level)
    event_log.to_stderr()
    event_log.note("a")
    event_log.warn("b")
    assert [line["event"] for line in lines()] == expected


def test_a_wrong_level_is_named(monkeypatch):
    monkeypatch.setenv("RNNKIT_LOG", "loud")
    with pytest.raises(ValueError, match="RNNKIT_LOG must be one of info, warning, off, got 'loud'"):
        event_log.to_stderr()


def test_what_a_run_leaves_in_it(lines):
    event_log.to_stderr()
    pool = RunPool(Limits(workers=1, idle_seconds=600))
    try:
        run = pool.get(SHORT)
        pool.watch(run, "somebody", run.rows)
        wait(lambda: run.done)
        answer = pool.ask("weights", SHORT, **{"a secret": 1})
        assert answer.ended.wait(60)
    finally:
        pool.close()
    found = {line["event"]: line for line in lines()}
    assert {
        "worker started",
        "worker ready",
        "run queued",
        "run started",
        "run finished",
        "study asked",
        "study failed",
    } <= found.keys()
    finished = found["run finished"]
    assert finished["run"] == run.id and finished["rows"] == run.rows and finished["viewers"] == 1 and finished["seconds"] > 0
    assert finished["what"] == "tanh: agreement, 10 time steps"
    assert "secret" not in str(found) and "somebody" not in str(found)
