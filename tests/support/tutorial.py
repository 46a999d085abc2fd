"""A page of the documentation, done line by line as its reader would type it.

Knows Markdown's fences and a shell. Refuses to know what the page is about.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_FENCE = "```"
_MARK = ":: the line ended with"
_SESSION = re.compile(r"kafka-cluster ssh \S+")


@dataclass(frozen=True)
class Block:
    """Lines to type, and those of the answer that the page shows."""

    typed: tuple[str, ...]
    shown: tuple[str, ...] = ()


def sections(text: str) -> dict[str, list[Block]]:
    """The blocks under each heading. Lines to type stand in ```sh, and what the page shows of their answer in the next
    ``` without a word; a block of another word is neither."""
    found: dict[str, list[Block]] = {}
    heading, kind = "", ""
    lines: list[str] | None = None  # of the block that the page is in
    for line in text.splitlines():
        if line.startswith(_FENCE) and lines is None:
            kind, lines = line.removeprefix(_FENCE), []
        elif line.startswith(_FENCE):
            _keep(found.setdefault(heading, []), kind, tuple(lines or ()))
            lines = None
        elif lines is not None:
            lines.append(line)
        elif line.startswith("## "):
            heading = line.removeprefix("## ")
    return found


def _keep(blocks: list[Block], kind: str, lines: tuple[str, ...]) -> None:
    if kind == "sh":
        blocks.append(Block(lines))
    elif kind == "":
        blocks.append(Block(blocks.pop().typed, lines))


def unseen(shown: str, printed: str) -> bool:
    """Whether no printed line is like the one that is shown. A number stands for any number, … for anything."""
    words = (re.sub(r"\d+", r"\\d+", re.escape(word)).replace("…", ".*") for word in shown.split())
    pattern = re.compile(r"\s+".join(words))
    return not any(pattern.search(line) for line in printed.splitlines())


class Mistake(AssertionError):
    """A line of the page does not do what the page says."""


@dataclass
class Reader:
    """Somebody who does what the page says, in one shell from its beginning to its end."""

    blocks: dict[str, list[Block]]
    shell: "Shell"
    done: list[Block] = field(default_factory=list)

    def do(self, heading: str, number: int | None = None) -> str:
        """Types all blocks under a heading, or one of them, and answers what they printed. Mistake when a line fails, or
        prints nothing like what the page shows."""
        printed = ""
        for block in self.blocks[heading] if number is None else [self.blocks[heading][number]]:
            words = "".join(self.shell.type(line) for line in block.typed)
            if wrong := [line for line in block.shown if line.strip() and unseen(line, words)]:
                raise Mistake(f"after {block.typed} the page shows what was not printed: {wrong}; but:\n{words}")
            self.done.append(block)
            printed += words
        return printed

    @property
    def left(self) -> list[Block]:
        """What was not done."""
        return [
            block for blocks in self.blocks.values() for block in blocks if not any(block is one for one in self.done)
        ]


class Shell:
    """A shell that is typed into line by line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, environment: Mapping[str, str]) -> Iterator[Self]:
        """A shell in a folder."""
        command = ["bash", "--noprofile", "--norc"]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
        ) as process:
            yield cls(process)
            assert process.stdin is not None
            process.stdin.close()

    def type(self, line: str) -> str:
        """What a line prints; Mistake when it fails. A line that opens a session on a machine answers when that ends."""
        # On the line itself: whatever it starts reads what is typed after it.
        self._send(line if line == "exit" else f"{line}; printf '\\n{_MARK} %s\\n' $?")
        return "" if _SESSION.fullmatch(line) else self._answer(line)

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _answer(self, line: str) -> str:
        assert self._process.stdout is not None
        words: list[str] = []
        for printed in self._process.stdout:
            if printed.startswith(_MARK):
                if (status := printed.split()[-1]) != "0":
                    raise Mistake(f"`{line}` ended with {status}:\n{''.join(words)[-6000:]}")
                return "".join(words)
            words.append(printed)
        raise Mistake(f"the shell ended at `{line}`:\n{''.join(words)[-6000:]}")
