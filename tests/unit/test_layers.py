"""Imports point down and never in a circle (read from the syntax trees). What only plans or shows runs never loads torch.

Every file that exists is read, so a new module is covered as it comes.
"""

import ast
import functools

import pytest
from conftest import ROOT

from pages.ui import registry

FLOORS = (
    "errors",
    "later",
    "rounding",
    "results",
    "thinning",
    "corpus",
    "tasks",
    "engine",
    "analysis",
    "stories",
    "studies",
    "serving",
    "charts",
    "watch",
    "sweep",
    "glossary",
    "export",
    "papers",
    "cli",
)
BESIDE = {
    "fields": "errors",
    "experiment": "engine",
    "__main__": "cli",
}  # files that stand at the top of the package -> their floor
COMPUTING = {  # these load torch when they are imported
    *(
        f"rnnkit.engine.{name}"
        for name in ("bptt", "tape_arrays", "batches", "denormals", "step", "learners", "cuda_graph", "probes")
    ),
    *(f"rnnkit.engine.{name}" for name in ("divergence", "evaluation", "recorder", "trainer")),
    "rnnkit.studies",
    *(f"rnnkit.watch.{name}" for name in ("call", "measure", "recorder", "replay", "spectrum", "watcher")),
}
LOADS_THEM = ("rnnkit.studies", "rnnkit.cli", "rnnkit.__main__")  # each with its parts
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in [*ROOT.glob("rnnkit/**/*.py"), *ROOT.glob("pages/**/*.py"), *ROOT.glob("dashboard.py")]
}
CODE = (".py", ".js", ".css")
TAIL = "__name__ == '__main__'"  # the condition of the last lines of a page
PACKAGE = [name for name in FILES if name.split(".")[0] == "rnnkit"]
PAGES = [f"pages.{name}" for name in registry.NAMES]
SHOWN = [name for name in FILES if name.split(".")[0] in ("pages", "dashboard")]


