"""One planned machine, and the words in which it is asked what it is.

Knows the commands and how their answers read. Refuses to judge: that is what the tests are for.
"""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from testinfra.host import Host

from model.handover import Access
from model.stages import NodePlan
from model.topology import Node
from tests.live.planned import Door

_UNIT_PROPERTIES = (
    "ActiveState",
    "ExecMainStartTimestamp",
    "MainPID",
    "TimeoutStopUSec",
    "UnitFileState",
)
_DOOR = re.compile(r"(\S+):(\d+)")


@dataclass(frozen=True)
class File:
    """A file as it stands on a machine."""

    mode: str
    owner: str
    group: str
    sha256: str


@dataclass(repr=False)
class Machine:
    """A machine that answers through testinfra, as root. What was asked once is not asked again: a run of the tests is
    one look, and an emulated machine is slow to answer."""

    plan: NodePlan
    access: Access
    host: Host
    _units: dict[str, dict[str, str]] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.node.name

    # A failed test shows its arguments, and keys are nobody's to see.
    __repr__ = __str__

    @property
    def node(self) -> Node:
        """The node that runs here."""
        return self.plan.node

    def says(self, command: str, *arguments: str) -> str:
        """What a command prints; its failure is the test's."""
        return str(self.host.check_output(command, *arguments))

    def unit(self, name: str) -> dict[str, str]:
        """What systemd says of a unit. Times are seconds since the epoch, as "@1700000000"."""
        if name not in self._units:
            wanted = ",".join(_UNIT_PROPERTIES)
            lines = self.says("systemctl show --timestamp=unix -p %s %s", wanted, name).splitlines()
            self._units[name] = dict(line.split("=", 1) for line in lines)
        return self._units[name]

    def files(self, paths: Sequence[str]) -> dict[str, File]:
        """Those of the files that are there, by their paths. All in one question."""
        each = 'for file; do test -f "$file" && stat --printf="%a %U %G " "$file" && sha256sum "$file"; done; true'
        lines = self.says(shlex.join(["sh", "-c", each, "sh", *paths])).splitlines()
        found = (line.split() for line in lines)
        return {path: File(mode, owner, group, digest) for mode, owner, group, digest, path in found}

    def process(self, unit: str) -> str:
        """The number of a unit's main process."""
        number = self.unit(unit)["MainPID"]
        assert number != "0", f"{self}: {unit} has no process, so there is nothing that could serve"
        return number

    @cached_property
    def doors(self) -> set[Door]:
        """Every TCP and UDP socket that listens."""
        found = set()
        for line in self.says("ss --no-header --tcp --udp --listening --numeric").splitlines():
            protocol, _, _, _, local, *_ = line.split()
            match = _DOOR.fullmatch(local)
            assert match, f"{self}: ss says {line!r}"
            found.add(Door(protocol, _plain_address(match[1]), int(match[2])))
        return found

    @cached_property
    def addresses(self) -> list[dict[str, Any]]:
        """Every IPv4 address that others could reach it by."""
        links = json.loads(self.says("ip -json -4 address show scope global"))
        return [address for link in links for address in link["addr_info"]]

    @cached_property
    def is_container(self) -> bool:
        """Whether it shares a kernel with its computer."""
        return bool(self.host.run("systemd-detect-virt --container --quiet").rc == 0)

    def open_files(self, process: str) -> int:
        """How many files a process may have open."""
        line = self.says("grep '^Max open files' /proc/%s/limits", process)
        return int(line.split()[3])


def _plain_address(text: str) -> str:
    """As ss writes it: in brackets, with the interface behind it, or a star for all."""
    address = text.partition("%")[0].strip("[]")
    return "::" if address == "*" else address
