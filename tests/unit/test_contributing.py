"""The tutorials of CONTRIBUTING.md, word for word: their files and changes are made in a copy of the project, and work there."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

BLOCK = re.compile(r"^```(python|diff)\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """run(code) -> what it prints in a copy of the project to which all tutorials have been applied."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("rnnkit", "pages", ".streamlit"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dashboard.py", "tests/claims.py"):
        shutil.copy(ROOT / name, folder)
    for kind, name, text in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8")):
        before = "" if kind == "python" else (folder / name).read_text("utf-8")
        (folder / name).write_text(text if kind == "python" else _changed(before, text), "utf-8")

    def run(code):
        command = [sys.executable, *(["-c", code] if "\n" in code else [code])]
        done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, timeout=250, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def _changed(text, diff):
    old = "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] != "+")
    new = "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] != "-")
    assert text.count(old) == 1
    return text.replace(old, new)


def test_a_cell_is_added(copy):
    """Its step and derivative are those of its formula, it trains, and its script can be exported."""
    told = copy(
        "import torch\n"
        "from rnnkit import Experiment, frame, train\n"
        "from rnnkit.engine.cells import CELLS\n"
        "from rnnkit.engine.cells.base import HiddenState, PreActivationGradient\n"
        "from rnnkit.export.script import missing\n"
        "a = torch.linspace(-3, 3, 7, dtype=torch.float64, requires_grad=True)\n"
        "h = a / (1 + a * a).sqrt()\n"
        "s, d = HiddenState(a.detach().clone()), PreActivationGradient(torch.empty_like(h))\n"
        "CELLS['isru'].forward({}, None, None, s)\n"
        "CELLS['isru'].partials({}, None, None, s, d)\n"
        "print(torch.allclose(s.h, h), torch.allclose(d.da, *torch.autograd.grad(h.sum(), a)))\n"
        "e = Experiment(cell='isru', length=7, steps=150, replicas=4)\n"
        "print(frame(train(e)).accuracy.iloc[-4:].min() > 0.9, missing(e))\n"
    )
    assert told == "True True\nTrue []\n"


def test_a_page_is_added(copy):
    told = copy(
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_string('import dashboard; dashboard.show(\"factor\")', default_timeout=60)\n"
        "at.query_params.update(factor_size='1.1', length='10')\n"
        "at.run()\n"
        "from pages.ui import registry\n"
        "print(registry.NAMES[-1], [e.message for e in at.exception], [w.value for w in at.warning], at.caption[-1].value)\n"
    )
    assert told == f"factor [] [] Share of the gradient that is left: 1.1 per step leaves {1.1**10:.1e} after 10 steps.\n"


def test_a_story_is_added(copy):
    share, ratio = re.fullmatch(r"learnt: (.*), ratio before: (.*)\n", copy("measure.py")).groups()
    assert float(share) == 1
    told = copy(
        "from claims import NETWORKS, assert_holds, contradictions\n"
        "from rnnkit import PRESETS\n"
        "story = PRESETS['seven']\n"
        "print(assert_holds(story.claim, story.experiment, NETWORKS).ratio, contradictions(story.text, story.claim))\n"
    )
    assert 0.5 < float(told.split()[0]) / float(ratio) < 2 and told.endswith(" []\n")
