"""Every message of this project, read from its source: what is raised, what is printed, and what a judgement says.

Knows the few ways in which the code (Python, Go, shell and the monitor's page) speaks to a person. Refuses to know what a
message means and what helps: that stands in docs/reference/messages.md, and a test compares the two.

    python -m toolchain.doc_messages     print every message that has no row yet, with its place
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from computer import places

HOLE = "…"
ROOMS = (
    "model",
    "components",
    "operations",
    "files/stages",
    "files/monitoring",
    "toolchain",
    "lab",
    "images",
    "archives",
    "computer",
)
PLUGIN = Path("toolchain/go/command")
CONSOLES = Path("files/monitoring/consoles")
SHELLS = ("activate", "lab/*.sh", "images/*.sh", "archives/**/*.sh")
PAGE = Path("docs/reference/messages.md")
PRINTERS = ("print", "say", "_say", "info", "warn", "error", "exit", "__init__")
# Modules that hand their sentences back, for others to print.
JUDGES = (
    "model/advice.py",
    "model/cluster_id.py",
    "model/emptied.py",
    "model/fitness.py",
    "model/health.py",
    "model/identity.py",
    "model/retention_warnings.py",
    "model/order.py",
    "model/roll.py",
    "model/status.py",
    "model/switch.py",
    "model/topics.py",
    "model/ignored_changes.py",
    "model/vitals.py",
    "model/pending_replacement.py",
    "operations/ensemble.py",
    "operations/kafka_view.py",
    "operations/status.py",
    "computer/telling.py",
)
# The room whose functions answer in sentences; those of the others answer files, paths and options.
ANSWERING = "operations/"
# How the meaning of a message begins that tells of nothing wrong.
NO_TROUBLE = ("Progress", "Answer")
_ENOUGH = 24
_FEW = 2
# How the plugin in Go speaks, and how its texts are spelled.
_GO_LITERAL = r'"((?:[^"\\]|\\.)*)"'
_GO_SPEAKS = re.compile(
    r"(?:InfoStatusf?|Warningf?|Errorf?|Sprintf|errors\.New|Deprecate|Reason)(?:\((?:&c, )?|: )"
    rf"({_GO_LITERAL}(?:\s*\+\s*{_GO_LITERAL})*)"
)
_GO_TEXT = re.compile(_GO_LITERAL)
_GO_HOLES = re.compile(r"%[.\d]*[a-zA-Z]|\\n")
# A line that is printed as it is: an echo to a person, not into a pipe. Shell stands in Python texts, too.
_SHELL_SPEAKS = re.compile(r'\becho "(.*)"(?: >&2|$)')
# What the page puts into an element or a variable; with ` +` behind it, more is added in the browser.
_CONSOLE_SPEAKS = re.compile(r'(?:\}, |= )"([^"]+(?:" \+)?)')
_LINE_HOLES = re.compile(r'\$\w+|\$?\{\w+\}|@\w+@|" \+$')
_WORDS = re.compile(r"[A-Za-z]{2}.* | .*[A-Za-z]{2}")


@dataclass(frozen=True, slots=True)
class Message:
    """A text with a hole for everything that differs from time to time, and where it stands."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the page, cell by cell."""

    message: str
    meaning: str
    remedy: str

    @property
    def lacks(self) -> str:
        """What has to be filled in. Only progress and answers need nothing to be done."""
        if not self.meaning:
            return "meaning"
        return "" if self.remedy or self.meaning.startswith(NO_TROUBLE) else "remedy"


@cache
def messages() -> tuple[Message, ...]:
    """All of them, in the order of the files, which a run reads once."""
    files = sorted(
        file for room in ROOMS for file in (places.CHECKOUT / room).glob("*.py") if not file.name.startswith("doc_")
    )
    found = [message for file in files for message in _of_file(file)]
    found += [message for file in sorted((places.CHECKOUT / PLUGIN).rglob("*.go")) for message in _of_go(file)]
    shells = [file for pattern in SHELLS for file in sorted(places.CHECKOUT.glob(pattern))]
    found += [message for file in [*files, *shells] for message in _of_lines(file, _SHELL_SPEAKS)]
    consoles = sorted((places.CHECKOUT / CONSOLES).glob("*.html"))
    return (*found, *(message for file in consoles for message in _of_lines(file, _CONSOLE_SPEAKS)))


def _of_file(file: Path) -> Iterator[Message]:
    name = str(file.relative_to(places.CHECKOUT))
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = _sentences(tree) if name in JUDGES else _spoken(tree, answers=name.startswith(ANSWERING))
    seen: set[str] = set()
    for line, text in found:
        plain = " ".join(text.split())
        if _WORDS.search(plain) and plain not in seen:
            seen.add(plain)
            yield Message(f"{name}:{line}", plain)


def _of_go(file: Path) -> Iterator[Message]:
    """What the plugin logs, fails with or judges wrong. Its texts may be sums of literals, over several lines."""
    text = file.read_text(encoding="utf-8")
    for said in _GO_SPEAKS.finditer(text):
        plain = _GO_HOLES.sub(HOLE, " ".join("".join(_GO_TEXT.findall(said[1])).split()))
        if _WORDS.search(plain):
            line = text.count("\n", 0, said.start()) + 1
            yield Message(f"{file.relative_to(places.CHECKOUT)}:{line}", plain)


