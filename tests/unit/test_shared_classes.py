"""Who lays Kafka's classes out for Java, and who takes what is there."""

import os
from pathlib import Path

import pytest

from archives import archive
from archives.archive import Archive
from images import recipe, shared_classes
from images.recipe import Manifest

KAFKA = Archive("3.6.0", Path("/srv/kafka_2.13-3.6.0.tgz"), "ab" * 64, "official", "somewhere")


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The root file systems that were unpacked by a user that is not root, in a cache that has archive and image."""
    roots: list[Path] = []

    def unpacked(rootfs: Path) -> Path:
        roots.append(rootfs)
        return rootfs

    monkeypatch.setenv("KAFKA_CLUSTER_CACHE", str(tmp_path))
    monkeypatch.setattr(archive, "cached", lambda: KAFKA)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shared_classes, "unpacked", unpacked)
    recipe.image().folder.mkdir(parents=True)
    (recipe.image().folder / "manifest.json").write_text(Manifest("17.0.9", (), "").to_json())
    return roots


def test_who_is_not_root_unpacks_nothing_in_vain(tried: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert shared_classes.ensure(KAFKA) is None
    assert shared_classes.main() == 0
    assert not tried, "every `up` would take a minute for it, and then fail"
    assert "not made, which needs root" in capsys.readouterr().out


@pytest.mark.usefixtures("tried")
def test_what_root_made_is_taken_by_everybody() -> None:
    folder = shared_classes._folder(KAFKA.sha512, recipe.image())
    folder.mkdir(parents=True)
    (folder / shared_classes.NAME).write_text("classes")
    (folder / shared_classes.NAME).with_suffix(".sha512").write_text("cd" * 64)
    found = shared_classes.ensure(KAFKA)
    assert found
    assert found.path == folder / shared_classes.NAME
