"""What a lab of machines consists of: the one thing about it that is remembered on disk.

Knows names, addresses and sizes, and refuses those that can't work. Refuses to know how a machine is made.
"""

import dataclasses
import ipaddress
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

LAB_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
RESERVED = "clients"  # the control group beside the machines' own
MACHINE_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class PlanError(Exception):
    """A lab can't be as it was asked to be."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A lab: its machines as (name, address), their network and what each of them has. `environment` is what each of their
    services finds, as (name, value)."""

    name: str
    machines: tuple[tuple[str, str], ...]
    cidr: str
    data_disk_mb: int | None
    memory_mb: int | None
    archive: str
    environment: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not LAB_NAME.fullmatch(self.name):
            raise PlanError(f"lab name {self.name!r}: expected small letters, digits and '-', as in 'test-1'")
        if not self.machines:
            raise PlanError(f"lab {self.name}: expected at least one machine")
        for name, address in self.machines:
            _judge_name(name)
            _judge_address(address, self.cidr)
        for kind, values in zip(("names", "addresses"), zip(*self.machines, strict=True), strict=True):
            if len(set(values)) < len(values):
                raise PlanError(f"machine {kind} {', '.join(values)}: expected each only once")

    @classmethod
    def read(cls, file: Path) -> Self:
        found = json.loads(file.read_text())
        pairs = {key: tuple((name, value) for name, value in found.get(key, ())) for key in ("machines", "environment")}
        return cls(**{**found, **pairs})

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


def _judge_name(name: str) -> None:
    if not MACHINE_NAME.fullmatch(name) or name == RESERVED:
        raise PlanError(f"machine name {name!r}: expected a host name, as in 'kafka-server1'")


def _judge_address(address: str, cidr: str) -> None:
    try:
        network, found = ipaddress.IPv4Network(cidr), ipaddress.IPv4Address(address)
    except ValueError as error:
        raise PlanError(f"address {address} in {cidr}: {error}") from error
    reserved = (network.network_address, network.network_address + 1, network.broadcast_address)
    if found not in network or found in reserved:
        raise PlanError(f"address {address}: expected one of {cidr}, not its first two or its last")
