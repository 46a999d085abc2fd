"""The archive provider without the network beyond loopback: sources, checksums, the cache, and the bytes that assembly writes."""

import hashlib
import http.server
import io
import json
import os
import shutil
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archives import archive, assemble
from computer import apt
from computer.commands import CommandFailed

NOWHERE = "http://127.0.0.1:9/{version}.tgz"
PUBLISHED = archive.PUBLISHED


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KAFKA_CLUSTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(archive, "OFFICIAL", NOWHERE)
    monkeypatch.setattr(archive, "PUBLISHED", {})
    monkeypatch.setattr(apt, "ensure", list)
    return tmp_path / "cache" / "archives"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address at which loopback serves it."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def assembled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The versions that were assembled, from two pretended jars instead of Maven Central's."""
    versions: list[str] = []

    def copy_jars(version: str, libs: Path) -> None:
        versions.append(version)
        for name in ("b.jar", "a.jar"):
            (libs / name).write_text(name)
            os.utime(libs / name, (len(versions), len(versions)))

    monkeypatch.setattr(assemble, "_copy_jars", copy_jars)
    monkeypatch.setattr(assemble, "_install_programs", lambda: None)
    return versions


def make(path: Path, version: str = "3.6.0", content: bytes = b"jar") -> str:
    """Write a small archive and answer its checksum."""
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo(f"kafka_2.13-{version}/libs/kafka.jar")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return hashlib.sha512(path.read_bytes()).hexdigest()


