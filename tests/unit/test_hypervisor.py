"""Whether an address is free, and what is said when it is not; and whether machines run at native speed."""

import socket
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest

from computer import host
from lab.libvirt import Libvirt
from operations import hypervisor


@pytest.mark.parametrize("answers", [True, False], ids=["ssh", "a refused connection"])
def test_a_taken_address_is_told_with_both_ways_out(monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    def connect(*_: object, **__: object) -> Any:
        if answers:
            return SimpleNamespace(close=lambda: None)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(hypervisor.Taken) as caught:
        hypervisor.refuse_taken("172.25.254.131")
    told = str(caught.value)
    assert "172.25.254.131" in told
    assert "Take the other one off the network" in told
    assert "while no node was formatted yet, `pulumi destroy` and plan another address" in told, (
        "the earlier `up` has made the nodes a part of what the cluster is, and another address alone is refused"
    )


def test_an_address_that_does_not_answer_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object, **__: object) -> Any:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", connect)
    hypervisor.refuse_taken("172.25.254.131")


FAR, SYSTEM, EMBEDDED = "qemu+ssh://far/system", "qemu:///system", Libvirt("dev").uri
DENIED, MISSING = PermissionError(13, "Permission denied"), FileNotFoundError(2, "No such file or directory")


@pytest.mark.parametrize(
    ("uri", "fault", "expected"),
    [
        (SYSTEM, None, "kvm"),
        (SYSTEM, DENIED, "kvm"),
        (SYSTEM, MISSING, "qemu"),
        (EMBEDDED, None, "kvm"),
        (EMBEDDED, DENIED, "qemu"),
        (FAR, MISSING, "kvm"),
    ],
)
def test_a_device_that_only_this_user_may_not_open_is_no_reason_to_emulate(
    monkeypatch: pytest.MonkeyPatch, uri: str, fault: OSError | None, expected: str
) -> None:
    def make_machine() -> None:
        if fault:
            raise fault

    monkeypatch.setattr(host, "_processor_virtualises", lambda _: True)
    monkeypatch.setattr(host, "_make_machine", make_machine)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0))
    assert hypervisor.domain_type("auto", uri) == expected, "libvirt itself has said that it can"


def test_what_libvirt_says_it_cannot_do_is_not_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_processor_virtualises", lambda _: True)
    monkeypatch.setattr(host, "_make_machine", lambda: None)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=1))
    assert hypervisor.domain_type("auto", SYSTEM) == "qemu"
