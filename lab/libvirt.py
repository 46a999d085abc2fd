"""An embedded libvirt in a namespace, for a computer that has none of its own.

Knows libvirt's daemons, their settings, and how they come up and go away. Refuses to know which networks and machines
are defined in it. What runs is asked of the kernel and of libvirt each time, so a killed `up`, a dead daemon beside
living guests, or a reboot are simply other places to start from.
"""

import os
import pwd
from pathlib import Path

from computer import apt, host
from computer.commands import CommandFailed, output
from computer.waiting import wait_for
from lab.alone import alone
from lab.namespace import Namespace

# What works on this computer whichever libvirt it is: the provider starts the first and the last, our checks start virsh.
CLIENT_PACKAGES = ("genisoimage", "libvirt-clients", "xsltproc")

# Only programs and no services: a package with libvirt's units would leave a system libvirt behind.
PACKAGES = (
    *CLIENT_PACKAGES,
    "dnsmasq-base",
    "iproute2",
    "iptables",
    "libvirt-daemon",
    "qemu-system-x86",
    "qemu-utils",
)

DAEMONS = ("libvirtd", "virtlogd")
GUESTS = ("qemu-system-x86_64",)
HELPERS = ("dnsmasq",)

# What libvirt's units would find made by their package.
FOLDERS = (Path("/var/lib/libvirt/dnsmasq"), Path("/var/lib/libvirt/images"), Path("/var/log/libvirt/qemu"))
COMPILED_IN_USER = "libvirt-qemu"
NO_LOGIN = "/usr/sbin/nologin"

SECONDS_TO_ANSWER = 30.0
# A machine ends when its services have. The last of combined nodes has nobody to hand over to, and waits as long as its
# unit may; an emulated one may take longer still.
SECONDS_TO_SHUT_DOWN = 900.0

SETTINGS = {
    "libvirtd.conf": 'unix_sock_rw_perms = "0700"\nunix_sock_ro_perms = "0700"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n',
    "virtlogd.conf": "",
    "qemu.conf": (
        'security_driver = "none"\nuser = "root"\ngroup = "root"\nremember_owner = 0\ncgroup_controllers = []\n'
    ),
    "network.conf": "",
}


class Libvirt:
    """The libvirt of one lab."""

    def __init__(self, name: str) -> None:
        self.namespace = Namespace(name)

    @property
    def socket(self) -> Path:
        return self.namespace.volatile / "libvirt-sock"

    @property
    def uri(self) -> str:
        return f"qemu:///system?socket={self.socket}"

    def is_up(self) -> bool:
        ours = self.namespace.is_ours() and self.namespace.processes(("libvirtd",))
        return bool(ours) and host.answers(self.uri)

    def up(self) -> None:
        """Brings the daemons up, whatever stands already. Guests, networks and pools with autostart come along."""
        _require_root()
        apt.ensure(PACKAGES)
        with alone(self.namespace.volatile):
            self.namespace.create()
            if not self.is_up():
                self._start()

    def down(self, *, graceful: bool = False, delete: bool = False) -> None:
        """Ends guests and daemons and takes the namespace away."""
        _require_root()
        with alone(self.namespace.volatile):
            if graceful and self.is_up():
                self._shut_down_guests()
            # The daemon goes first, so that it can't react to the end of its guests.
            for programs in DAEMONS[:1], GUESTS, DAEMONS[1:], HELPERS:
                self.namespace.end(programs)
            self.namespace.remove(delete=delete)

    def virsh(self, *arguments: str) -> str:
        return output(["virsh", "--connect", self.uri, *arguments])

    def guests(self) -> list[str]:
        """The names of the guests that run."""
        return self.virsh("list", "--name").split()

    def environment(self) -> dict[str, str]:
        """What a command inside needs to find this libvirt."""
        return {"KAFKA_CLUSTER_LAB": self.namespace.name, "LIBVIRT_DEFAULT_URI": self.uri}

    def _start(self) -> None:
        """A libvirtd that lives and doesn't answer is of no use; a virtlogd holds the guests' consoles and stays."""
        self.namespace.end(("libvirtd",))
        _ensure_user()
        for folder in FOLDERS:
            self.namespace.outside(folder).mkdir(exist_ok=True)
        for name, text in SETTINGS.items():
            self.namespace.outside(Path("/etc/libvirt", name)).write_text(text)
        for daemon in "virtlogd", "libvirtd":
            if not self.namespace.processes((daemon,)):
                self._start_daemon(daemon)
        wait_for("libvirt answers or ends", self._answered_or_ended, SECONDS_TO_ANSWER, self._last_log_lines)
        if not self.is_up():
            raise CommandFailed(f"libvirtd started and ended again\n{self._last_log_lines()}")

    def _answered_or_ended(self) -> bool:
        return self.is_up() or not self.namespace.processes(("libvirtd",))

    def _start_daemon(self, daemon: str) -> None:
        pid_file = f"/run/libvirt/{daemon}.pid"
        output(self.namespace.inside([daemon, "--daemon", "--pid-file", pid_file]))

    def _last_log_lines(self) -> str:
        logs = sorted(self.namespace.outside(Path("/var/log/libvirt")).glob("*.log"))
        return "\n".join(f"{log}:\n" + "\n".join(log.read_text().splitlines()[-10:]) for log in logs)

    def _shut_down_guests(self) -> None:
        for guest in self.guests():
            self.virsh("shutdown", guest)
        wait_for("guests shut down", lambda: not self.guests(), SECONDS_TO_SHUT_DOWN, lambda: str(self.guests()))


def _ensure_user() -> None:
    """libvirtd looks for the user that Debian compiled into it even where guests run as another one."""
    try:
        pwd.getpwnam(COMPILED_IN_USER)
    except KeyError:
        output(["useradd", "--system", "--user-group", "--no-create-home", "--shell", NO_LOGIN, COMPILED_IN_USER])


def _require_root() -> None:
    if os.geteuid() != 0:
        uri = host.system_uri()
        said = host.refusal(uri)
        hint = f", and is not reached: {said}. Is it there? Then be in the group libvirt, and log in again after being added"
        raise CommandFailed(
            f"the embedded libvirt needs root; a libvirt of the computer's own ({uri}) does not{hint if said else ''}"
        )


def chosen() -> Libvirt:
    """The lab that the environment names, or `dev`."""
    return Libvirt(os.environ.get("KAFKA_CLUSTER_LAB") or "dev")