def test_what_assembles_is_installed_by_apt_as_everything_else_is(
    assembled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: list[str] = []
    monkeypatch.setattr(shutil, "which", lambda program: None if program == "mvn" else f"/usr/bin/{program}")
    monkeypatch.setattr(apt, "ensure", wanted.extend)
    archive.ensure()
    assert (wanted, assembled) == (["maven"], ["3.6.0"])

    def refuse(packages: object) -> None:
        raise CommandFailed("only root can install maven")

    monkeypatch.setattr(apt, "ensure", refuse)
    with pytest.raises(archive.ArchiveError, match="only root can install maven"):
        archive.ensure("3.6.1")


def test_a_path_is_checked_copied_and_found_again(tmp_path: Path, cache: Path) -> None:
    sha512 = make(tmp_path / "x.tgz")
    kept = archive.ensure(source=str(tmp_path / "x.tgz"), sha512=sha512.upper())
    assert kept.path == cache / sha512 / "kafka_2.13-3.6.0.tgz"
    assert (kept.kind, kept.sha512) == ("given", sha512)
    assert archive.cached(source=str(tmp_path / "x.tgz"), sha512=sha512) == kept
    assert archive.cached(source=f"file://{tmp_path}/x.tgz") == kept
    assert archive.cached() is None
    assert archive.cached(source=str(tmp_path / "x.tgz"), sha512="0" * 128) is None


def test_a_kept_archive_outlives_its_source_but_not_a_change_of_it(tmp_path: Path) -> None:
    path = tmp_path / "x.tgz"
    make(path)
    kept = archive.ensure(source=str(path))
    path.unlink()
    assert archive.ensure(source=str(path)) == kept
    changed = make(path, content=b"another")
    assert archive.cached(source=str(path)) is None
    assert archive.ensure(source=str(path)).sha512 == changed


def test_a_wrong_checksum_names_key_got_and_expected_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    got = make(tmp_path / "x.tgz")
    with pytest.raises(archive.ArchiveError) as error:
        archive.ensure(source=str(tmp_path / "x.tgz"), sha512="a" * 128)
    for evidence in ("archiveSha512", "x.tgz", got, "a" * 128):
        assert evidence in str(error.value)
    assert [path.name for path in cache.iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("arguments", "evidence"),
    [
        ({"version": "3.6"}, ("kafkaVersion", "'3.6'", "3.6.0")),
        ({"sha512": "12ab"}, ("archiveSha512", "'12ab'", "128")),
        ({"sha512": "g" * 128}, ("archiveSha512", "128 hexadecimal")),
        ({"source": "/no/such.tgz"}, ("archive:", "/no/such.tgz", "No such file", "example")),
        ({"source": "ftp://host/x.tgz"}, ("archive:", "ftp://host/x.tgz", "https", "example")),
        ({"source": "http://127.0.0.1:9/x.tgz"}, ("archive:", "can't be fetched", "refused")),
    ],
)
def test_bad_input_is_refused_with_key_got_expected_and_example(
    arguments: dict[str, str], evidence: tuple[str, ...]
) -> None:
    with pytest.raises(archive.ArchiveError) as error:
        archive.ensure(**arguments)
    for part in evidence:
        assert part in str(error.value)


def test_a_file_that_is_no_archive_of_this_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.tgz").write_text("<html>")
    with pytest.raises(archive.ArchiveError, match="page.tgz is not a gzipped tar"):
        archive.ensure(source=str(tmp_path / "page.tgz"))
    make(tmp_path / "other.tgz", version="3.6.1")
    with pytest.raises(archive.ArchiveError, match="holds kafka_2.13-3.6.1, expected kafka_2.13-3.6.0"):
        archive.ensure(source=str(tmp_path / "other.tgz"))


def test_an_address_is_fetched_and_a_missing_page_is_an_error(served: tuple[Path, str]) -> None:
    folder, address = served
    sha512 = make(folder / "x.tgz")
    assert archive.ensure(source=f"{address}/x.tgz").sha512 == sha512
    with pytest.raises(archive.ArchiveError, match=r"archive: .*y\.tgz can't be fetched: HTTP Error 404"):
        archive.ensure(source=f"{address}/y.tgz")


@pytest.mark.parametrize(
    "text",
    [
        lambda sha512: f"{sha512}  kafka_2.13-3.6.0.tgz\n",
        lambda sha512: "kafka_2.13-3.6.0.tgz: " + " ".join(sha512[i : i + 8].upper() for i in range(0, 128, 8)) + "\n",
    ],
    ids=["as sha512sum prints it", "as gpg prints it"],
)
def test_the_official_archive_is_checked_by_what_is_published_beside_it(
    served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, text: Callable[[str], str]
) -> None:
    folder, address = served
    sha512 = make(folder / "kafka_2.13-3.6.0.tgz")
    (folder / "kafka_2.13-3.6.0.tgz.sha512").write_text(text(sha512))
    monkeypatch.setattr(archive, "OFFICIAL", address + "/kafka_2.13-{version}.tgz")
    assert archive.ensure().kind == "official"
    assert archive.cached() == archive.ensure()


def test_an_official_archive_with_another_checksum_is_refused_and_not_replaced_by_an_assembled_one(
    served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, assembled: list[str]
) -> None:
    folder, address = served
    make(folder / "kafka_2.13-3.6.0.tgz")
    monkeypatch.setattr(archive, "OFFICIAL", address + "/kafka_2.13-{version}.tgz")
    monkeypatch.setattr(archive, "PUBLISHED", {"3.6.0": "b" * 128})
    with pytest.raises(archive.ArchiveError, match="archiveSha512"):
        archive.ensure()
    assert assembled == []


def test_the_published_checksums_are_whole() -> None:
    for sha512 in PUBLISHED.values():
        assert len(sha512) == 128
        assert set(sha512) <= set("0123456789abcdef")


def test_an_answer_that_breaks_off_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer_half, args=(server,), daemon=True).start()
        with pytest.raises(archive.ArchiveError, match="broke off after 4 of 1000 bytes"):
            archive.ensure(source=f"http://127.0.0.1:{server.getsockname()[1]}/x.tgz")


def answer_half(server: socket.socket) -> None:
    caller, _ = server.accept()
    with caller:
        caller.recv(65536)
        caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")