def statements(node, everywhere):
    """All import statements; without `everywhere` only those that run when the module is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test) == TAIL:
            continue
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test) and not everywhere:
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


def part_of(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def floor(name):
    first = name.split(".")[1]
    return FLOORS.index(BESIDE.get(first, first))


def test_the_files_are_found():
    assert {"rnnkit", "rnnkit.engine.bptt", "rnnkit.engine.trainer", "rnnkit.tasks", "rnnkit.tasks.base"} <= set(PACKAGE)
    assert "torch" in imports("rnnkit.engine.bptt")
    assert "rnnkit.engine.trainer" in imports("rnnkit")
    assert "rnnkit.engine.trainer" not in imports("rnnkit", everywhere=False)


@pytest.mark.parametrize("name", [name for name in PACKAGE if name != "rnnkit"])
def test_imports_of_the_package_point_down(name):
    """Also those within functions, and those for types alone."""
    above = {o for o in imports(name) if o.startswith("rnnkit.") and floor(o) > floor(name)}
    assert not above, f"{name} imports {sorted(above)}"


def test_no_files_import_each_other_in_a_circle():
    """Also not within functions or for types. rnnkit/__init__.py only hands out what the others define; TAIL is left out."""
    edges = {name: {o for o in imports(name) if o in FILES} - {name, "rnnkit"} for name in FILES if name != "rnnkit"}
    while edges:
        free = {name for name, others in edges.items() if not others & edges.keys()}
        assert free, f"a circle among {sorted(edges)}"
        edges = {name: others for name, others in edges.items() if name not in free}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_run_as_a_script_is_the_whole_dashboard(name):
    """Streamlit runs a page's file alone when a link to it is a fresh server's first request."""
    last = ast.parse(FILES[name].read_text("utf-8")).body[-1]
    assert isinstance(last, ast.If) and ast.unparse(last.test) == TAIL
    assert [ast.unparse(line) for line in last.body] == ["import dashboard", "dashboard.main()"]


@pytest.mark.parametrize("name", PAGES)
def test_no_page_imports_another_page(name):
    assert not imports(name) & set(PAGES)


@pytest.mark.parametrize("path", list(ROOT.glob("tests/*/test_*.py")), ids=lambda path: path.stem)
def test_no_test_imports_another_test_file(path):
    found = [named(s) for s in statements(ast.parse(path.read_text("utf-8")), everywhere=True)]
    assert not [name for names in found for name in names if name.startswith("test_")]


def test_pages_holds_pages_alone():
    assert {path.stem for path in ROOT.glob("pages/*.py")} == {"__init__", *registry.NAMES, "status"}


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
    """But their own parts."""
    parts = [part for part in PACKAGE if part_of(part, [name])]
    assert not [o for part in parts for o in imports(part) if o.startswith("rnnkit") and not part_of(o, [name])]


@pytest.mark.parametrize("name", PACKAGE)
def test_the_package_never_imports_streamlit_or_the_pages(name):
    assert not {o.split(".")[0] for o in imports(name)} & {"streamlit", "pages", "dashboard"}


@pytest.mark.parametrize(
    "name", [name for name in PACKAGE if part_of(name, ("rnnkit.analysis", "rnnkit.charts", "rnnkit.engine.record"))]
)
def test_what_describes_imports_no_torch_at_all(name):
    assert "torch" not in {o.split(".")[0] for o in imports(name)}


@pytest.mark.parametrize("name", [name for name in FILES if not part_of(name, {*COMPUTING, *LOADS_THEM})])
def test_only_the_computing_modules_load_torch(name):
    found = {m for m in loaded_with(name) if m.split(".")[0] == "torch" or part_of(m, COMPUTING)}
    assert not found, f"importing {name} loads {sorted(found)}"


@pytest.mark.parametrize("name", SHOWN)
def test_pages_never_import_what_trains(name):
    """Not within a function either."""
    assert not {o for o in imports(name) if part_of(o, {"torch", *COMPUTING})}
    assert "train" not in {
        alias.name
        for s in statements(ast.parse(FILES[name].read_text("utf-8")), everywhere=True)
        if isinstance(s, ast.ImportFrom) and s.module == "rnnkit"
        for alias in s.names
    }


def test_the_server_side_runs_without_torch(in_fresh_python):
    names = [name for name in PACKAGE if not part_of(name, {*COMPUTING, *LOADS_THEM})]
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
        "from rnnkit import tasks\n"
        "from rnnkit.engine import cells, fixes, inits, losses, optim\n"
        "import numpy as np\n"
        "[task.sample(task.min_length, 3, np.random.default_rng(0)) for task in tasks.TASKS.values()]\n"
        "[fix.parse('') for fix in fixes.FIXES.values()]\n"
        "print('torch' in sys.modules)"
    )
    assert in_fresh_python(code).split() == ["False"]


def test_the_server_answers_before_it_has_imported_anything_of_an_experiment(in_fresh_python):
    code = "import sys, pages.server.lifespan\nprint({'numpy', 'rnnkit.experiment', 'pages.state.session'} & sys.modules.keys())"
    assert in_fresh_python(code).split() == ["set()"]


def test_all_pages_are_imported_without_what_no_first_picture_needs(in_fresh_python):
    code = (
        "import sys, pages.server.script\n"
        "from pages.ui import registry\n"
        "assert len(registry.pages()) == len(registry.NAMES)\n"
        "print({'torch', 'altair', 'pandas'} & sys.modules.keys())"
    )
    assert in_fresh_python(code).split() == ["set()"]


def test_a_training_process_imports_what_it_trains_with_alone(in_fresh_python):
    """Until it is ready for its first command."""
    code = (
        "import io, sys\n"
        "from rnnkit.serving import worker\n"
        "worker._read_commands = id\n"
        "worker.Worker.next_command = lambda self: sys.exit(0)\n"
        "out = io.BytesIO()\n"
        "try:\n"
        "    worker.Worker(out).serve()\n"
        "finally:\n"
        "    ready = worker.HEADER.unpack_from(out.getvalue())[0] == worker.READY\n"
        "    loaded = {name.split('.')[0] for name in sys.modules}\n"
        "    print(ready, loaded & {'torch', 'pandas', 'altair', 'streamlit', 'pyarrow', 'pages', 'matplotlib', 'scipy'})"
    )
    assert in_fresh_python(code).splitlines()[-1] == "True {'torch'}"


def test_what_stands_for_a_module_imports_it_at_the_first_use(in_fresh_python):
    code = (
        "import sys\n"
        "from rnnkit.later import Later\n"
        "colours = Later('colorsys')\n"
        "print('colorsys' in sys.modules)\n"
        "print(colours.rgb_to_hls is sys.modules['colorsys'].rgb_to_hls, hasattr(colours, 'nope'))"
    )
    assert in_fresh_python(code).splitlines() == ["False", "True False"]


def test_what_is_heavy_is_loaded_when_it_is_asked_for(in_fresh_python):
    code = (
        "import sys, rnnkit\n"
        "def loaded(): print('torch' in sys.modules, 'altair' in sys.modules)\n"
        "rnnkit.PRESETS, loaded(), rnnkit.charts.gradient_chart, loaded()\n"
        "rnnkit.later.alt.Chart, loaded(), rnnkit.train, loaded()"
    )
    assert in_fresh_python(code).splitlines() == ["False False", "False False", "False True", "True True"]
    import rnnkit

    assert all(hasattr(rnnkit, name) for name in rnnkit.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        rnnkit.nope  # noqa: B018


@pytest.mark.parametrize(
    "path", [p for part in ("rnnkit", "pages", "tests") for p in ROOT.glob(f"{part}/**/*") if p.suffix in CODE]
)
def test_no_file_is_longer_than_400_lines(path):
    assert path.read_text("utf-8").count("\n") <= 400
