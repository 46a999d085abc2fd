"""remote.CopyToRemote and remote.CopyFile put files where the published package's documentation says."""

import os
import re
import threading
import time
from pathlib import Path

import pytest

from tests.conformance.engine import (
    UNKNOWN,
    Failed,
    Plugin,
    Properties,
    file_archive,
    file_asset,
    is_secret,
    text_asset,
)
from tests.conformance.sshd import Server

COPY = "command:remote:CopyToRemote"
COPY_FILE = "command:remote:CopyFile"
TOLD_SECONDS = 60.0
CONNECTION = {"host": "there", "user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The side that is copied from."""
    folder = tmp_path / "here" / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "top.txt").write_text("top")
    (folder / "inner" / "deep.bin").write_bytes(bytes(range(256)) * 1000)
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The machine's side, which is the same disk."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def copy(command: Plugin, machine: Server, source: Properties, target: Path, *, seconds: float = 0) -> Properties:
    inputs = {"connection": machine.connection(), "source": source, "remotePath": str(target)}
    return command.create(COPY, inputs, seconds=seconds)


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_text_becomes_a_file_and_overwrites_it(command: Plugin, machine: Server, there: Path) -> None:
    (there / "file").write_text("longer than what follows")
    state = copy(command, machine, text_asset("käse\n", "1"), there / "file")
    assert (there / "file").read_text() == "käse\n"
    assert is_secret(state["connection"])


def test_a_text_onto_a_folder_fails(command: Plugin, machine: Server, there: Path) -> None:
    with pytest.raises(Failed, match="is a directory"):
        copy(command, machine, text_asset("x", "1"), there)


def test_a_file_becomes_a_file_and_folders_above_are_made(
    command: Plugin, machine: Server, here: Path, there: Path
) -> None:
    source = here / "folder" / "inner" / "deep.bin"
    copy(command, machine, file_asset(source, "1"), there / "made" / "too" / "copy")
    assert (there / "made" / "too" / "copy").read_bytes() == source.read_bytes()


def test_a_file_into_a_folder_keeps_its_name(command: Plugin, machine: Server, here: Path, there: Path) -> None:
    copy(command, machine, file_asset(here / "folder" / "top.txt", "1"), there)
    assert below(there) == {"top.txt"}


def slow_copy(
    command: Plugin, machine: Server, here: Path, there: Path, *, seconds: float, longest: float = TOLD_SECONDS
) -> None:
    """A copy that comes to its end once it was told of, or after its `longest` time."""
    source = here / "pipe"
    os.mkfifo(source)
    late = source.open("r+b", buffering=0)

    def end_once_told() -> None:
        deadline = time.monotonic() + longest
        while not command.log.lines and time.monotonic() < deadline:
            time.sleep(0.02)
        late.write(b"late")
        late.close()

    end = threading.Thread(target=end_once_told)
    end.start()
    try:
        copy(command, machine, file_asset(source, "1"), there / "copy", seconds=seconds)
    finally:
        end.join()


def test_a_copy_that_takes_long_is_told_of(command: Plugin, machine: Server, here: Path, there: Path) -> None:
    slow_copy(command, machine, here, there, seconds=600)
    assert (there / "copy").read_bytes() == b"late"
    said = rf"waiting for {there}/copy to be copied: 0\.0 of 0\.0 MiB \(\d+ s of at most (600|5\d\d) s\)"
    assert re.fullmatch(said, command.log.lines[0]), (
        "a busy computer connects and speaks later, and says so all the same"
    )


def test_a_copy_that_takes_longer_than_its_limit_is_given_up(
    command: Plugin, machine: Server, here: Path, there: Path
) -> None:
    with pytest.raises(Failed, match="context deadline exceeded"):
        slow_copy(command, machine, here, there, seconds=1, longest=5)


def test_a_short_copy_needs_no_words(command: Plugin, machine: Server, there: Path) -> None:
    copy(command, machine, text_asset("short", "1"), there / "file")
    assert command.log.lines == []


def test_a_folder_is_copied_into_the_target(command: Plugin, machine: Server, here: Path, there: Path) -> None:
    for target in (there, there / "new"):
        copy(command, machine, file_archive(f"{here}/folder", "1"), target)
        assert {"folder/top.txt", "folder/inner/deep.bin"} <= below(target)


