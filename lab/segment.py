"""One network segment in a namespace of its own: a bridge that holds the gateway's address, and no way out.

Knows ip(8). Refuses to know what is plugged in.
"""

import ipaddress
import subprocess
from dataclasses import dataclass
from pathlib import Path

from computer.commands import output

BRIDGE = "br-machines"


@dataclass(frozen=True, slots=True)
class Segment:
    """The network `cidr` in the namespace `netns`; the gateway has its first address."""

    netns: str
    cidr: str

    @property
    def network(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(self.cidr)

    @property
    def gateway(self) -> str:
        return str(self.network.network_address + 1)

    def exists(self) -> bool:
        return Path("/run/netns", self.netns).exists()

    def create(self) -> None:
        """Make the namespace and its bridge; what a killed run left half made is made again."""
        if self.exists() and self._bridge_is_up():
            return
        self.remove()
        output(["ip", "netns", "add", self.netns])
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", BRIDGE, "type", "bridge")
        self._ip("address", "add", f"{self.gateway}/{self.network.prefixlen}", "dev", BRIDGE)
        self._ip("link", "set", BRIDGE, "up")

    def _bridge_is_up(self) -> bool:
        """Not so either when ip(8) can't even enter: a killed run may leave a name without a namespace."""
        show = ["ip", "-n", self.netns, "-4", "address", "show", "to", self.gateway, "up"]
        asked = subprocess.run(show, capture_output=True, check=False)
        return asked.returncode == 0 and bool(asked.stdout)

    def unplug(self, port: str) -> None:
        """Take `port` off the bridge. Its link stays up, so the machine can't tell: as in a partition."""
        self._ip("link", "set", port, "nomaster")

    def plug(self, port: str) -> None:
        self._ip("link", "set", port, "master", BRIDGE)

    def remove(self) -> None:
        if self.exists():
            output(["ip", "netns", "delete", self.netns])

    def inside(self, *command: str) -> list[str]:
        """The command that runs `command` inside."""
        return ["ip", "netns", "exec", self.netns, *command]

    def _ip(self, *arguments: str) -> str:
        return output(["ip", "-n", self.netns, *arguments])
