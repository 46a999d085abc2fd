"""How a page is read and typed: `tests/support/tutorial.py`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tutorial import Block, Mistake, Reader, Shell, sections, unseen

PAGE = """# A page

## Begin

```sh
here=$PWD
echo "3 of 3 in $here"
```

and it answers

```
7 of 7 in …
```

```text
what it would answer elsewhere
```

## Go on

```sh
test "$here" = "$PWD"
```
"""


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with Shell.opened(tmp_path, os.environ) as shell:
        yield shell


def test_a_page_is_what_to_type_and_what_it_shows() -> None:
    assert sections(PAGE) == {
        "Begin": [Block(("here=$PWD", 'echo "3 of 3 in $here"'), ("7 of 7 in …",))],
        "Go on": [Block(('test "$here" = "$PWD"',))],
    }


def test_what_was_done_in_a_shell_lasts_until_the_page_ends(shell: Shell, tmp_path: Path) -> None:
    reader = Reader(sections(PAGE), shell)
    assert f"3 of 3 in {tmp_path}" in reader.do("Begin")
    assert [block.typed for block in reader.left] == [('test "$here" = "$PWD"',)], "nobody may overlook a line"
    reader.do("Go on")
    assert not reader.left


def test_a_line_that_fails_is_a_mistake_of_the_page(shell: Shell) -> None:
    with pytest.raises(Mistake, match="`ls /nowhere` ended with 2:\n.*No such file"):
        shell.type("ls /nowhere")


def test_a_page_that_shows_what_does_not_come_is_mistaken(shell: Shell) -> None:
    page = PAGE.replace("7 of 7", "all of 7")
    with pytest.raises(Mistake, match="all of 7"):
        Reader(sections(page), shell).do("Begin")


def test_a_line_whose_program_would_read_the_next_ones_ends_all_the_same(shell: Shell) -> None:
    assert shell.type("head -c 0") == "\n"
    with pytest.raises(Mistake, match="the shell ended"):
        shell.type("exit 0; cat")


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        ("started (227s) …", "  started   (9s) kafka", False),
        ("CurrentVoters:  [1,2,3]", "CurrentVoters: [1,2,3]", False),
        ("CurrentVoters: [1,2,3]", "CurrentVoters: [1,2]", True),
        ("Created topic test.", "Created topic tests", True),
        ("… => 172800000 on all brokers", "log.retention.ms: 604800000 => 172800000 on all brokers", False),
    ],
)
def test_numbers_and_gaps_are_the_only_freedom(shown: str, printed: str, missing: bool) -> None:
    assert unseen(shown, printed) is missing
