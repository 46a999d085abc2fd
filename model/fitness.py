"""Whether machines that are there already can carry a cluster, judged from their own accounts.

Knows what a node needs of a machine and what must not be on it. Refuses to know how a machine is asked, and
that anything could be changed there.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import combinations

from pydantic import BaseModel, ConfigDict

from model import heaps
from model.paths import Paths
from model.stages import ALL_SERVICES, JAVA, MONITOR_UNIT
from model.topology import Cluster, Node

# The one system that every release of this package is tried on.
SYSTEM = "debian 12"
LEAST_HOME_MIB = 512
LEAST_DATA_MIB = 1024
# The number of the machine that watches, where nodes have theirs; no node has it.
MONITOR_ID = 0
MONITOR_MIB = 384
MOST_CLOCK_SECONDS = 1.0
# Of the file systems that stage `formatted` makes.
DATA_LABEL = "kafka-data"
_FILE_SYSTEMS = ("", "xfs", "ext4")
# What makers and hypervisors (QEMU, Proxmox, VMware, VirtualBox, Google's) write where a disk was given no number: it
# is the same on every machine. The kernel makes a WWN of an NVMe disk's serial where that has none.
_NO_WWN = re.compile(r"(0x)?5?0*|nvme\..*")
_NO_SERIAL = re.compile(r"0*|QM\d+|drive-.*|persistent-disk-\d+|nvme_card.*|VMware NVME.*|VB1234-56789")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Token(_Frozen):
    """Whose something on a machine is: which node's of which stack, or that stack's monitor's."""

    stack: str
    node_id: int

    def __str__(self) -> str:
        return f"{f'node {self.node_id}' if self.node_id else 'the monitor'} of stack {self.stack}"


class Needs(_Frozen):
    """What one node needs of its machine."""

    name: str
    token: Token
    address: str
    ports: tuple[int, ...]
    memory_mib: int
    memory_for: str
    device: str


class Listener(_Frozen):
    """A TCP port that something listens at, as `ss` writes its address."""

    address: str
    port: int
    process: str
    unit: str

    def takes(self, address: str, port: int) -> bool:
        """Whether nothing else can listen at that address and port any more."""
        bound = self.address.partition("%")[0].strip("[]")
        ip = ip_address("::" if bound == "*" else bound)
        here = getattr(ip, "ipv4_mapped", None) or ip
        return port == self.port and (here.is_unspecified or str(here) == address)


class Device(_Frozen):
    """A block device. `content` is "" where it holds nothing, `label` where its file system has none, `partition` where
    it is a whole disk; `wwn` and `serial` are the disk's."""

    size_mib: int
    content: str
    label: str = ""
    mounted_at: tuple[str, ...]
    wwn: str = ""
    serial: str = ""
    partition: str = ""


class Java(_Frozen):
    """The first line of what `java` says of itself, "" for none; and whether a package source may have the right one."""

    version: str
    source: bool


class Account(_Frozen):
    """What a machine says of itself. `free_mib` is by `home` and `data`; `claim` says which node was put on the
    machine, `owner` whose data lies there; `present` are those of our places that exist, `units` the files of the units
    of our names that systemd knows; `java` is None where nothing needs it."""

    system: str
    system_name: str
    memory_mib: int
    free_mib: Mapping[str, int]
    addresses: tuple[str, ...]
    listeners: tuple[Listener, ...]
    device: Device | None
    claim: Token | None
    owner: Token | None
    present: tuple[str, ...]
    units: Mapping[str, str]
    java: Java | None


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a machine from all others: copies share the first, containers of one computer the second."""

    machine: str
    boot: str


def needs(cluster: Cluster, node: Node, *, stack: str, heap: str, device: str) -> Needs:
    """What a node needs in the cluster's mode."""
    return Needs(
        name=node.name,
        token=Token(stack=stack, node_id=node.id),
        address=node.address,
        ports=cluster.ports(node),
        memory_mib=heaps.memory_mib(cluster.mode, heap),
        memory_for=f"a heap of {' and '.join(heaps.heaps(cluster.mode, heap))} and the system; take a larger machine or lower `heap`",
        device=device,
    )


