"""What this computer offers by itself: a libvirt of its own, and KVM that really works.

Asks and never changes anything.
"""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

SYSTEM_URI = "qemu:///system"
SECONDS_TO_ANSWER = 5.0

_KVM_CREATE_VM = 0xAE01


def answers(uri: str) -> bool:
    """Whether a libvirt answers there soon."""
    return not refusal(uri)


def refusal(uri: str) -> str:
    """Why no libvirt answers there, in virsh's own words; nothing where one does."""
    if shutil.which("virsh") is None:
        return "virsh is not installed"
    asked = ["virsh", "--connect", uri, "version"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=SECONDS_TO_ANSWER)
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS_TO_ANSWER:.0f} s"
    if done.returncode == 0:
        return ""
    return " ".join(done.stderr.split()) or f"virsh ended with {done.returncode}"


def system_libvirt() -> str | None:
    """The URI of the libvirt that this computer has without us, or that its user has chosen."""
    return system_uri() if answers(system_uri()) else None


def system_uri() -> str:
    """Where that one would be."""
    return os.environ.get("LIBVIRT_DEFAULT_URI") or SYSTEM_URI


def kvm_works(*, unseen: bool = False) -> tuple[bool, str]:
    """Whether guests can run at native speed, and the reason in words. `unseen` is what is taken for so where this user may
    not open the device: QEMU may run as another one, who may.

    A device that opens and even makes a machine may still not run a stock kernel, when the processor has no
    virtualisation to give: so the processor is asked too.
    """
    if not _processor_virtualises(Path("/proc/cpuinfo").read_text()):
        return False, "the processor offers no virtualisation (neither vmx nor svm in /proc/cpuinfo)"
    try:
        _make_machine()
    except PermissionError as error:
        return unseen, f"/dev/kvm: {error.strerror} for this user"
    except OSError as error:
        return False, f"/dev/kvm: {error.strerror}"
    return True, "/dev/kvm makes virtual machines"


def _processor_virtualises(cpuinfo: str) -> bool:
    flags = {flag for line in cpuinfo.splitlines() if line.startswith("flags") for flag in line.split()}
    return not flags.isdisjoint({"vmx", "svm"})


def _make_machine() -> None:
    device = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    try:
        os.close(fcntl.ioctl(device, _KVM_CREATE_VM, 0))
    finally:
        os.close(device)
