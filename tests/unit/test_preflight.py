"""What the operator's computer is asked for before any machine is spoken to."""

from pathlib import Path

import pytest

from images.recipe import Manifest
from model.errors import Problem
from model.settings import read
from operations import preflight


def test_only_the_archive_that_an_image_carries_is_not_uploaded(tmp_path: Path) -> None:
    disk, kafka = tmp_path / "guest.qcow2", "ab" * 64
    (tmp_path / "manifest.json").write_text(Manifest("17", (), "", kafka).to_json())
    carried, other = (preflight.ArchiveFile(Path("kafka_2.13-3.6.0.tgz"), sha512) for sha512 in (kafka, "cd" * 64))
    assert preflight._carried(carried, str(disk)) == "/var/cache/kafka-cluster/kafka_2.13-3.6.0.tgz"
    assert not preflight._carried(other, str(disk)), "a machine would be asked for an archive that it has not"
    assert not preflight._carried(carried, str(tmp_path / "other/guest.qcow2")), "nobody knows what is on that one"


def test_an_image_is_known_again_on_another_operators_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_CLUSTER_CACHE", str(tmp_path))
    folder, kafka = tmp_path / "images/0123456789abcdef", "ab" * 64
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(Manifest("17", (), "", kafka).to_json())
    archive = preflight.ArchiveFile(Path("kafka_2.13-3.6.0.tgz"), kafka)
    assert preflight._carried(archive, "/home/other/.cache/kafka-cluster/images/0123456789abcdef/guest.qcow2"), (
        "an `up` from there would bring to each machine what it has"
    )


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"java": "17", "packages": 3, "sha256": ""}'])
def test_a_manifest_of_somebody_elses_is_none(tmp_path: Path, text: str) -> None:
    image = tmp_path / "guest.qcow2"
    image.touch()
    (tmp_path / "manifest.json").write_text(text)
    problems: list[Problem] = []
    node = {"name": "a", "id": 1, "address": "172.25.254.131"}
    assert preflight._image(read({"nodes": [node], "image": str(image)}), problems) == str(image)
    assert not problems, "any tool may write a file of that name"
