"""House rules that linters do not hold: sizes, nouns, and no waiting in machines."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "actors").rglob("*.py")) + sorted((ROOT / "cluster").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TOO_LONG = ("tests/kernel/split_driver/",)
"""Tests whose files are still longer than a file may be."""
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
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


@pytest.mark.parametrize(
    "path", [each for each in TESTS if not name_of(each).startswith(TOO_LONG)], ids=name_of
)
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


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_says_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, f"{name_of(path)} has no docstring"
    if path.name != "__init__.py":
        assert docstring.count("\n") < 30, f"{name_of(path)}: depth belongs into docs/"


@pytest.mark.parametrize("path", [each for each in SOURCES if each.name == "__init__.py"], ids=name_of)
def test_the_map_of_a_folder_names_all_that_is_in_it(path: Path) -> None:
    named = set(re.findall(r"\w+", ast.get_docstring(ast.parse(path.read_text())) or ""))
    there = {
        each.stem for each in path.parent.iterdir() if each.suffix == ".py" or (each / "__init__.py").exists()
    }
    missing = sorted(there - {"__init__"} - named)
    assert not missing, f"{name_of(path)} does not name {', '.join(missing)}"


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
