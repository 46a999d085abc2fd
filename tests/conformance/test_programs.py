"""Where the Pulumi programs come from, with programs and sources that are made up for the test."""

import os
import socket
import tarfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from computer import places
from toolchain import golang, pins, programs

CLI = """#!/bin/sh
case "$1" in
  version) echo "v{version}" ;;
  plugin) folder="$PULUMI_HOME/plugins/resource-$4-v$5"; mkdir -p "$folder" && tar -xzf "$7" -C "$folder" ;;
esac
"""


def make_programs(folder: Path, version: str = pins.PULUMI) -> Path:
    folder.mkdir(parents=True)
    for name in (programs.CLI, programs.HOST, programs.EXEC):
        (folder / name).write_text(CLI.format(version=version))
        (folder / name).chmod(0o755)
    return folder


class MadeUpGo(golang.Go):
    """Builds programs that are shell scripts."""

    built: list[str] = []  # noqa: RUF012 - shared on purpose: every run asks for a Go anew
    fails = ""

    def build(
        self, _module: Path, _package: str, output: Path, _variables: Mapping[str, str], _patches: Any = ()
    ) -> None:
        if output.name == self.fails:
            output.write_text("half")
            raise golang.GoError(f"no {output.name}")
        self.built.append(output.name)
        output.write_text(CLI.format(version=pins.PULUMI))
        output.chmod(0o755)

    def module_directory(self, _module: Path, _name: str) -> Path:
        source = places.cache() / "sdk"
        (source / "python" / "cmd").mkdir(parents=True, exist_ok=True)
        (source / "python" / "cmd" / programs.EXEC).touch()
        return source


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer that has no Pulumi, reaches no official binaries, and whose Go is made up."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv(programs.MIRROR, f"http://127.0.0.1:{nobody.getsockname()[1]}")
    monkeypatch.setenv("KAFKA_CLUSTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KAFKA_CLUSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv(programs.CHOICE, raising=False)
    monkeypatch.setattr(golang, "provide", lambda: MadeUpGo(Path("go"), fetched=False))
    monkeypatch.setattr(MadeUpGo, "built", [])
    programs._official_reached.cache_clear()


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str = pins.PULUMI) -> Path:
    made = make_programs(folder, version)
    monkeypatch.setenv("PATH", f"{made}:/usr/bin:/bin")
    return made


def plugins() -> set[str]:
    return {path.name for path in (places.pulumi_home() / "plugins").glob("*/*")}


def test_an_installed_pulumi_of_the_tested_version_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = install(tmp_path / "installed", monkeypatch)
    assert programs.bin_dir() == programs.ensure() == installed
    assert MadeUpGo.built == ["pulumi-resource-command", "pulumi-resource-libvirt"]


def test_another_version_is_left_alone_and_one_of_our_own_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed = install(tmp_path / "installed", monkeypatch, "3.100.0")
    monkeypatch.setattr("sys.argv", ["programs.py"])
    assert programs.main() == 0, "whoever has a Pulumi for other projects would be stopped"
    said = capsys.readouterr().out
    told = f"{installed}/pulumi is 3.100.0 and is not used: this project is tested with Pulumi {pins.PULUMI} only"
    assert said.count(told) == 1
    assert programs.bin_dir().is_relative_to(places.cache())


def test_a_shell_is_not_told_of_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path / "installed", monkeypatch, "3.100.0")
    directory = programs.ensure()
    capsys.readouterr()
    monkeypatch.setattr("sys.argv", ["programs.py", "--print-bin"])
    assert programs.main() == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == (f"{directory}\n", ""), "every `. ./activate` asks, and takes all of it for a path"


@pytest.mark.usefixtures("mirror")
def test_beside_another_version_the_official_binaries_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "installed", monkeypatch, "3.100.0")
    assert programs.ensure() == programs._official_directory()
    assert MadeUpGo.built == []


def test_a_pulumi_without_its_language_host_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (install(tmp_path / "installed", monkeypatch) / programs.HOST).unlink()
    with pytest.raises(programs.ProgramsError, match=f"without {programs.HOST}"):
        programs.bin_dir()


def test_what_another_checkout_prepared_the_shell_with_is_no_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "other" / "toolchain" / "shims", monkeypatch)
    assert programs.ensure().is_relative_to(places.cache()), (
        "two checkouts in one shell are no Pulumi that lacks a part"
    )


def test_own_programs_beside_any_installed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "installed", monkeypatch, "3.100.0")
    monkeypatch.setenv(programs.CHOICE, "own")
    assert programs.ensure().is_relative_to(places.cache())


