"""What the program never does: unpickle, evaluate what is given, call a shell, read a file that a viewer names."""

import ast
import re

import pytest
from conftest import ROOT

from rnnkit.analysis.ledger import FUNCTIONS
from rnnkit.engine.cells import CELLS

# ---- the program


CALLS = ("eval", "exec", "compile", "__import__", "torch.load", "os.system", "os.popen", "np.load")
CODE = {path.relative_to(ROOT): path for part in ("rnnkit", "pages") for path in (ROOT / part).rglob("*.py")}
CODE[ROOT / "dashboard.py"] = ROOT / "dashboard.py"
DANGEROUS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "code", "codeop", "pty"}
EVALUATED = ROOT / "rnnkit" / "analysis" / "ledger.py"  # the equations that the cells state as text, see below

RECORDED = {  # each reads a file of the program's own, and no pickled arrays
    ROOT / "rnnkit" / "stories" / "pictures.py",
    ROOT / "rnnkit" / "serving" / "first_rows.py",
}
ALLOWED = {("eval", EVALUATED), *(("np.load", path) for path in RECORDED)}


@pytest.mark.parametrize("path", CODE.values(), ids=map(str, CODE))
def test_no_file_unpickles_evaluates_or_calls_a_shell(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            assert not {name.split(".")[0] for name in names} & DANGEROUS, ast.unparse(node)
        if isinstance(node, ast.Call):
            called, options = ast.unparse(node.func), {k.arg for k in node.keywords}
            assert called not in CALLS or (called, path) in ALLOWED, ast.unparse(node)
            assert not options & {"shell", "allow_pickle"}, ast.unparse(node)


@pytest.mark.parametrize("cell", CELLS.values(), ids=list(CELLS))
def test_what_is_evaluated_is_arithmetic_of_the_cells(cell):
    """The one eval(): it gets nothing but the constants of the cells, and these hold nothing but sums, products and functions."""
    assert EVALUATED.read_text("utf-8").count("eval(") == 1
    allowed = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Name, ast.Load, ast.Constant, ast.Call)
    for _, expression in (*cell.equations, *cell.derivatives, *cell.direct_terms):
        for node in ast.walk(ast.parse(expression, mode="eval")):
            assert isinstance(node, allowed), ast.dump(node)
            assert not isinstance(node, ast.Call) or node.func.id in FUNCTIONS


OURS = r"Path\(__file__\)|HERE\b|(tour_state\.)?FILE\b|Path\(f'/proc/{pid}/stat'\)"  # the last: of our own workers


@pytest.mark.parametrize("path", [p for name, p in CODE.items() if name.parts[0] != "rnnkit"], ids=lambda p: p.name)
def test_pages_read_their_own_files_alone(path):
    """The names of files stand in the program; none comes from a viewer."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("open", "io.open", "os.open"), ast.unparse(node)
            if called.endswith((".read_text", ".read_bytes", ".write_text", ".write_bytes", ".open")):
                assert re.match(OURS, called), called


@pytest.mark.parametrize(
    "path", [p for p in CODE.values() if "pages.components.drawing import" in p.read_text("utf-8")], ids=lambda p: p.name
)
def test_a_drawing_names_its_files_in_the_program(path):
    """`drawing` reads the files that it is given."""
    calls = [
        n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call) and ast.unparse(n.func) == "drawing"
    ]
    assert len(calls) == 1
    files = [*calls[0].args[1:2], *calls[0].args[3:], *(k.value for k in calls[0].keywords if k.arg in ("scripts", "css"))]
    assert files
    for file in files:
        assert ast.literal_eval(file)
