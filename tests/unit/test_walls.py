"""The walls between rooms: who may import what, what stays pure, and how long a file and a function may grow."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from .samples import ROOT

# Each may import those before it.
ROOMS = (
    "computer",
    "archives",
    "images",
    "lab",
    "model",
    "files",
    "operations",
    "components",
    "kafka_cluster",
    "toolchain",
)
MEASURING = "bench"
IMPURE = {"pulumi", "pulumi_command", "pulumi_libvirt", "os", "subprocess", "socket", "time", "datetime", "random",
          "secrets", "uuid", "asyncio", "threading", "kafka", "asyncssh", "pathlib", "shutil", "tempfile", "urllib",
          "io", "sys", "logging", "importlib"}  # fmt: skip
# A table that Kafka itself gave is data of its own package, the same wherever it is read.
EXCUSED = {"model/kafka_table.py": {"importlib"}}
LONGEST_COMPONENT = 200
LONGEST_FUNCTION = 40
# A page of text is one text.
LONGER = {"model/page.py: _connect"}


def sources(*rooms: str) -> list[Path]:
    """The Python files of rooms, the program's own for the room "."."""
    found = [path for room in rooms for path in sorted((ROOT / room).glob("*.py" if room == "." else "**/*.py"))]
    assert found, f"nothing found in {rooms}: the test would guard nothing"
    return found


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def imports(text: str) -> set[str]:
    """Every module that a text imports, however deep inside."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("__import__", "importlib.import_module"):
            found.add("a module by its name")
    return found


def packages(path: Path) -> set[str]:
    """The top names of what a file imports."""
    return {module.split(".")[0] for module in imports(path.read_text(encoding="utf-8"))}


def importers(package: str) -> set[str]:
    return {name(path) for path in sources(".", *ROOMS, MEASURING) if package in packages(path)}


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import pulumi_command", "pulumi_command"),
        ("import pulumi_command.remote as r", "pulumi_command.remote"),
        ("from pulumi_command import remote", "pulumi_command"),
        ("from pulumi_command.remote import Command", "pulumi_command.remote"),
        ("def f():\n    import os", "os"),
        ("if True:\n    from os import path", "os"),
        ("__import__('os')", "a module by its name"),
    ],
)
def test_the_search_for_imports_finds_them(text: str, found: str) -> None:
    assert found in imports(text)


def test_a_room_imports_only_what_is_below_it() -> None:
    upward = {
        f"{name(path)}: {above}"
        for place, room in enumerate(ROOMS)
        for path in sources(room)
        for above in packages(path) & set(ROOMS[place + 1 :])
    }
    assert not upward, (
        "rooms that import each other are one: none of them is understood, tried or changed without the others"
    )


def test_one_module_knows_pulumi_command() -> None:
    assert importers("pulumi_command") == {"components/hand.py"}


def test_two_modules_know_pulumi_libvirt() -> None:
    assert importers("pulumi_libvirt") <= {"components/site.py", "components/machine.py"}, (
        "the package is frozen upstream: its successor must cost one room's work"
    )


def test_nothing_but_the_measuring_knows_of_it() -> None:
    assert {file.split("/")[0] for file in importers(MEASURING)} <= {MEASURING}, "the product is the same without it"


def test_pulumi_is_asked_in_components_and_in_the_program_only() -> None:
    outside = {file for file in importers("pulumi") if not file.startswith("components/") and file != "__main__.py"}
    assert not outside


@pytest.mark.parametrize("path", sources("model"), ids=name)
def test_the_model_is_pure(path: Path) -> None:
    assert not packages(path) & IMPURE - EXCUSED.get(name(path), set()), (
        "what is decided must depend on nothing but what is handed in"
    )
    rooms = packages(path) & set(ROOMS)
    assert rooms <= {"model"}, "the model knows no other room"
    effects = {"open", "print", "input", "exec", "eval"} & set(calls(path))
    assert not effects


def test_operations_do_not_decide_by_the_program() -> None:
    for path in sources("operations"):
        assert not {"components", "pulumi", "pulumi_command", "pulumi_libvirt"} & packages(path), name(path)


def test_components_reach_for_nothing_but_pulumi() -> None:
    reached = {"subprocess", "socket", "asyncssh", "kafka", "asyncio", "urllib"}
    for path in sources("components"):
        assert not packages(path) & reached, f"{name(path)}: effects that Pulumi doesn't see are not in its preview"


@pytest.mark.parametrize("path", sources("components"), ids=name)
def test_a_component_stays_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < LONGEST_COMPONENT


def test_a_function_stays_small() -> None:
    longer = {
        f"{name(path)}: {node.name}"
        for path in sources("components", "model", "operations")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    }
    assert longer == LONGER, "split it into steps that have a name; what is excused no more goes from the list"


def test_nothing_sleeps_a_fixed_time() -> None:
    for path in sources("components", "operations", "files", "model"):
        assert "time.sleep" not in set(calls(path)), f"{name(path)}: poll the thing itself, with a deadline"
        assert "sleep" not in set(calls(path)), name(path)
    waiting = {name(path) for path in sources("operations") if "asyncio.sleep" in set(calls(path))}
    assert waiting <= {"operations/wait.py"}, "there is one way of waiting, and it says what for and how long"


def test_the_program_reads_like_the_readme() -> None:
    tree = ast.parse((ROOT / "__main__.py").read_text(encoding="utf-8"))
    branches = [node for node in ast.walk(tree) if isinstance(node, ast.If | ast.IfExp | ast.Match)]
    assert not branches, "no branch on mode, and none on anything else"


def test_a_files_first_lines_say_what_it_knows() -> None:
    silent = [
        name(path)
        for path in sources(".", *ROOMS, MEASURING)
        if not path.read_text(encoding="utf-8").removeprefix("#!/usr/bin/env python3\n").startswith(('"""', "# "))
    ]
    assert not silent, "what it knows, and what it refuses to know"


def test_no_error_is_swallowed() -> None:
    for path in sources(".", *ROOMS, MEASURING):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else ""
                told = any(isinstance(inner, ast.Raise | ast.Return | ast.Call) for inner in ast.walk(node))
                assert told or caught not in ("", "Exception", "BaseException"), f"{name(path)}:{node.lineno}"


def test_no_folder_hides_a_library() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert not folders & {"kafka", "config", "yaml", "pulumi"}, "`import kafka` would find the folder"


def test_the_page_about_the_code_has_the_rooms_in_their_order() -> None:
    page = (ROOT / "docs" / "explanation" / "the-code.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `") and "/`" in line.split("|")[1]]
    named = [word.strip("`/") for line in rows for word in line.split("|")[1].replace(",", " ").split()]
    assert [room for room in named if room in ROOMS] == list(ROOMS), "it says who may import whom"
