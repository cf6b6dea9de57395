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
    for name in ("dashboard.py", "tests/claim_checks.py"):
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
    output = copy(
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
    assert output == "True True\nTrue []\n"


def test_a_fix_is_added(copy):
    """Its gradient is that of its formula, it stands in links and in the list, and its script trains the same networks."""
    told = copy(
        "import torch\n"
        "from rnnkit import Experiment, train\n"
        "from rnnkit.__main__ import main\n"
        "from rnnkit.engine.fixes import parse_fix\n"
        "from rnnkit.export.script import script\n"
        "h = torch.randn(7, 2, 3, 4, dtype=torch.float64, requires_grad=True)\n"
        "penalty = 3 * h.norm(dim=-1).diff(dim=0).square().mean((0, 2)).sum()\n"
        "dh = parse_fix('norm-stabilizer:3')(h.detach(), torch.ones(7, 2, 3, 1, dtype=torch.float64))\n"
        "print(torch.allclose(dh, *torch.autograd.grad(penalty, h)))\n"
        "e = Experiment(length=7, steps=5, replicas=1, fixes=('norm-stabilizer:2@1', 'clip-norm:1'))\n"
        "print(Experiment.from_query(e.to_query())[0] == e)\n"
        "scope = {'__name__': 'experiment'}\n"
        "exec(script(e), scope)\n"
        "scope['DTYPE'] = torch.float64\n"
        "records = train(e, torch.float64)\n"
        "theirs = scope['train'](scope['Network'](0), 0)\n"
        "norms = [(r.grad_norm_applied[0], r.grad_norm_raw[0], t[3]) for r, t in zip(records, theirs, strict=True)]\n"
        "print(all(abs(ours / a - 1) < 1e-9 for ours, _, a in norms), [bool(ours == raw) for ours, raw, _ in norms[:2]])\n"
        "main(['list'])\n"
    )
    assert told.startswith("True\nTrue\nTrue [True, False]\n") and "the change of ||h|| from each time step" in told


def test_a_task_is_added(copy):
    """It is learnt, stands in links and in the list, and its script can be exported."""
    output = copy(
        "import numpy as np\n"
        "from rnnkit import Experiment, frame, train\n"
        "from rnnkit.__main__ import main\n"
        "from rnnkit.export.script import missing\n"
        "from rnnkit.tasks import TASKS\n"
        "batch = TASKS['majority'].evaluation_batch(10, np.random.default_rng(0))\n"
        "print(batch.y.mean(), set(map(len, map(set, batch.x[-1:]))), TASKS['majority'].example_labels(9)[-1][-1] in 'ab')\n"
        "e = Experiment(task='majority', length=9, steps=150, replicas=4)\n"
        "share = frame(train(e)).accuracy.dropna().iloc[-4:].mean()\n"
        "print(share > 0.9, missing(e), Experiment.from_query(e.to_query())[0] == e)\n"
        "main(['list'])\n"
    )
    assert output.startswith("0.5 {1} True\nTrue [] True\n") and "Which of two symbols came more often?" in output


def test_a_study_is_added(copy):
    output = copy(
        "import numpy as np\n"
        "from rnnkit import Experiment\n"
        "from rnnkit.engine.record import pack, unpack\n"
        "from rnnkit.results import Progress, from_wire, to_wire\n"
        "from rnnkit.studies import STUDIES\n"
        "e = Experiment(length=10, hidden=5, replicas=2)\n"
        "*before, found = STUDIES['state_norm'](e, step=30, replica=1)\n"
        "*_, flow = STUDIES['gradient_flow'](e, step=30)\n"
        "*_, first = STUDIES['state_norm'](e, step=30)\n"
        "print(found.norm.shape, before[-1].share, np.allclose(first.norm, np.linalg.norm(flow.states[0], axis=1)))\n"
        "again = from_wire('state_norm', unpack(pack(to_wire(found))))\n"
        "print(type(again) is type(found), (again.norm == found.norm).all())\n"
    )
    assert output.startswith("(10,) ") and output.endswith(" True\nTrue True\n")


def test_a_page_is_added(copy):
    output = copy(
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_string('import dashboard; dashboard.show(\"factor\")', default_timeout=60)\n"
        "at.query_params.update(factor_size='1.1', length='10')\n"
        "at.run()\n"
        "from pages.ui import registry\n"
        "print(registry.NAMES[-1], [e.message for e in at.exception], [w.value for w in at.warning], at.caption[-1].value)\n"
    )
    assert output == f"factor [] [] Share of the gradient that is left: 1.1 per step leaves {1.1**10:.1e} after 10 steps.\n"


def test_a_story_is_added(copy):
    share, ratio = re.fullmatch(r"learnt: (.*), ratio before: (.*)\n", copy("measure.py")).groups()
    assert float(share) == 1
    output = copy(
        "from claim_checks import NETWORKS, assert_holds, contradictions\n"
        "from rnnkit import PRESETS\n"
        "story = PRESETS['seven']\n"
        "print(assert_holds(story.claim, story.experiment, NETWORKS).ratio, contradictions(story.text, story.claim))\n"
    )
    assert 0.5 < float(output.split()[0]) / float(ratio) < 2 and output.endswith(" []\n")
    output = copy(
        "import runpy\n"
        "runpy.run_module('rnnkit.stories.pictures', run_name='__main__')\n"
        "from rnnkit import PRESETS\n"
        "from rnnkit.stories import pictures\n"
        "print(pictures.recorded(PRESETS['seven'].experiment).outcome, all(map(pictures.recorded, pictures.experiments())))\n"
    )
    assert output == "learnt True\n"
