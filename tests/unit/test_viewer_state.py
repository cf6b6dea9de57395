"""Who touches a viewer's state, read from the syntax trees: one file holds it, and each part has one writer."""

import ast
from dataclasses import fields

import pytest
from conftest import ROOT

from pages.state.viewer_state import ViewerState

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text("utf-8"))
    for path in [*ROOT.glob("pages/**/*.py"), ROOT / "dashboard.py"]
}
SESSION = "pages.state.session"
WRITERS = {  # field -> the module that writes it; None: nobody, or the methods of its class alone
    "id": None,
    "experiment": SESSION,
    "linked": SESSION,
    "controls": SESSION,
    "control_keys": SESSION,
    "run": SESSION,
    "playback": SESSION,
    "pinned": SESSION,
    "problem": SESSION,
    "messages": SESSION,
    "notice": SESSION,
    "tab_answered": SESSION,
    "run_list": None,
    "view": "pages.state.view_options",
    "settings": "pages.state.page_settings",
    "chapters": "pages.state.browser_history",
    "tour": "pages.tour.tour_state",
    "room": "pages.room.room_state",
    "navigation": "pages.state.navigation",
    "page_example": "pages.state.page_example",
    "uploads": "pages.state.uploads",
    "run_list_file": "pages.run_list.table",
    "charts": "pages.ui.chart_view",
    "map_cell": "pages.ui.regime_map",
    "explosion": "pages.ui.divergence",
    "watched": "pages.state.watched_file",
    "watched_form": "pages.state.watched_file",
}
TYPES = {  # of a parameter -> what it is a part of
    "Controls": "controls",
    "PageSettings": "settings",
    "Chapters": "chapters",
    "TourProgress": "tour",
    "TourState": "tour",
    "RoomState": "room",
    "Navigation": "navigation",
    "Uploads": "uploads",
    "RunListFile": "run_list_file",
    "WatchedForm": "watched_form",
    "Charts": "charts",
    "Playback": "playback",
    "RunList": "run_list",
}
CHANGING = {"append", "clear", "extend", "insert", "pop", "popitem", "renew", "set", "setdefault", "sort", "take", "update"}
WHOLE = ""  # the state itself, of which no field has been named yet


def part(node, names, functions):
    """The field of the state that an expression is a part of, WHOLE for the state itself, None for anything else."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        field = part(node.value, names, functions)
        return node.attr if field == WHOLE else field
    if isinstance(node, ast.Subscript):
        return part(node.value, names, functions)
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        if called == "viewer_state.current":
            return WHOLE
        return functions.get(called.rpartition(".")[2]) if called.count(".") < 2 else None
    if isinstance(node, ast.BoolOp):
        return next((field for value in node.values if (field := part(value, names, functions)) is not None), None)
    return None


def pairs(node):
    """(target, value) of an assignment, one for each name of a tuple."""
    value = node.value
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            yield from zip(target.elts, value.elts, strict=True)
        elif isinstance(target, ast.Tuple):
            yield from ((one, None) for one in target.elts)
        else:
            yield target, value


ASSIGNING = (ast.Assign, ast.AnnAssign, ast.NamedExpr)


def accessors(trees):
    """Functions that return a part of the state, by their names."""
    found = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and isinstance(last := node.body[-1], ast.Return):
                field = part(last.value, {}, {})
                if field is not None and node.name != "_state":
                    found[node.name] = field
    return found


def writes(tree, functions):
    """The fields that a module writes."""
    own = {node.name: part(node.body[-1].value, {}, {}) for node in tree.body if getattr(node, "name", "") == "_state"}
    functions, found = functions | own, set()
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        names = {a.arg: TYPES.get(ast.unparse(a.annotation)) for a in function.args.args if a.annotation}
        nodes = list(ast.walk(function))
        for _ in range(2):  # a name can stand for a part of another one
            for node in (node for node in nodes if isinstance(node, ASSIGNING)):
                names |= {
                    target.id: field
                    for target, value in pairs(node)
                    if isinstance(target, ast.Name) and (field := part(value, names, functions)) is not None
                }
        for node in nodes:
            if isinstance(node, ASSIGNING):
                targets = [target for target, _ in pairs(node) if not isinstance(target, ast.Name)]
            elif isinstance(node, ast.AugAssign):
                targets = [node.target]
            elif isinstance(node, ast.Delete):
                targets = node.targets
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
                targets = [node.func.value]
            else:
                continue
            found |= {part(target, names, functions) for target in targets}
    return found - {None, WHOLE}


def test_one_file_touches_the_state_and_one_the_widgets_values():
    touching = {
        name
        for name, tree in FILES.items()
        for node in ast.walk(tree)
        if "session_state" in (getattr(node, "attr", ""), getattr(node, "name", ""), getattr(node, "id", ""))
    }
    assert touching == {"pages.state.viewer_state", "pages.state.widgets"}


def test_every_part_has_one_writer():
    assert WRITERS.keys() == {field.name for field in fields(ViewerState)}
    functions, found = accessors(FILES.values()), {}
    for name, tree in FILES.items():
        for field in writes(tree, functions):
            found.setdefault(field, set()).add(name)
    assert found == {field: {writer} for field, writer in WRITERS.items() if writer}


@pytest.mark.parametrize(
    "line",
    [
        "viewer_state.current().view = 1",
        "state = viewer_state.current(); state.view = 1",
        "state, x = viewer_state.current(), 1; state.view.hide |= 1",
        "view = viewer_state.current().view; view.names['a'] = 1",
        "del viewer_state.current().view.names['a']",
        "x = viewer_state.current().view; y = x.names; y.append(1)",
        "if (x := viewer_state.current().view): x |= {}",
        "shown().hide = 1",
        "view_options.shown().hide = 1",
    ],
)
def test_a_write_is_found_however_it_is_written(line):
    assert writes(ast.parse(f"def f():\n    {line}"), {"shown": "view"}) == {"view"}


@pytest.mark.parametrize("line", ["viewer_state.current().view.hide", "x = viewer_state.current().view; x = 1", "x.view = 1"])
def test_reading_is_no_write(line):
    assert writes(ast.parse(f"def f():\n    {line}"), {}) == set()
