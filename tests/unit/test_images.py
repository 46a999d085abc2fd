"""The image's pure parts: recipe and fingerprint, its root, the layout of the disk, GRUB's two sectors, apt's words."""

import os
import re
import struct
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

import files
from archives.archive import Archive
from computer import apt, commands
from computer.commands import CommandFailed
from images import build, disk, recipe, rootfs
from images.recipe import Image, Manifest
from model.paths import Paths

SIZE = 2 << 30


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small copy of the room that the recipe's fingerprint covers."""
    for name in ("recipe.py", "build.py", "disk.py"):
        (tmp_path / name).write_text(name)
    overlay = tmp_path / "overlay/etc"
    overlay.mkdir(parents=True)
    (overlay / "hostname").write_text("debian\n")
    monkeypatch.setattr(recipe, "_ROOM", tmp_path)
    monkeypatch.setattr(recipe, "OVERLAY", tmp_path / "overlay")
    return tmp_path


def test_a_fingerprint_is_short_and_lasting() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", recipe.fingerprint())
    assert recipe.fingerprint() == recipe.fingerprint()


@pytest.mark.parametrize("changed", ["recipe.py", "build.py", "disk.py", "overlay/etc/hostname", "overlay/etc/new"])
def test_whatever_decides_the_result_changes_the_fingerprint(room: Path, changed: str) -> None:
    before = recipe.fingerprint()
    (room / changed).write_text("another")
    assert recipe.fingerprint() != before


def test_only_the_executable_bit_of_a_mode_counts(room: Path) -> None:
    """A checkout's modes depend on its owner's umask; git keeps no more than this bit."""
    file = room / "overlay/etc/hostname"
    file.chmod(0o644)
    before = recipe.fingerprint()
    file.chmod(0o600)
    assert recipe.fingerprint() == before
    file.chmod(0o755)
    assert recipe.fingerprint() != before


def test_an_image_lies_in_the_cache_by_its_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_CLUSTER_CACHE", str(tmp_path))
    assert recipe.path() == tmp_path / "images" / recipe.fingerprint() / "guest.qcow2"
    assert not recipe.image().is_built()


def test_a_manifest_is_read_back_from_beside_its_disk(tmp_path: Path) -> None:
    manifest = Manifest("17.0.1", ("bash=5.2", "sudo=1.9"), "ab" * 32, "cd" * 64)
    (tmp_path / "manifest.json").write_text(manifest.to_json())
    assert Image(tmp_path).manifest() == manifest


def test_an_image_that_is_not_ours_has_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        recipe.manifest_beside(tmp_path / "some.qcow2")


def a_kafka(folder: Path) -> Archive:
    """An archive of one file, as the cache has it."""
    home = folder / "kafka_2.13-3.6.0"
    (home / "bin").mkdir(parents=True)
    (home / "bin/kafka-topics.sh").write_text("#!/bin/sh\n")
    os.utime(home / "bin/kafka-topics.sh", (1_600_000_000, 1_600_000_000))
    path = folder / "kafka_2.13-3.6.0.tgz"
    subprocess.run(["tar", "-czf", path, "-C", folder, home.name], check=True)
    return Archive("3.6.0", path, "ab" * 64, "official", "somewhere")


def test_another_archive_makes_another_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka, seen = a_kafka(tmp_path), set()
    for there in (None, kafka, replace(kafka, sha512="cd" * 64)):
        monkeypatch.setattr(recipe, "archive", lambda there=there: there)
        seen.add(recipe.fingerprint())
    assert len(seen) == 3, "an image would say that it carries what it does not"


def test_an_image_carries_the_archive_and_what_it_would_be_unpacked_to(tmp_path: Path) -> None:
    kafka, root = a_kafka(tmp_path), tmp_path / "root"
    for folder in ("usr/local", "var/cache"):
        (root / folder).mkdir(parents=True)
    build._carry(root, kafka, tmp_path / "log")
    home = root / Paths("3.6.0").home[1:]
    assert (root / f"{recipe.ARCHIVES[1:]}/kafka_2.13-3.6.0.tgz").read_bytes() == kafka.path.read_bytes()
    assert (home / ".archive-sha512").read_text().strip() == kafka.sha512
    assert (home / "bin/kafka-topics.sh").stat().st_mtime == 1_600_000_000, (
        "Java's shared classes go by the jars' times"
    )


def test_the_stage_on_a_machine_goes_by_the_mark_that_the_image_leaves() -> None:
    assert f'MARK, UNPACKED = "{recipe.MARK}"' in files.text("stages/installed.py"), (
        "it would unpack what is unpacked already"
    )


