"""One network segment in a namespace of its own: a bridge that holds the gateway's address, and no way out.

Knows ip(8). Refuses to know what is plugged in.
"""

import ipaddress
import subprocess
from dataclasses import dataclass
from pathlib import Path

BRIDGE = "br-machines"


@dataclass(frozen=True, slots=True)
class Segment:
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
        _run("ip", "netns", "add", self.netns)
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", BRIDGE, "type", "bridge")
        self._ip("address", "add", f"{self.gateway}/{self.network.prefixlen}", "dev", BRIDGE)
        self._ip("link", "set", BRIDGE, "up")

    def _bridge_is_up(self) -> bool:
        return bool(_run("ip", "-n", self.netns, "-4", "address", "show", "to", self.gateway, "up"))

    def unplug(self, port: str) -> None:
        """Take `port` off the bridge. Its link stays up, so the machine can't tell: frames just get lost, as in a partition."""
        self._ip("link", "set", port, "nomaster")

    def plug(self, port: str) -> None:
        self._ip("link", "set", port, "master", BRIDGE)

    def remove(self) -> None:
        if self.exists():
            _run("ip", "netns", "delete", self.netns)

    def inside(self, *command: str) -> list[str]:
        """The command that runs `command` inside."""
        return ["ip", "netns", "exec", self.netns, *command]

    def _ip(self, *arguments: str) -> None:
        _run("ip", "-n", self.netns, *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
