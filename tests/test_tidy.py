"""House rules that linters do not hold: sizes, nouns, and no waiting in machines."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [path for room in ("actors", "cluster", "grafana") for path in sorted((ROOT / room).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
METHODS_MAX = 25
ATTRIBUTES_MAX = 16
LARGE_CLASSES = {
    "actors/hypervisor/domains.py Domain": "what Xen's struct domain holds, for all tables",
    "actors/hypervisor/platform.py Platform": "what a machine is booted with, a field a parameter",
    "actors/hypervisor/ports.py PortTable": "channels, and what is counted where they are used",
    "actors/hypervisor/statistics.py DomainStatistics": "numbers that cross together, a field each",
    "actors/hypervisor/statistics.py HypervisorStatistics": "numbers that cross together, a field each",
    "actors/hypervisor/host.py Host": "the tables of a host, one attribute each, which it joins",
    "actors/kernel/kernel.py Kernel": "what every kernel is made of, one attribute each, which it joins",
    "cluster/lab/documents/matrix_document.py Cell": "a cell of matrix.json, a field a key",
    "cluster/lab/config/resolved.py ResolvedHost": "what is written of a host, a field a key",
    "cluster/lab/config/schema.py GuestSchema": "the keys of a guest in a file, a field each",
    "cluster/lab/faults/kind.py FaultKind": "a kind is one row: all that anybody asks of it",
    "cluster/lab/experiment/breaking/injection.py Injection": "one fault from its start to the report",
    "cluster/running/run/about.py About": "the fields of about.json",
}
"""Classes with more than that, and what makes them one noun."""
FORBIDDEN_WORDS = {"manager", "handler", "service", "utils", "util", "helpers", "common", "misc"}
REACT_ONLY = ("hypervisor", "devices")
PUBLISHED_TABLES = ("hypervisor", "xenstore", "abi")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_holds_one_noun_of_bearable_size(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= FILE_LINES_MAX, f"{name_of(path)} has {lines} lines; split it"
    assert path.stem not in FORBIDDEN_WORDS, f"{path.stem} says nothing; name the thing"


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_a_file_of_tests_is_of_bearable_size_too(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= FILE_LINES_MAX, f"{name_of(path)} has {lines} lines; cut it along its nouns"
    assert path.stem not in FORBIDDEN_WORDS, f"{path.stem} says nothing; name the thing"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES_MAX, f"{name_of(path)}:{node.lineno} {node.name} has {lines} lines"


def methods_of(node: ast.ClassDef) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]


def attributes_of(node: ast.ClassDef) -> set[str]:
    """What its own methods assign to an instance, and the fields that it declares."""
    declared = {
        each.target.id
        for each in node.body
        if isinstance(each, ast.AnnAssign)
        and isinstance(each.target, ast.Name)
        and not ast.unparse(each.annotation).startswith(("ClassVar", "Final"))
    }
    return declared | {
        each.attr
        for method in methods_of(node)
        for each in ast.walk(method)
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    }


def large_classes(path: Path) -> dict[str, tuple[int, int]]:
    """Methods and attributes of those classes of a file that have more than a class is to have."""
    counts = {
        f"{name_of(path)} {node.name}": (len(methods_of(node)), len(attributes_of(node)))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    }
    return {name: each for name, each in counts.items() if each[0] > METHODS_MAX or each[1] > ATTRIBUTES_MAX}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_class_is_one_noun(path: Path) -> None:
    found = {name: each for name, each in large_classes(path).items() if name not in LARGE_CLASSES}
    assert not found, f"(methods, attributes) {found}: cut it along its nouns"


def test_no_class_is_excused_that_is_small() -> None:
    large = [name for path in SOURCES for name in large_classes(path)]
    assert sorted(LARGE_CLASSES.keys() - set(large)) == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_says_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, f"{name_of(path)} has no docstring"
    if path.name != "__init__.py":
        assert docstring.count("\n") < 30, f"{name_of(path)}: depth belongs into docs/"


@pytest.mark.parametrize("path", [each for each in SOURCES if each.name == "__init__.py"], ids=name_of)
def test_the_map_of_a_folder_names_all_that_is_in_it(path: Path) -> None:
    named = re.findall(r"^ *(\w+) {2,}\S", ast.get_docstring(ast.parse(path.read_text())) or "", re.MULTILINE)
    there = {
        each.stem for each in path.parent.iterdir() if each.suffix == ".py" or (each / "__init__.py").exists()
    }
    missing = sorted(there - {"__init__"} - set(named))
    assert not missing, f"{name_of(path)} has no line for {', '.join(missing)}"


@pytest.mark.parametrize(
    "path",
    [each for each in SOURCES if each.parent.name in REACT_ONLY and each.parent.parent.name == "actors"],
    ids=name_of,
)
def test_machines_that_only_react_have_no_coroutines(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"{name_of(path)}:{node.lineno} waits"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_stand_at_the_top(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ast.walk(node):
                assert not isinstance(inner, ast.Import | ast.ImportFrom), f"{name_of(path)}:{inner.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_is_left_to_be_done_later(path: Path) -> None:
    text = path.read_text()
    for mark in ("TO" + "DO", "FIX" + "ME", "X" + "XX"):
        assert mark not in text, f"{name_of(path)} holds a {mark}"


@pytest.mark.parametrize(
    "path",
    [each for each in SOURCES if each.parent.name in PUBLISHED_TABLES and each.name != "__init__.py"],
    ids=name_of,
)
def test_what_others_have_published_is_cited(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert "Source:" in docstring, f"{name_of(path)} does not say where its rules come from"
