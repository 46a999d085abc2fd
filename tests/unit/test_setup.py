"""What set-up installs, on computers that have different things already."""

import shutil
from collections.abc import Iterable

import pytest

from images import apt
from lab import host
from toolchain import setup


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The packages that are installed on a computer without any."""
    found: list[str] = []
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(apt, "missing", list)

    def ensure(packages: Iterable[str]) -> None:
        found.extend(packages)

    monkeypatch.setattr(apt, "ensure", ensure)
    return found


@pytest.mark.parametrize("uri", [None, "qemu:///system"])
def test_what_the_provider_starts_is_installed_whichever_libvirt_there_is(
    installed: list[str], monkeypatch: pytest.MonkeyPatch, uri: str | None
) -> None:
    monkeypatch.setattr(host, "system_libvirt", lambda: uri)
    setup.packages(lambda _: None)
    assert {"genisoimage", "libvirt-clients", "xsltproc"} <= set(installed), (
        "no first-boot disk and no console can be made without them"
    )
    assert ("libvirt-daemon" in installed) is (uri is None), "a second libvirt beside the computer's own is in its way"


def test_a_program_of_another_origin_will_do(installed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "system_libvirt", lambda: "qemu:///system")
    monkeypatch.setattr(shutil, "which", lambda program: f"/opt/bin/{program}")
    setup.packages(lambda _: None)
    assert not {"maven", "genisoimage", "libvirt-clients", "xsltproc"} & set(installed)
