"""The exported script as a program of its own, and the notebook."""

import ast
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from conftest import ROOT
from reference import active
from scripted_settings import ALL, small

from rnnkit import train
from rnnkit.export.notebook import notebook
from rnnkit.export.script import script
from rnnkit.stories.presets import PRESETS

# ---- as a program of its own

LIKE = {  # smaller, but still the same story
    "remembers": {"replicas": 2, "steps": 120},
    "explodes": {"replicas": 4},
    "clipped": {"replicas": 4, "length": 20, "steps": 200},  # all of them learn: the preset itself is chaotic
    "orthogonal": {"replicas": 2, "length": 30, "steps": 100},
    "lstm-chrono": {"replicas": 2, "length": 20, "steps": 60},
    "forgets": {"replicas": 2, "length": 50, "steps": 30},
    "esn": {"replicas": 2, "length": 30, "hidden": 100, "steps": 30},
}
STORIES = {name: replace(PRESETS[name].experiment, **changes) for name, changes in LIKE.items()}


def process(folder, *arguments):
    """Isolated: neither the folder nor PYTHONPATH is where it looks for modules."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-I", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What the scripts of all stories print, one after the other in one process."""
    folder = tmp_path_factory.mktemp("scripts")
    for name, e in STORIES.items():
        (folder / f"{name}.py").write_text(script(e), "utf-8")
    code = (
        "import runpy, sys\n"
        "for name in sys.argv[1:]:\n    print('#' + name)\n    runpy.run_path(name + '.py', run_name='__main__')\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('rnnkit', 'streamlit', 'pandas')]"
    )
    parts = process(folder, "-c", code, *STORIES).split("#")[1:]
    return {part.split("\n")[0]: part.strip().split("\n")[1:] for part in parts}


@pytest.mark.parametrize("name", STORIES)
def test_the_same_verdict_from_another_process(name, printed):
    e, (*lines, last) = STORIES[name], printed[name]
    words = last.split()
    learnt, of, diverged = int(words[0]), int(words[2]), int(words[-2])
    *_, record = train(e)
    dead = record.diverged >= 0
    assert of == e.replicas
    assert (2 * learnt > of) == (2 * (record.accuracy >= 0.99).sum() > of), last
    assert diverged == dead.sum(), last
    at = [int(line.split("step ")[1].split(":")[0]) for line in lines if "diverged at" in line]
    assert at == record.diverged[dead].tolist()
    assert sum("||dL/dh_t||" in line for line in lines) == of


def test_the_stories_end_differently(printed):
    """Else the comparison above would compare little."""
    ends = {name: lines[-1].split()[0::7] for name, lines in printed.items()}
    assert {name for name, (learnt, _) in ends.items() if learnt == "0"} == {"explodes", "forgets"}
    assert {name for name, (_, diverged) in ends.items() if diverged != "0"} == {"explodes"}


def test_it_is_a_program(tmp_path):
    (tmp_path / "experiment.py").write_text(script(small()), "utf-8")
    assert "of 2 networks learnt the task, 0 diverged" in process(tmp_path, "experiment.py")


# ---- the notebook


@pytest.mark.parametrize("e", ALL, ids=lambda e: e.key)
def test_notebooks_are_valid_and_complete(e):
    import nbformat

    whole = json.loads(notebook(e))
    nbformat.validate(whole)
    code = "\n".join(cell["source"] for cell in whole["cells"] if cell["cell_type"] == "code")
    body = [ast.dump(node) for node in ast.parse(script(e)).body[1:-1]]  # without the docstring and the call of main
    assert [ast.dump(node) for node in ast.parse(code).body[:-1]] == body
    assert whole["cells"][-1]["source"] == "main()"


def test_a_notebook_runs(tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    for name in ("HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    e = small(cell="lstm", bias="chrono", fixes=(active("truncate"),))
    whole = nbformat.reads(notebook(e), as_version=4)
    NotebookClient(whole, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    out = "".join(output["text"] for output in whole.cells[-1].outputs)
    assert out.count("||dL/dc_t||") == e.replicas
    assert "of 2 networks learnt the task, 0 diverged" in out


def test_the_server_writes_them_without_torch(in_fresh_python):
    code = (
        "import sys\nfrom rnnkit import Experiment\nfrom rnnkit.export.notebook import notebook\n"
        "from rnnkit.export.script import script\nscript(Experiment()), notebook(Experiment())\n"
        "print('torch' in sys.modules, 'streamlit' in sys.modules, 'nbformat' in sys.modules)"
    )
    assert in_fresh_python(code).split() == ["False", "False", "False"]
    assert not list(ROOT.glob("experiment.py"))
