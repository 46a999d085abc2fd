"""Asks a hypervisor what it can do, and the network whether an address is free."""

import re
import socket
import subprocess

from lab.host import kvm_works
from operations.refusal import Refusal

_FREE_SECONDS = 2.0


class Taken(Refusal):
    """An address answers although its machine was not made yet."""


def domain_type(wanted: str, uri: str) -> str:
    """kvm or qemu: what was asked for, or for `auto` kvm where it really works."""
    if wanted != "auto":
        return wanted
    command = ["virsh", "--connect", uri, "domcapabilities", "--virttype", "kvm"]
    if subprocess.run(command, capture_output=True).returncode != 0:
        return "qemu"
    # A hypervisor far away is believed; this computer is looked at, as /dev/kvm alone proves nothing.
    is_here = bool(re.match(r"qemu(\+unix)?:///", uri))
    return "kvm" if not is_here or kvm_works()[0] else "qemu"


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
