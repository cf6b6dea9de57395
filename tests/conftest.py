"""Settings of all tests: one thread, so that sums are always taken in the same order, and reproducible examples."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest
import torch
from hypothesis.configuration import set_hypothesis_home_dir

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

torch.set_num_threads(1)
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "rnnkit-hypothesis")
hypothesis.settings.register_profile("rnnkit", deadline=None, derandomize=True, database=None, max_examples=60)
hypothesis.settings.load_profile("rnnkit")


@pytest.fixture
def in_fresh_python():
    """run(code, **environment) -> what a new Python process prints, started in the repository's root."""

    def run(code: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