def _of_lines(file: Path, speaks: re.Pattern[str]) -> Iterator[Message]:
    """What is said in single lines."""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        for said in speaks.findall(line):
            plain = _LINE_HOLES.sub(HOLE, said)
            if _WORDS.search(plain):
                yield Message(f"{file.relative_to(places.CHECKOUT)}:{number}", plain)


def _sentences(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text of a module with a space in it, apart from documentation and annotations."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    inside -= {id(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in documentation | inside:
            text = _text(node)
            if text.strip().count(" ") >= _FEW:
                yield node.lineno, text


def _spoken(tree: ast.Module, *, answers: bool) -> Iterator[tuple[int, str]]:
    """What is raised, printed or judged wrong, and what functions answer if that is asked for."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for scope in [_program(tree), *functions]:
        for node in ast.walk(scope):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                for argument in node.exc.args[:1]:
                    yield from _alternatives(node.lineno, argument, scope, tree)
            elif isinstance(node, ast.Call) and _name(node.func) == "Problem":
                for expected in _alternatives(node.lineno, node.args[2], scope, tree):
                    for _, key in _alternatives(node.lineno, node.args[0], scope, tree):
                        yield node.lineno, f"{key}: got {HOLE}; expected {expected[1]}"
            elif answers and isinstance(node, ast.Return) and node.value is not None:
                yield from ((node.lineno, text) for text in _answered(node.value))
            elif isinstance(node, ast.Call) and _name(node.func) in PRINTERS:
                # `say` may be told first who speaks.
                for argument in node.args[-1:] if _name(node.func) == "say" else node.args[:1]:
                    yield from _alternatives(node.lineno, argument, scope, tree)


def _program(tree: ast.Module) -> ast.Module:
    """What a module does when it is run, apart from what it defines."""
    definitions = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return ast.Module([node for node in tree.body if not isinstance(node, definitions)], [])


def _answered(node: ast.expr) -> list[str]:
    """The sentences that a function hands back, alone or in a list. What has many lines is a file."""
    parts = node.elts if isinstance(node, ast.List) else [node]
    return [text for part in parts if (text := _text(part)).strip().count(" ") >= _FEW and text.count("\n") < _FEW]


def _alternatives(line: int, node: ast.expr, scope: ast.AST, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The texts that an expression can be, as far as the source says it."""
    if isinstance(node, ast.IfExp):
        yield from _alternatives(line, node.body, scope, tree)
        yield from _alternatives(line, node.orelse, scope, tree)
    elif isinstance(node, ast.Name) and (value := _assigned(node.id, line, scope)) is not None:
        yield from _alternatives(line, value, scope, tree)
    elif isinstance(node, ast.Name):
        yield from ((line, text) for text in _handed_back(node.id, scope, tree) or [HOLE])
    else:
        yield line, _text(node)


def _assigned(name: str, line: int, scope: ast.AST) -> ast.expr | None:
    """What a name was given last before a line."""
    given = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and node.lineno < line and _name(node.targets[0]) == name
    ]
    last = max(given, key=lambda node: node.lineno, default=None)
    return last.value if last and not isinstance(last.value, ast.Call) else None


def _handed_back(name: str, scope: ast.AST, tree: ast.Module) -> list[str]:
    """What the function of this module answers that a name was given by."""
    calls = [
        _name(node.value.func)
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _name(node.targets[0]) == name
    ]
    return [
        _text(node.value)
        for function in tree.body
        if isinstance(function, ast.FunctionDef) and function.name in calls
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and node.value is not None and _text(node.value)
    ]


def _text(node: ast.AST) -> str:
    """A text with holes; nothing but a hole for what is none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else HOLE
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("strip", "rstrip"):
            return _text(node.func.value)
        if node.func.attr == "join" and isinstance(node.args[0], ast.List):
            return " ".join(_text(part) for part in node.args[0].elts)
    return HOLE


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def rows() -> list[Row]:
    """What the page explains, row by row of its tables."""
    page = (places.CHECKOUT / PAGE).read_text(encoding="utf-8")
    lines = re.findall(r"^\| (`.*) \|$", page, re.MULTILINE)
    return [Row(*(cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line))) for line in lines]


def documented() -> list[str]:
    """The messages that the page explains, without the marks of code around them."""
    return [re.sub(r"^(`+) ?(.+?) ?\1$", r"\2", row.message) for row in rows()]


def explains(row: str, message: Message) -> bool:
    """Whether a row is about a message: its words begin the message, in their order, and are more than what many
    messages have in common."""
    pieces = [" ".join(piece.split()) for piece in row.split(HOLE)]
    words = sum(map(len, pieces))
    if 2 * words < len(message.text.replace(HOLE, "")) and words < _ENOUGH:
        return False
    return re.match(".*".join(map(re.escape, pieces)), message.text, re.DOTALL) is not None


def unexplained() -> list[Message]:
    """The messages that no row of the page is about."""
    explained = documented()
    return [message for message in messages() if not any(explains(row, message) for row in explained)]


if __name__ == "__main__":
    for each in unexplained():
        print(f"{each.place}: {each.text}")
