"""How a Go is found, fetched and kept from weakening its checks, with Go commands that are made up for the test."""

import os
import shutil
from pathlib import Path

import pytest

from computer import apt
from computer.commands import CommandFailed
from toolchain import golang, pins

GO = """#!/bin/sh
case "$1 $2" in
  "version "*) echo "go version go{version} linux/amd64" ;;
  "env GOPROXY") echo "{proxy}" ;;
  "mod download")
    folder="$GOMODCACHE/golang.org/toolchain"
    mkdir -p "$folder/bin" "$folder/pkg/tool/linux_amd64" "$folder/src/cmd"
    touch "$folder/bin/go" "$folder/pkg/tool/linux_amd64/link" "$folder/src/cmd/_go.mod"
    echo "$4 GOPROXY=$GOPROXY GOSUMDB=$GOSUMDB GOTOOLCHAIN=$GOTOOLCHAIN" > {folder}/asked
    echo "{{\\"Dir\\": \\"$folder\\"}}" ;;
  "build "*) echo "first
second" >&2; exit 2 ;;
esac
"""


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer without any Go."""
    monkeypatch.setattr(golang, "KNOWN_PLACES", ())
    monkeypatch.setenv("KAFKA_CLUSTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")


def install(folder: Path, version: str, proxy: str = "https://proxy.example,direct") -> Path:
    program = folder / "bin" / "go"
    program.parent.mkdir()
    program.write_text(GO.format(version=version, proxy=proxy, folder=folder))
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("version", [pins.GO_OLDEST, pins.GO_FETCHED, "2.0"])
def test_an_installed_go_that_is_new_enough_is_used(tmp_path: Path, version: str) -> None:
    installed = install(tmp_path, version)
    assert golang.provide() == golang.Go(installed, fetched=False)


def test_an_older_go_fetches_a_newer_one_through_a_proxy_and_with_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOSUMDB", "off")
    install(tmp_path, "1.19.8")
    go = golang.provide()
    assert go.fetched
    assert go.command == tmp_path / "cache" / "toolchain" / f"go-{pins.GO_FETCHED}" / "bin" / "go"
    assert go.command.stat().st_mode & 0o111
    assert (go.command.parent.parent / "src" / "cmd" / "go.mod").is_file()
    module = f"golang.org/toolchain@v0.0.1-go{pins.GO_FETCHED}.linux-{golang.architecture()}"
    asked = (tmp_path / "asked").read_text()
    assert asked == f"{module} GOPROXY=https://proxy.example GOSUMDB= GOTOOLCHAIN=local\n"
    assert golang.provide() == go


def test_where_there_is_no_go_apt_brings_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda program: "/usr/bin/apt-get" if program == "apt-get" else None)
    monkeypatch.setattr(golang, "KNOWN_PLACES", (str(tmp_path / "bin/go").lstrip("/"),))

    def refuse(packages: list[str]) -> None:
        raise CommandFailed("another program holds the lists")

    monkeypatch.setattr(apt, "ensure", refuse)
    with pytest.raises(golang.GoError, match="another program holds the lists"):
        golang.provide()
    monkeypatch.setattr(apt, "ensure", lambda packages: install(tmp_path, "1.19.8"))
    assert golang.provide().fetched


@pytest.mark.parametrize("proxy", ["direct", "off", ""])
def test_a_go_without_a_proxy_is_refused(tmp_path: Path, proxy: str) -> None:
    install(tmp_path, "1.19.8", proxy)
    with pytest.raises(golang.GoError, match="names no module proxy"):
        golang.provide()


def test_a_build_that_fails_shows_its_last_words(tmp_path: Path) -> None:
    install(tmp_path, pins.GO_FETCHED)
    with pytest.raises(golang.GoError, match=r"build .* failed \(2\):\nfirst\nsecond"):
        golang.provide().build(tmp_path, ".", tmp_path / "out", {})


PATCH = golang.Patch("example.org/m", "a.go", (("one", "two"), ("three", "four")))


def test_a_patch_changes_what_stands_there_once(tmp_path: Path) -> None:
    (tmp_path / "a.go").write_text("one three\n")
    PATCH.apply(tmp_path)
    assert (tmp_path / "a.go").read_text() == "two four\n"


@pytest.mark.parametrize("text", ["one", "three one one"])
def test_a_patch_that_does_not_fit_stops_the_build(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.go").write_text(text)
    with pytest.raises(golang.GoError, match=r"example.org/m: a.go does not hold once"):
        PATCH.apply(tmp_path)
    assert (tmp_path / "a.go").read_text() == text, "half a patch is worse than none"