def refusals(needs: Needs, account: Account) -> list[str]:
    """A line for each reason why the machine can't carry the node: the node, what was found, what was expected."""
    return [f"{needs.name}: {fault}" for judge in _JUDGES for fault in judge(needs, account)]


def _judge_system(_: Needs, account: Account) -> Iterator[str]:
    if account.system != SYSTEM:
        yield f"found {account.system_name or 'an unknown system'}, expected Debian 12"


def _judge_memory(needs: Needs, account: Account) -> Iterator[str]:
    if account.memory_mib < needs.memory_mib:
        yield (f"found {account.memory_mib} MiB of memory, expected at least {needs.memory_mib} for {needs.memory_for}")


def _judge_java(_: Needs, account: Account) -> Iterator[str]:
    java = account.java
    if java and '"17.' not in java.version and not java.source:
        yield (
            f"found {java.version or 'no Java'} and no package source with {JAVA}, expected Java 17 or a source that has"
            " it; install it, or run `sudo apt-get update` if the lists are old"
        )


def _judge_disk(needs: Needs, account: Account) -> Iterator[str]:
    if account.claim is None and account.free_mib["home"] < LEAST_HOME_MIB:
        yield f"found {account.free_mib['home']} MiB free in /usr/local, expected at least {LEAST_HOME_MIB}"
    if not needs.device:
        if account.owner is None and account.free_mib["data"] < LEAST_DATA_MIB:
            yield f"found {account.free_mib['data']} MiB free for data, expected at least {LEAST_DATA_MIB}"
    elif account.device is None:
        yield f"found no device {needs.device}, expected the disk that `dataDevice` says"
    else:
        yield from _judge_device(needs.device, account.device)


def _judge_device(path: str, device: Device) -> Iterator[str]:
    if device.size_mib < LEAST_DATA_MIB:
        yield f"found {device.size_mib} MiB on {path}, expected at least {LEAST_DATA_MIB}"
    if device.content not in _FILE_SYSTEMS:
        yield f"found {device.content} on {path}, expected an empty disk or one with xfs or ext4"
    elsewhere = [place for place in device.mounted_at if place != Paths.data]
    if elsewhere:
        yield f"found {path} mounted at {', '.join(elsewhere)}, expected a disk for Kafka alone"


def _judge_address(needs: Needs, account: Account) -> Iterator[str]:
    if needs.address not in account.addresses:
        has = ", ".join(account.addresses)
        yield f"found the addresses {has}, expected {needs.address} among them, where its peers look for it"


def _judge_ports(needs: Needs, account: Account) -> Iterator[str]:
    for port in needs.ports:
        takers = [listener for listener in account.listeners if listener.takes(needs.address, port)]
        strangers = [taker for taker in takers if not (account.claim and taker.unit in (*ALL_SERVICES, MONITOR_UNIT))]
        for taker in strangers[:1]:
            unit = f" of {taker.unit}" if taker.unit else ""
            yield f"found port {port} taken by {taker.process or 'an unknown process'}{unit}, expected it free"


def _judge_owner(needs: Needs, account: Account) -> Iterator[str]:
    tokens = {"the machine": account.claim, "its data": account.owner}
    for what, token in tokens.items():
        if token and token != needs.token:
            yield f"found that {what} belongs to {token}, expected {needs.token} or nobody"
    if account.claim is None and account.present:
        yield (
            f"found {', '.join(account.present)}, which this package did not put there, expected a machine"
            " without; move it away (a folder may hold somebody's data)"
        )
    for unit, file in account.units.items():
        if account.claim is None and file not in account.present:
            yield (
                f"found {unit} ({file or 'masked'}), which this package did not put there, expected no unit of that name;"
                " remove what brings it (its package, or the file)"
            )


_JUDGES = (_judge_system, _judge_memory, _judge_java, _judge_disk, _judge_address, _judge_ports, _judge_owner)