def test_an_unknown_choice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(programs.CHOICE, "official")
    with pytest.raises(programs.ProgramsError, match="'official'; expected nothing, or 'own'"):
        programs.bin_dir()


def test_nothing_is_provided_by_asking_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["programs.py", "--print-bin"])
    assert programs.main() == 1
    assert "make setup" in capsys.readouterr().err
    assert not places.cache().exists()


def test_what_is_built_is_built_once_and_found_on_path_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = programs.ensure()
    assert sorted(path.name for path in directory.iterdir()) == [programs.CLI, programs.HOST, programs.EXEC]
    assert plugins() == {"pulumi-resource-command", "pulumi-resource-libvirt"}
    assert "is not reached" in capsys.readouterr().out
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")
    MadeUpGo.built.clear()
    assert programs.ensure() == directory
    assert MadeUpGo.built == []
    assert capsys.readouterr().out == ""


def test_changed_sources_build_only_what_is_made_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in (programs.PULUMI, programs.LANGUAGE_HOST, *programs.PLUGINS.values()):
        (tmp_path / "go" / program.folder).mkdir(parents=True)
    monkeypatch.setattr(programs, "MODULES", tmp_path / "go")
    programs.ensure()
    MadeUpGo.built.clear()
    (tmp_path / "go" / "command" / "main.go").write_text("package main")
    programs.ensure()
    assert MadeUpGo.built == ["pulumi-resource-command"]


def test_a_build_that_breaks_off_is_never_taken_for_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MadeUpGo, "fails", programs.CLI)
    with pytest.raises(golang.GoError):
        programs.ensure()
    assert [path.name for path in (places.cache() / "toolchain").iterdir()] == ["lock"]
    monkeypatch.setattr(MadeUpGo, "fails", "")
    assert programs.ensure().is_dir()


def test_two_runs_at_once_build_once() -> None:
    runs = [threading.Thread(target=programs.ensure) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sorted(MadeUpGo.built) == sorted({*MadeUpGo.built})


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Official binaries that are reached."""
    releases = tmp_path / "releases"
    (releases / "sdk").mkdir(parents=True)
    (releases / "plugins").mkdir()
    made = make_programs(tmp_path / "official" / "pulumi")
    architecture = golang.architecture()
    system = programs.OFFICIAL_ARCHITECTURES[architecture]
    with tarfile.open(releases / "sdk" / f"pulumi-v{pins.PULUMI}-linux-{system}.tar.gz", "w:gz") as archive:
        archive.add(made, "pulumi")
    for name, version in pins.PLUGINS.items():
        file = f"pulumi-resource-{name}-v{version}-linux-{architecture}.tar.gz"
        with tarfile.open(releases / "plugins" / file, "w:gz") as archive:
            archive.add(made / programs.CLI, f"pulumi-resource-{name}")
    monkeypatch.setenv(programs.MIRROR, releases.as_uri())
    return releases


def test_official_binaries_where_they_are_reached(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = programs.ensure()
    assert sorted(path.name for path in directory.iterdir()) == [programs.CLI, programs.HOST, programs.EXEC]
    assert all(os.access(path, os.X_OK) for path in directory.iterdir())
    assert plugins() == {"pulumi-resource-command", "pulumi-resource-libvirt"}
    assert MadeUpGo.built == []
    assert f"official binaries: from {mirror.as_uri()}" in capsys.readouterr().out
    assert programs.ensure() == directory


@pytest.mark.usefixtures("mirror")
def test_own_programs_take_the_place_of_official_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    programs.ensure()
    monkeypatch.setenv(programs.CHOICE, "own")
    programs._official_reached.cache_clear()
    programs.ensure()
    assert len(MadeUpGo.built) == 4


@pytest.mark.usefixtures("mirror")
def test_pulumi_logs_no_run_unless_somebody_made_a_folder_for_that() -> None:
    programs.ensure()
    logs = places.pulumi_home() / "logs"
    assert logs.is_file(), "Pulumi would log all it handles, at a fifth of its time"
    logs.unlink()
    logs.mkdir()
    programs.ensure()
    assert logs.is_dir(), "somebody wants them"


def test_an_official_plugin_that_is_missing_says_where(mirror: Path) -> None:
    for file in (mirror / "plugins").iterdir():
        file.unlink()
    with pytest.raises(programs.ProgramsError, match=r"plugins/pulumi-resource-command(.|\n)*export"):
        programs.ensure()