def test_a_folder_with_a_slash_is_copied_as_its_content(
    command: Plugin, machine: Server, here: Path, there: Path
) -> None:
    copy(command, machine, file_archive(f"{here}/folder/", "1"), there)
    assert below(there) == {"top.txt", "inner/deep.bin"}


def test_a_folder_onto_a_file_fails(command: Plugin, machine: Server, here: Path, there: Path) -> None:
    (there / "file").touch()
    with pytest.raises(Failed, match="failed to create remote directory"):
        copy(command, machine, file_archive(f"{here}/folder", "1"), there / "file")


def test_an_archive_file_is_copied_as_it_is(command: Plugin, machine: Server, here: Path, there: Path) -> None:
    archive = here / "packed.tgz"
    archive.write_bytes(b"not unpacked")
    copy(command, machine, file_archive(str(archive), "1"), there / "packed.tgz")
    assert (there / "packed.tgz").read_bytes() == b"not unpacked"


def test_a_source_that_is_not_there_fails(command: Plugin, machine: Server, here: Path, there: Path) -> None:
    with pytest.raises(Failed, match="no such file"):
        copy(command, machine, file_asset(here / "missing", "1"), there / "file")


@pytest.mark.parametrize(
    "source",
    [
        {**text_asset("", "1"), "text": "", "uri": "https://example.org/file"},
        {**file_archive("", "1"), "path": "", "assets": {"a": text_asset("a", "1")}},
    ],
    ids=["address", "collected archive"],
)
def test_other_kinds_of_sources_are_refused(command: Plugin, source: Properties) -> None:
    with pytest.raises(Failed, match="source"):
        command.check(COPY, {"connection": CONNECTION, "source": source, "remotePath": "/tmp/x"})


def test_a_source_that_is_not_known_yet_is_not_judged(command: Plugin) -> None:
    command.check(COPY, {"connection": CONNECTION, "source": UNKNOWN, "remotePath": "/there"})


def test_update_copies_what_or_where_has_changed_and_nothing_else(
    command: Plugin, machine: Server, there: Path
) -> None:
    state = copy(command, machine, text_asset("one", "1"), there / "file")
    inputs = {"connection": machine.connection(), "source": text_asset("two", "2"), "remotePath": f"{there}/file"}
    state = command.update(COPY, state, inputs)
    assert (there / "file").read_text() == "two"
    (there / "file").unlink()
    state = command.update(COPY, state, {**inputs, "connection": machine.connection(perDialTimeout=3)})
    assert not (there / "file").exists()
    command.update(COPY, state, {**inputs, "remotePath": f"{there}/elsewhere"})
    assert (there / "elsewhere").read_text() == "two"


def test_delete_removes_nothing(command: Plugin, machine: Server, there: Path) -> None:
    command.delete(COPY, copy(command, machine, text_asset("stays", "1"), there / "file"))
    assert (there / "file").exists()


def test_a_preview_copies_nothing(command: Plugin) -> None:
    inputs = {"connection": {"host": "256.0.0.1"}, "source": text_asset("x", "1"), "remotePath": "/x"}
    command.create(COPY, inputs, preview=True)


def test_changes_update_and_triggers_are_named_as_the_sdk_expects(command: Plugin) -> None:
    inputs = {"connection": CONNECTION, "source": text_asset("a", "1"), "remotePath": "/a", "triggers": ["a"]}
    for name, value in (("source", text_asset("b", "2")), ("remotePath", "/b")):
        diff = command.diff(COPY, inputs, {**inputs, name: value})
        assert (diff.changed, diff.replaces) == ({name}, set())
    assert command.diff(COPY, inputs, {**inputs, "triggers": ["b"]}).changed == {"triggers[0]"}


def test_copy_file_copies_and_every_change_replaces(command: Plugin, machine: Server, here: Path, there: Path) -> None:
    source = here / "folder" / "top.txt"
    inputs = {"connection": machine.connection(), "localPath": str(source), "remotePath": f"{there}/file"}
    state = command.create(COPY_FILE, inputs)
    assert (there / "file").read_text() == "top"
    plain = {"connection": CONNECTION, "localPath": "/a", "remotePath": "/a", "triggers": ["a"]}
    for name, value in (("localPath", "/b"), ("remotePath", "/b"), ("triggers", ["b"])):
        diff = command.diff(COPY_FILE, plain, {**plain, name: value})
        assert diff.replaces == diff.changed != set()
    command.delete(COPY_FILE, state)
    assert (there / "file").exists()