def test_the_root_file_system_has_no_kafka() -> None:
    words = " ".join((*recipe.PACKAGES, *recipe.ENABLED, *recipe.MASKED))
    assert "kafka" not in words + "".join(str(path) for path in recipe.OVERLAY.rglob("*")).partition("overlay")[2]


def test_a_half_unpacked_root_is_not_taken_for_whole(tmp_path: Path) -> None:
    (tmp_path / "rootfs.part").mkdir()
    (tmp_path / "rootfs.part" / "half").touch()
    archive = tmp_path / "rootfs.tar"
    (tmp_path / "whole").touch()
    with tarfile.open(archive, "w") as new:
        new.add(tmp_path / "whole", "./whole")
    root = rootfs.unpacked(archive)
    assert [file.name for file in root.iterdir()] == ["whole"]
    assert not (tmp_path / "rootfs.part").exists()


def test_hooks_of_the_overlay_are_executable() -> None:
    hooks = list(recipe.OVERLAY.glob("etc/initramfs-tools/hooks/*"))
    assert hooks
    assert all(hook.stat().st_mode & 0o100 for hook in hooks)


def test_partitions_fill_the_disk_but_for_the_tables() -> None:
    lines = disk.partition_table(SIZE).splitlines()
    assert lines[0] == "label: gpt"
    bios, root = (dict(re.findall(r"(start|size)=(\d+)", line)) for line in lines if line.startswith("start="))
    assert int(bios["start"]) + int(bios["size"]) == int(root["start"])
    end = int(root["start"]) + int(root["size"])
    assert end <= SIZE // 512 - 34, "the backup table needs the last 33 sectors"


def test_the_boot_sector_leads_to_the_core() -> None:
    boot = disk.boot_code(bytes(512))
    assert len(boot) == 440, "what follows is the partition table's"
    assert struct.unpack_from("<Q", boot, 0x5C) == (disk.CORE_START,)


def test_the_core_leads_to_its_other_sectors() -> None:
    core = disk.core_image(bytes(30_000))
    assert struct.unpack_from("<Q", core, 0x1F4) == (disk.CORE_START + 1,)
    assert len(core) == 30_000


def test_a_core_that_reaches_into_the_root_partition_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        disk.core_image(bytes(2048 * 512 + 1))


def test_sources_are_the_computers_own_of_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "bookworm deb http://mirror/debian/ bookworm main\nbookworm-security deb http://mirror/sec/ bookworm-security main\n"
    told += "trixie deb http://mirror/debian/ trixie main\n"
    monkeypatch.setattr(build, "output", lambda argv: told)
    assert build.apt_sources() == [
        "deb http://mirror/debian/ bookworm main",
        "deb http://mirror/sec/ bookworm-security main",
    ]


def test_a_computer_without_the_release_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "output", lambda argv: "trixie deb http://mirror/debian/ trixie main\n")
    with pytest.raises(CommandFailed, match="no source of Debian bookworm"):
        build.apt_sources()


def test_only_settings_that_reach_the_sources_are_carried(monkeypatch: pytest.MonkeyPatch) -> None:
    told = 'Acquire::http::Proxy "http://proxy:3128";\nAcquire::cdrom::mount "/media/cdrom/";\nAcquire::Retries "3";\n'
    monkeypatch.setattr(build, "output", lambda argv: told)
    assert build._apt_settings() == ['Acquire::http::Proxy "http://proxy:3128"', 'Acquire::Retries "3"']


def test_a_failed_build_leaves_nothing_and_names_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_CLUSTER_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(apt, "ensure", lambda packages: None)
    stale = tmp_path / "images/.building-of-a-killed-run"
    stale.mkdir(parents=True)

    def fail(image: Image, work: Path, log: Path) -> None:
        (work / "half").write_text("")
        raise CommandFailed("mmdebstrap said no")

    monkeypatch.setattr(build, "_make", fail)
    with pytest.raises(CommandFailed, match=r"build\.log.*mmdebstrap said no"):
        build.build()
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == [".lock", "build.log"]


def test_missing_packages_keep_their_order() -> None:
    assert apt.missing(("no-such-b", "base-files", "no-such-a")) == ["no-such-b", "no-such-a"]


def test_a_failure_carries_the_command_and_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("of another command\n")
    script = "seq 100; exit 3"
    for attempt in (
        lambda: commands.output(["sh", "-c", script]),
        lambda: commands.logged(["sh", "-c", script], log),
    ):
        with pytest.raises(CommandFailed) as raised:
            attempt()
        assert str(raised.value).splitlines()[0] == "exit code 3 from: sh -c 'seq 100; exit 3'"
        assert str(raised.value).splitlines()[1:] == [str(number) for number in range(81, 101)]
