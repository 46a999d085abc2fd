"""Asks a hypervisor whether it is there and what it can do, and the network whether an address is free."""

import re
import socket
import subprocess

from computer.host import kvm_works
from computer.telling import telling
from lab.namespace import SOCKETS
from model.errors import Problem
from operations.refusal import Refusal

_ANSWER_SECONDS = 10
_FREE_SECONDS = 2.0


class Taken(Refusal):
    """An address answers although its machine was not made yet."""


def silence(uri: str) -> Problem | None:
    """What is wrong where no libvirt answers; None where one does."""
    try:
        with telling(f"libvirt at {uri}", _ANSWER_SECONDS):
            done = subprocess.run(
                ["virsh", "--connect", uri, "version"], capture_output=True, text=True, timeout=_ANSWER_SECONDS
            )
        fault = "" if done.returncode == 0 else done.stderr.strip()
    except FileNotFoundError:
        fault = "virsh is not installed"
    except subprocess.TimeoutExpired:
        fault = f"no answer within {_ANSWER_SECONDS} s"
    if not fault:
        return None
    expected = f"a libvirt that answers ({fault}); `make up` starts one where the computer has none"
    return Problem("libvirtUri", uri, expected, "libvirtUri: qemu:///system")


def domain_type(wanted: str, uri: str) -> str:
    """kvm or qemu: what was asked for, or for `auto` kvm where it really works."""
    if wanted != "auto":
        return wanted
    command = ["virsh", "--connect", uri, "domcapabilities", "--virttype", "kvm"]
    if subprocess.run(command, capture_output=True).returncode != 0:
        return "qemu"
    # A hypervisor far away is believed; this computer is looked at, as /dev/kvm alone proves nothing.
    is_here = bool(re.match(r"qemu(\+unix)?:///", uri))
    # In the embedded one QEMU runs as this very user; elsewhere as one of libvirt's own, for whom libvirt has looked.
    return "kvm" if not is_here or kvm_works(unseen=f"socket={SOCKETS}/" not in uri)[0] else "qemu"


def refuse_taken(address: str) -> None:
    """Raises Taken when something answers at the address. A refused connection is an answer, too."""
    try:
        socket.create_connection((address, 22), timeout=_FREE_SECONDS).close()
    except ConnectionRefusedError:
        pass
    except OSError:
        return
    raise Taken(
        f"nodes[].address: got {address!r}, which another machine has already; expected a free address of"
        " the network. No machine was made for it. Take the other one off the network; or, while no node was formatted"
        " yet, `pulumi destroy` and plan another address"
    )
