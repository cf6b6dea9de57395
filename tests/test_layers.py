"""Imports point one way (read from the syntax trees), and whoever only plans or shows runs never loads torch.

Every file that exists is read, so a new module is covered as it comes. What stands under `if TYPE_CHECKING` does not count.
"""

import ast
import functools

import pytest
from conftest import ROOT

LAYERS = [  # each may import from the lines above it
    ("bundle",),
    ("cells", "inits", "tasks", "losses", "optim"),
    ("bptt", "readout", "graph"),
    ("fixes",),
    ("experiment",),
    ("weights",),
    ("trainer",),
    ("studies",),
    ("worker",),
    ("process",),
    ("runs", "sweep"),
    ("__main__",),
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
COMPUTING = {"bptt", "readout", "graph", "probes", "trainer", "studies"}  # these load torch when they are imported
LOADS_THEM = COMPUTING | {"__main__", "sweep", "benchmark"}
SERVER = {
    "",
    "experiment",
    "record",
    "runs",
    "presets",
    "charts",
    "verdict",
    "history",
    "limits",
    "weights",
    "ledger",
    "forward",
    "words",
    "theory",
    "cliff",
    "autopsy",
    "remedies",
    "corpus",
    "sentences",
    "prose",
    "export",
    "shelf",
    "tours",
    "findings",
}
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in [*ROOT.glob("rnnkit/**/*.py"), *ROOT.glob("pages/**/*.py"), *ROOT.glob("dashboard.py")]
}
PACKAGE = [name for name in FILES if name.split(".")[0] == "rnnkit"]
SHOWN = [name for name in FILES if name.split(".")[0] in ("pages", "dashboard")]


