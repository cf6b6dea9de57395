"""Records papers: `python -m docs.make_papers [--all] NAME ...` repeats them within minutes.

Without --all it trains what the record does not have. Writes rnnkit/papers/results/NAME.json, and docs/papers/NAME.md with its
figures. The charts need the extra `files`.
"""

import sys
import tempfile
from pathlib import Path

from rnnkit.cli.main import main
from rnnkit.export.images import svg
from rnnkit.papers import BUDGETS, PAPERS
from rnnkit.papers.record import FOLDER
from rnnkit.papers.report import figure
from rnnkit.sweep import recorded
from rnnkit.sweep.store import Store

DOCS = Path(__file__).parent / "papers"


def keep(name: str) -> None:
    """Puts the rows that are recorded into the user's store, so that they are not trained again."""
    found = recorded.read(FOLDER / f"{name}.json")
    with Store() as store:
        for part in PAPERS[name].parts:
            sweep = part.budgets[found.about.get("budget", BUDGETS[0])]
            for e in sweep.runs:
                if e.key in found.runs:
                    store.put(e, found.runs[e.key], sweep.until)


def record(name: str) -> None:
    """Repeats one paper and writes its files."""
    if "--all" not in sys.argv:
        keep(name)
    with tempfile.TemporaryDirectory() as folder:
        if code := main(["papers", name, "--out", folder]):
            sys.exit(code)
        FOLDER.mkdir(exist_ok=True)
        DOCS.mkdir(parents=True, exist_ok=True)
        for file, place in ((f"{name}.json", FOLDER), (f"{name}.md", DOCS)):
            (place / file).write_bytes(Path(folder, file).read_bytes())
    found = recorded.read(FOLDER / f"{name}.json")
    for number, part in enumerate(PAPERS[name].parts, 1):
        (DOCS / f"{name}-{number}.svg").write_text(svg(figure(part, found)), "utf-8")


if __name__ == "__main__":
    for name in [name for name in sys.argv[1:] if name != "--all"] or PAPERS:
        record(name)