def empty_beside_kept(seen: Iterable[tuple[Needs, Account]], accepted: str) -> list[str]:
    """A line for each machine that comes with an empty disk where others have kept theirs. A node on it would take part
    as if nothing had ever been agreed, and lead what it led last. `accepted` is the node whose loss is known. What a
    claimed machine holds counts as well; whether its own disk may be empty the stages know better."""
    seen = list(seen)
    kept = _kept([(needs, account) for needs, account in seen if not _is_empty(needs, account)])
    return [
        f"{needs.name}: found an empty disk, and {kept}; expected that node's data, too. Attach the disk that was"
        " there; if it is lost for good, allow an empty one:"
        f" pulumi config set acceptEmptyDisk {needs.name}. With it go the partitions whose last in-sync replica was on"
        " that disk, as the others discard theirs to follow it. For a new cluster empty the others"
        for needs, account in seen
        if kept and account.claim is None and needs.name != accepted and _is_empty(needs, account)
    ]


def _is_empty(needs: Needs, account: Account) -> bool:
    """Whether none of the node's data can be there. A file system that is not mounted may hold it: nobody looked."""
    if account.owner is not None:
        return False
    if not needs.device:
        return True
    device = account.device
    return device is not None and (not device.content or Paths.data in device.mounted_at)


def _kept(full: Iterable[tuple[Needs, Account]]) -> str:
    """What is said to be on these machines' disks; nothing where no data can be."""
    known, unknown = [], []
    for needs, account in full:
        if account.owner is not None or (account.device and account.device.label == DATA_LABEL):
            known.append(needs.name)
        elif account.device and account.device.content in _FILE_SYSTEMS:
            unknown.append(needs.name)
    found = {
        "a cluster's data on": known,
        "a file system that is not mounted and may hold a cluster's data on": unknown,
    }
    return ", and ".join(f"{what} {', '.join(names)}" for what, names in found.items() if names)


def clock_fault(before: float, says: float, after: float) -> str | None:
    """What is wrong with a clock that was read at some time between `before` and `after` of our own."""
    ahead = says - after if says > after else min(0.0, says - before)
    if abs(ahead) <= MOST_CLOCK_SECONDS:
        return None
    return (
        f"found a clock that is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this computer's,"
        f" expected at most {MOST_CLOCK_SECONDS:.0f} s; set both by NTP"
    )


def same_machines(identities: Mapping[str, Identity], here: Identity) -> list[str]:
    """A line for each two nodes that turn out to be on one machine, and each that is on this computer."""
    twins = [
        f"{one} and {other}: found the same machine ({identities[one].machine}), expected two"
        for one, other in combinations(identities, 2)
        if identities[one] == identities[other]
    ]
    own = [
        f"{name}: found the computer that runs Pulumi, expected another machine"
        for name, identity in identities.items()
        if identity == here
    ]
    return twins + own


def same_disks(seen: Iterable[tuple[Needs, Account]]) -> list[str]:
    """A line for each two nodes whose data devices turn out to be one disk. A disk of a storage network has the same
    name on every machine, and two nodes would make their file systems on it side by side."""
    return [
        f"{one.name} and {other.name}: found the same disk ({number}) as {one.device} and {other.device}, expected two;"
        " name a `dataDevice` of its own for each (a virtual disk may have to be given a serial of its own)"
        for (one, its), (other, others) in combinations(seen, 2)
        if (number := _same_number(its, others))
    ]


def _same_number(one: Account, other: Account) -> str:
    """The number by which the data devices of two machines are one disk. A serial is not everywhere one disk's alone,
    so it says nothing of two that hold a node's data each."""
    first, second = one.device, other.device
    if not first or not second or first.partition != second.partition:
        return ""
    wwns = {"" if _NO_WWN.fullmatch(device.wwn) else device.wwn for device in (first, second)}
    if wwns != {""}:
        return f"WWN {first.wwn}" if len(wwns) == 1 else ""
    is_one = first.serial == second.serial and not _NO_SERIAL.fullmatch(first.serial)
    return f"serial {first.serial}" if is_one and not (one.owner and other.owner) else ""