def statements(node, everywhere):
    """All import statements; without `everywhere` only those that run when the module is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for other in child.orelse:
                yield from statements(other, everywhere)
        elif everywhere or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from statements(child, everywhere)


def named(statement):
    """The modules a statement imports: `from a import b` is a.b where that is a module of ours, else a."""
    if isinstance(statement, ast.Import):
        return {alias.name for alias in statement.names}
    assert statement.level == 0, "imports are written from the top of the package"
    full = {alias.name: f"{statement.module}.{alias.name}" for alias in statement.names}
    return {full[name] if full[name] in FILES else statement.module for name in full}


@functools.cache
def imports(name, everywhere=True):
    tree = ast.parse(FILES[name].read_text("utf-8"))
    return frozenset().union(*(named(s) for s in statements(tree, everywhere)))


def loaded_with(name):
    """Every module that importing `name` brings with it, as far as our own files go; a package comes with its parts."""
    seen, waiting = set(), [name]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        if module in FILES:
            waiting += [*imports(module, everywhere=False), *([module.rpartition(".")[0]] if "." in module else [])]
    return seen


def short(name):
    """rnnkit.tasks.base -> tasks"""
    return [*name.split("."), ""][1]


def test_the_files_are_found():
    assert {"rnnkit", "rnnkit.engine.bptt", "rnnkit.engine.trainer", "rnnkit.tasks", "rnnkit.tasks.base"} <= set(PACKAGE)
    assert "torch" in imports("rnnkit.engine.bptt")
    assert "rnnkit.engine.trainer" in imports("rnnkit")
    assert "rnnkit.engine.trainer" not in imports("rnnkit", everywhere=False)


@pytest.mark.parametrize("name", [name for name in PACKAGE if short(name) in RANK])
def test_imports_point_one_way(name):
    """Also those within functions. Modules beside the layers (record, limits, ...) are not ranked, but see below."""
    ours = short(name)
    for other in {short(o) for o in imports(name) if o.startswith("rnnkit.")} - {ours}:
        assert RANK.get(other, -1) < RANK[ours], f"{name} imports {other}"


def test_no_two_modules_of_the_package_import_each_other():
    """Nor three or more in a circle; rnnkit/__init__.py only hands out what the others define."""
    edges = {name: {o for o in imports(name) if o in PACKAGE} - {name, "rnnkit"} for name in PACKAGE if name != "rnnkit"}
    while edges:
        free = {name for name, others in edges.items() if not others & edges.keys()}
        assert free, f"a circle among {sorted(edges)}"
        edges = {name: others for name, others in edges.items() if name not in free}


def test_probes_know_the_tape_and_the_cells_alone():
    assert {o for o in imports("rnnkit.engine.probes") if o.startswith("rnnkit")} <= {
        "rnnkit.engine.bptt",
        "rnnkit.engine.cells",
        "rnnkit.engine.record",
    }


@pytest.mark.parametrize(
    "name", ["rnnkit.engine.cells", "rnnkit.engine.inits", "rnnkit.engine.losses", "rnnkit.engine.optim", "rnnkit.engine.record"]
)
def test_the_foundations_import_nothing_of_the_package(name):
    assert not [o for o in imports(name) if o.startswith("rnnkit")]


@pytest.mark.parametrize("name", PACKAGE)
def test_the_package_never_imports_streamlit_or_the_pages(name):
    assert not {o.split(".")[0] for o in imports(name)} & {"streamlit", "pages", "dashboard"}


@pytest.mark.parametrize("name", [name for name in PACKAGE if short(name) in ("record", "charts", "verdict", "theory")])
def test_tables_charts_and_verdicts_import_no_torch_at_all(name):
    assert "torch" not in {o.split(".")[0] for o in imports(name)}


@pytest.mark.parametrize("name", [name for name in FILES if short(name) not in LOADS_THEM])
def test_only_the_computing_modules_load_torch(name):
    found = {m for m in loaded_with(name) if m.split(".")[0] == "torch" or short(m) in COMPUTING}
    assert not found, f"importing {name} loads {sorted(found)}"


@pytest.mark.parametrize("name", SHOWN)
def test_pages_never_import_what_trains(name):
    """Not within a function either."""
    forbidden = {
        "torch",
        "rnnkit.engine.bptt",
        "rnnkit.engine.trainer",
        "rnnkit.engine.probes",
        "rnnkit.engine.ridge",
        "rnnkit.studies",
    }
    assert not {o for o in imports(name) if o in forbidden or o.startswith("torch.")}
    assert "train" not in {
        alias.name
        for s in statements(ast.parse(FILES[name].read_text("utf-8")), everywhere=True)
        if isinstance(s, ast.ImportFrom) and s.module == "rnnkit"
        for alias in s.names
    }


def test_the_server_side_runs_without_torch(in_fresh_python):
    names = [name for name in PACKAGE if short(name) in SERVER]
    assert {"rnnkit", "rnnkit.experiment", "rnnkit.engine.record"} <= set(names)
    code = (
        f"import sys, {', '.join(names)}\n"
        "from rnnkit import Experiment, diff\n"
        "e = Experiment.from_query(Experiment(cell='lstm').to_query())[0]; e.key, e.recorded_steps, diff(e, Experiment())\n"
        "print('torch' in sys.modules, 'streamlit' in sys.modules)"
    )
    assert in_fresh_python(code).split() == ["False", "False"]


def test_the_registries_run_without_torch(in_fresh_python):
    """Their methods work on tensors they are handed, so menus and the command line can read them for nothing."""
    code = (
        "import sys\n"
        "from rnnkit import cells, fixes, inits, losses, optim, tasks\n"
        "import numpy as np\n"
        "[task.sample(task.min_length, 3, np.random.default_rng(0)) for task in tasks.TASKS.values()]\n"
        "[fix.parse('') for fix in fixes.FIXES.values()]\n"
        "print('torch' in sys.modules)"
    )
    assert in_fresh_python(code).split() == ["False"]


def test_train_is_offered_by_the_package_and_loaded_when_asked_for(in_fresh_python):
    code = "import sys, rnnkit\nbefore = 'torch' in sys.modules\nrnnkit.train\nprint(before, 'torch' in sys.modules)"
    assert in_fresh_python(code).split() == ["False", "True"]
    import rnnkit

    assert all(hasattr(rnnkit, name) for name in rnnkit.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        rnnkit.nope  # noqa: B018