def test_where_nothing_answers_the_archive_is_assembled_and_one_line_says_so(
    assembled: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(archive, "REACH_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(archive, "OFFICIAL", f"http://127.0.0.1:{silent.getsockname()[1]}/{{version}}.tgz")
        made = archive.ensure()
    assert made.kind == "assembled"
    assert "not the official archive" in str(made)
    said = [line for line in capsys.readouterr().out.splitlines() if "can't be fetched" in line]
    assert len(said) == 1
    assert "assembling" in said[0]
    assert archive.ensure() == made
    assert assembled == ["3.6.0"]


def test_a_changed_recipe_makes_an_assembled_archive_out_of_date(
    assembled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.ensure()
    monkeypatch.setattr(assemble, "recipe", lambda _: "changed")
    assert archive.cached() is None
    archive.ensure()
    assert assembled == ["3.6.0", "3.6.0"]


def test_an_assembled_archive_obeys_a_configured_checksum(assembled: list[str]) -> None:
    with pytest.raises(archive.ArchiveError, match="archiveSha512.*assembled from Maven Central"):
        archive.ensure(sha512="c" * 128)
    sha512 = archive.ensure().sha512
    assert archive.ensure(sha512=sha512).sha512 == sha512


def test_only_versions_with_launchers_are_assembled() -> None:
    with pytest.raises(archive.ArchiveError, match=r"(?s)kafkaVersion.*'3.7.0'.*3\.6\.x.*archive:"):
        archive.ensure("3.7.0")


def test_a_failed_assembly_carries_the_last_lines(assembled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    failing = ["sh", "-c", "seq 100; echo no such artifact >&2; exit 3"]
    monkeypatch.setattr(assemble, "_copy_jars", lambda *_: assemble.run(failing))
    with pytest.raises(archive.ArchiveError, match=r"(?s)Maven Central.*ended with 3.*100\nno such artifact.*archive:"):
        archive.ensure()


def test_a_damaged_copy_is_made_again(assembled: list[str]) -> None:
    first = archive.ensure()
    first.path.write_bytes(b"damaged")
    assert not archive.is_whole(first)
    assert archive.ensure() == first
    assert archive.is_whole(first)


def test_what_a_killed_fetch_left_is_removed_and_never_taken_for_whole(assembled: list[str], cache: Path) -> None:
    left = cache / ".partial-killed"
    left.mkdir(parents=True)
    (left / "archive.tgz").write_bytes(b"half")
    assert archive.cached() is None
    archive.ensure()
    assert not left.exists()


def test_two_at_once_fetch_once(assembled: list[str]) -> None:
    both = [threading.Thread(target=archive.ensure) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert assembled == ["3.6.0"]


def test_the_index_says_what_was_kept(assembled: list[str], cache: Path) -> None:
    made = archive.ensure()
    entry = json.loads((cache / "index.json").read_text())["3.6.0"]
    assert (entry["sha512"], entry["kind"]) == (made.sha512, "assembled")


def test_asking_the_cache_reads_no_archive(assembled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    archive.ensure()
    monkeypatch.setattr("computer.caches.sha512", pytest.fail)  # a preview asks, and it has a hundred megabytes
    assert archive.cached()


def test_the_same_inputs_give_the_same_bytes(assembled: list[str], tmp_path: Path) -> None:
    for name in ("one.tgz", "two.tgz"):
        assemble.assemble("3.6.0", tmp_path / name)
    assert (tmp_path / "one.tgz").read_bytes() == (tmp_path / "two.tgz").read_bytes()


def test_the_layout_is_the_official_one(assembled: list[str], tmp_path: Path) -> None:
    assemble.assemble("3.6.0", tmp_path / "x.tgz")
    with tarfile.open(tmp_path / "x.tgz") as tar:
        entries = {entry.name: entry for entry in tar}
        marker = tar.extractfile("kafka_2.13-3.6.0/ASSEMBLED")
        assert marker is not None
        assert b"not the official release archive" in marker.read()
    top = "kafka_2.13-3.6.0"
    assert list(entries) == sorted(entries)
    assert {name.split("/")[0] for name in entries} == {top}
    for path in (
        "bin/kafka-server-start.sh",
        "bin/kafka-run-class.sh",
        "config/server.properties",
        "config/log4j.properties",
        "config/kraft/server.properties",
        "libs/a.jar",
    ):
        assert f"{top}/{path}" in entries
    for name, entry in entries.items():
        assert (entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, "root", "root")
        assert entry.mtime == assemble.TIMESTAMP
        assert entry.mode == (0o755 if entry.isdir() or "/bin/" in name else 0o644)


def test_every_launcher_is_rendered_whole() -> None:
    launchers = assemble.launchers()
    assert len(launchers) == 36
    for name, text in launchers.items():
        assert name.endswith(".sh")
        assert text.startswith("#!/bin/bash\n# ")
        assert not any(f"@{field}@" in text for field in ("class", "heap", "name", "usage", "what"))
