"""Finds and clears what a killed run left on a hypervisor. What is a leftover is decided in `model/leftovers.py`.

Asks libvirt through virsh, so that a hypervisor far away is the same as this computer.
"""

import os
import subprocess
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from computer.waiting import WaitedTooLong, wait_for
from model.leftovers import Thing, is_data, known, leftovers, not_ours, proof
from model.machine_names import MachineNames

_ID_OF = {"network": "net-uuid", "pool": "pool-uuid"}
# What libvirt says of a pool in which a volume is being made or copied; it looks into it afterwards.
_BUSY = "has asynchronous jobs running"
_SECONDS_OF_BEING_BUSY = 600


class NotCleared(Exception):
    """Something stays: libvirt refused, in its own words, or it may be somebody else's."""


def present(uri: str, names: MachineNames) -> list[Thing]:
    """Everything on the hypervisor whose name begins as the stack's do, whoever made it."""
    found = [Thing("domain", name) for name in _list(uri, "list", "--all", "--name")]
    found += [Thing("network", name) for name in _list(uri, "net-list", "--all", "--name")]
    pools = _list(uri, "pool-list", "--all", "--name")
    found += [Thing("pool", name) for name in pools]
    if names.prefix in pools:
        found += [Thing("volume", name) for name in _volumes(uri, names.prefix)]
    return [thing for thing in found if names.carries(thing.name)]


def foreign(uri: str, names: MachineNames) -> list[str]:
    """What lies in the stack's pool and this package did not make. Libvirt removes no pool that holds a file."""
    pools = _list(uri, "pool-list", "--all", "--name")
    return [name for name in _volumes(uri, names.prefix) if not names.is_volume(name)] if names.prefix in pools else []


def _volumes(uri: str, pool: str) -> list[str]:
    """The names of all that lies in a pool, in which there may be spaces; the path stands behind three of them."""
    return [row.partition("   ")[0] for row in _list(uri, "vol-list", pool)] if _opened(uri, pool) else []


def _opened(uri: str, pool: str) -> bool:
    """Whether the pool tells its volumes now. One that stopped tells none; one that can't start has no folder yet."""
    if pool not in _list(uri, "pool-list", "--name"):
        try:
            _virsh(uri, "pool-start", pool)
        except NotCleared:
            return False
    try:
        wait_for(f"what is being written into pool {pool}", lambda: _refreshed(uri, pool), _SECONDS_OF_BEING_BUSY)
    except WaitedTooLong as waited:
        raise NotCleared(f"on {uri} a volume is made or copied all the time: {waited}") from None
    return True


def _refreshed(uri: str, pool: str) -> bool:
    """Whether the pool looked for files that it does not know yet."""
    try:
        _virsh(uri, "pool-refresh", pool)
    except NotCleared as refused:
        if _BUSY not in str(refused):
            raise
        return False
    return True


def find(uri: str, state: Collection[Mapping[str, Any]], names: MachineNames, data: bool = False) -> list[Thing]:
    """What a killed run left behind, given the resources that the state knows; with `data`, also data volumes. NotCleared
    names what carries the stack's names and may be somebody else's."""
    here, ours = present(uri, names), known(state)
    found = leftovers(here, ours, names, data)
    if found and (others := not_ours(found, here, ours, proof(state, _ids(uri, here, names)))):
        raise NotCleared(
            f"on {uri} stands what has this stack's names, and nothing in its state proves that this stack made it:"
            f" {', '.join(map(str, others))}. Nothing was touched. Somebody else's: choose another stack name, or"
            " another hypervisor. This stack's, and its state was lost: bring the state back, or take these away by hand"
            " (docs/reference/messages.md says how)"
        )
    return found


def _ids(uri: str, here: Collection[Thing], names: MachineNames) -> dict[str, str]:
    return {
        kind: _virsh(uri, asked, names.prefix).strip()
        for kind, asked in _ID_OF.items()
        if Thing(kind, names.prefix) in here
    }


def find_all(uri: str, state: Collection[Mapping[str, Any]], names: MachineNames, protects: bool) -> list[Thing]:
    """The same where everything is to go, data volumes too. NotCleared when the stack `protects` its data and there is
    such a volume: Pulumi, which does not know it, would stumble over its file."""
    found = find(uri, state, names, data=True)
    if protects and (kept := [thing for thing in found if is_data(thing, names)]):
        raise NotCleared(
            f"on {uri} stands what a killed run made, the state does not know, and may hold records:"
            f" {', '.join(map(str, kept))}. Nothing was touched, as protectData is true. To keep it: `make up`, which takes"
            " it up again. To delete it: `pulumi config set protectData false`, and once more"
        )
    return found


def clear(uri: str, things: Iterable[Thing], names: MachineNames) -> None:
    """Takes things away, in the order given. A pool is only forgotten: its files stay where they are."""
    for thing in things:
        if thing.kind == "domain":
            _end(uri, "destroy", "list", thing.name)
            _virsh(uri, "undefine", thing.name)
        elif thing.kind == "network":
            _end(uri, "net-destroy", "net-list", thing.name)
            _virsh(uri, "net-undefine", thing.name)
        elif thing.kind == "pool":
            _end(uri, "pool-destroy", "pool-list", thing.name)
            _virsh(uri, "pool-undefine", thing.name)
        else:
            _virsh(uri, "vol-delete", "--pool", names.prefix, thing.name)
        print(f"cleared the leftover {thing}", flush=True)


def _end(uri: str, verb: str, lister: str, name: str) -> None:
    if name in _list(uri, lister, "--name"):
        _virsh(uri, verb, name)


def _list(uri: str, *arguments: str) -> list[str]:
    return [line.strip() for line in _virsh(uri, *arguments).splitlines() if line.strip()]


def _virsh(uri: str, *arguments: str) -> str:
    plain = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(["virsh", "--connect", uri, "--quiet", *arguments], capture_output=True, text=True, env=plain)
    if done.returncode != 0:
        raise NotCleared(f"`virsh {' '.join(arguments)}` on {uri}: {done.stderr.strip()}")
    return done.stdout
