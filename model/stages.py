"""A node's stages: the programs that run on its machine and the plans they are called with.

Knows what each stage is told. Refuses to know how a program reaches a machine, and reads no file: the
programs' texts are handed in.
"""

import ast
import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from model import jvm, motd, units
from model.files import PlannedFile, Texts, fingerprint
from model.kafka_keys import Mode
from model.listeners import CLIENTS
from model.metrics import NODE_EXPORTER
from model.numbers import UNCLEAN
from model.order import WAS_DOWN
from model.paths import Paths
from model.topology import Cluster, Node

# Waiting for another stage's run on the same machine, then running. Emulated machines are slow.
LOCK_SECONDS = 900
# The same for a restart: the permission for it is of this moment, and the other nodes may not be well any more later on.
RESTART_LOCK_SECONDS = 10
RUN_SECONDS = 1800
_HELD = 75

KERNEL = {"vm.max_map_count": "262144", "vm.swappiness": "1"}
# Where nothing of Kafka's is.
MONITOR_UNIT = "kafka-monitor.service"
ALL_SERVICES = ("kafka.service", "zookeeper.service", NODE_EXPORTER)
# Written on a machine that somebody else made before anything else is: whose it is now, and what was there before.
CLAIM = "/etc/kafka-cluster/CLAIM.json"
# Debian's package of the Java that Kafka runs on.
JAVA = "openjdk-17-jre-headless"
_WHOLE_STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class NodePlan:
    """All that a node's stages have to know about it."""

    cluster: Cluster
    node: Node
    stack: str
    login: str
    device: str
    accept_empty: bool
    reapply: str
    files: tuple[PlannedFile, ...]

    @property
    def fingerprint(self) -> str:
        """Of everything its processes are started with."""
        return fingerprint(self.files)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


_TOOL_FOLDER = _folder(Paths.tool)


def program(texts: Texts, parts: tuple[str, ...], plan: Mapping[str, Any]) -> str:
    """The text of a stage's program. The plan travels as a JSON text inside a Python literal, so nothing in
    it is ever read by a shell; the call stands last, so half a program does nothing."""
    bodies = [texts(f"stages/{part}.py") for part in ("common", *parts)]
    literal = repr(json.dumps(plan, sort_keys=True))
    return "\n".join([*bodies, f"call(main, json.loads({literal}))", ""])


def plan_of(program: str) -> dict[str, Any]:
    """The plan that a stage's program is called with."""
    line = program.rstrip("\n").rpartition("\n")[2]
    literal = line.removeprefix("call(main, json.loads(").removesuffix("))")
    found: dict[str, Any] = json.loads(ast.literal_eval(literal))
    return found


def command(*arguments: str, machine: str = "", lock_seconds: int = LOCK_SECONDS) -> str:
    """The shell command that runs a program given on its standard input: as root, one at a time on a
    machine, with a time limit; `lock_seconds` is how long it waits for its turn. The machine's id makes the text
    another one when the machine is."""
    run = shlex.join(["timeout", str(RUN_SECONDS), "python3", "-"])
    text = shlex.join(["sudo", "-n", "sh", "-c", _one_at_a_time(run, lock_seconds), "sh", *arguments])
    return f"MACHINE={shlex.quote(machine)} {text}" if machine else text


def _one_at_a_time(run: str, most: int) -> str:
    """A shell's words that wait for the lock and say so. flock ends with a number of its own when it has not got it;
    what runs under it reads the standard input, and so does nobody else."""
    return (
        f'said=0 step=2; while flock --wait $step --conflict-exit-code {_HELD} {Paths.lock} {run} "$@"; code=$?;'
        f" [ $code -eq {_HELD} ] && [ $said -lt {most} ]; do said=$((said + step)) step=5;"
        f' echo "waiting for another stage that runs on this machine ($said s of at most {most} s)" >&2;'
        f" done; [ $code -ne {_HELD} ] ||"
        ' echo "another stage still runs on this machine; nothing was done on it" >&2;'
        " exit $code"
    )


def _base(plan: NodePlan, stage: str) -> dict[str, Any]:
    paths = plan.cluster.paths
    return {
        "node": plan.node.name,
        "stage": stage,
        "data": paths.data,
        "owner_file": paths.owner,
        "accept_empty": plan.accept_empty,
        "reapply": plan.reapply,
        "modes": [mode.value for mode in Mode],
    }


def fit(cluster: Cluster, node: Node, device: str) -> dict[str, Any]:
    """The plan of a machine's account of itself, before anything is done there."""
    paths = cluster.paths
    return {
        "node": node.name,
        "stage": "fit",
        "places": {"home": paths.home, "data": paths.data},
        "device": device,
        "claim": CLAIM,
        "owner_file": paths.owner,
        "ours": [paths.home, paths.kafka_unit, paths.zookeeper_unit, paths.node_exporter_unit, paths.ours],
        "services": list(ALL_SERVICES),
        "java": JAVA,
    }


def claimed(cluster: Cluster, node: Node, *, stack: str, login: str) -> dict[str, Any]:
    """The plan of taking a machine that somebody else made, and that `login` logs in to."""
    paths = cluster.paths
    return {
        "node": node.name,
        "stage": "claimed",
        "claim": CLAIM,
        "owner": {"stack": stack, "node_id": node.id},
        "mount_unit": f"/etc/systemd/system/{paths.mount_unit}",
        "users": [units.USER, units.ZOOKEEPER_USER],
        "kernel": list(KERNEL),
        "paths": [
            *(paths.sysctl, paths.home, paths.service_logs, "/var/log/zookeeper", paths.temporary),
            *(paths.message, _TOOL_FOLDER),
        ],
        "shared_folders": [_folder(paths.message)],
        "hosts": {each.name: each.address for each in cluster.nodes},
        "data": paths.data,
        "login": login,
        "upload_folder": paths.upload_folder,
    }


def removed(cluster: Cluster, claimed: Mapping[str, Any], *, device: str, delete_data: bool) -> dict[str, Any]:
    """The plan of giving a machine back that was taken by the plan `claimed`."""
    paths = cluster.paths
    return {
        **claimed,
        "stage": "removed",
        "packages": paths.packages,
        "services": ALL_SERVICES,
        "stop_seconds": _WHOLE_STOP_SECONDS,
        "device": device,
        "tools": {"program": paths.tool, "folder": paths.commands},
        "owner_file": paths.owner,
        "data_folders": list(paths.links.values()),
        "delete_data": delete_data,
        "cluster_id_file": f"{paths.log_dir(Mode.KRAFT)}/meta.properties",
    }


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on a machine: its path, relative to the home of the user who logs in where it was brought there. `java` is the
    version that alone takes it, if there is one."""

    path: str
    sha512: str
    java: str = ""

    @property
    def name(self) -> str:
        """Its own."""
        return self.path.rpartition("/")[2]


def installed(
    plan: NodePlan, sha512: str, upload: str, pieces: Iterable[Upload] = (), shared_classes: Upload | None = None
) -> dict[str, Any]:
    """The plan of stage `installed`. `upload` is where the archive is, as an Upload says it; `pieces` are what metrics need
    beside Kafka; `shared_classes` make Java start sooner, where they are."""
    paths = plan.cluster.paths
    return {
        **_base(plan, "installed"),
        "java": JAVA,
        "packages": paths.packages,
        "users": [units.USER, units.ZOOKEEPER_USER],
        "kernel": KERNEL,
        "sysctl": paths.sysctl,
        **_volume(plan),
        "folders": {paths.service_logs: units.USER},
        "home": paths.home,
        "staged": paths.staged,
        "fingerprint_file": paths.fingerprint,
        "links": paths.links,
        "tools": {
            "program": paths.tool,
            "folder": paths.commands,
            "content": motd.tool(plan.cluster),
            "left_out": motd.NOT_FOR_HANDS,
        },
        "hosts": {node.name: node.address for node in plan.cluster.nodes},
        "login": plan.login,
        "upload": upload,
        "sha512": sha512,
        "shared_classes": {
            "path": paths.shared_classes,
            "option": paths.shared_classes_option,
            "upload": shared_classes.path if shared_classes else "",
            "sha512": shared_classes.sha512 if shared_classes else "",
            "java": shared_classes.java if shared_classes else "",
        },
        "pieces": [
            {"upload": piece.path, "sha512": piece.sha512, "path": f"{_TOOL_FOLDER}/{piece.name}"} for piece in pieces
        ],
    }


def _volume(plan: NodePlan) -> dict[str, Any]:
    """Where the node's data lies, and whose it is said to be."""
    return {
        "device": plan.device,
        "mount_unit": plan.cluster.paths.mount_unit,
        "owner": {"stack": plan.stack, "node_id": plan.node.id},
    }


def configured(plan: NodePlan, cluster_id: str) -> dict[str, Any]:
    """The plan of stage `configured`."""
    paths = plan.cluster.paths
    services = plan.cluster.services()
    return {
        **_base(plan, "configured"),
        **_identity(plan, cluster_id),
        "staged": paths.staged,
        "fingerprint": plan.fingerprint,
        "fingerprint_file": paths.fingerprint,
        "running_fingerprint": paths.running_fingerprint,
        "services": services,
        "idle_services": [unit for unit in ALL_SERVICES if unit not in services],
        "read_by": _read_by(plan.cluster),
        "misled": paths.stale_readers,
        "beside": _start(plan.cluster, why=WAS_DOWN, before=""),
        "files": [
            {"path": f.path, "content": f.content, "owner": f.owner, "group": f.group, "mode": f.mode,
             "sha256": f.sha256}
            for f in plan.files
        ],
    }  # fmt: skip


def _read_by(cluster: Cluster) -> dict[str, list[str]]:
    """The files that a service beside kafka.service was started with. Kafka's roll leaves one alone that reads none anew."""
    paths = cluster.paths
    zookeeper = [paths.zookeeper_unit, paths.zookeeper_properties, paths.zookeeper_environment, paths.log4j]
    files = {
        "zookeeper.service": [*zookeeper, paths.metrics_option, paths.metrics_rules],
        NODE_EXPORTER: [paths.node_exporter_unit],
    }
    return {unit: files[unit] for unit in cluster.services() if unit in files}


def formatted(plan: NodePlan, cluster_id: str) -> dict[str, Any]:
    """The plan of stage `formatted`: which identity the disk has to carry, how it is given one, and how a node begins that
    never was. The ensemble has to draw a cluster's id before its brokers can be told apart from another's, so in ZooKeeper
    mode all is left to stage `running`."""
    cluster, paths = plan.cluster, plan.cluster.paths
    config = f"{paths.staged}{paths.properties(cluster.mode)}"
    return {
        **_base(plan, "formatted"),
        **_identity(plan, cluster_id),
        **_volume(plan),
        "folders": {f"{paths.data}/logs": units.USER, f"{paths.data}/zookeeper": units.ZOOKEEPER_USER},
        "environment": [
            "LOG_DIR=/var/log/kafka",
            "KAFKA_HEAP_OPTS=-Xmx128M",
            f"KAFKA_JVM_PERFORMANCE_OPTS={jvm.TOOL_OPTIONS}",
        ],
        "shared_classes_option": paths.shared_classes_option,
        "format_command": [f"{paths.home}/bin/kafka-storage.sh", "format", "-t", cluster_id, "-c", config],
        "begin": _start(cluster, why=WAS_DOWN, before="") if cluster.mode is Mode.KRAFT else None,
    }


def emptied(plan: NodePlan, cluster_id: str) -> dict[str, Any]:
    """The plan of looking whether what was on the node's disk is gone."""
    return {**_base(plan, "emptied"), **_identity(plan, cluster_id)}


def held(cluster: Cluster, node: Node, *, mounted: bool) -> dict[str, Any]:
    """The plan of looking whether a node has data in the cluster's mode."""
    paths = cluster.paths
    return {
        "node": node.name,
        "stage": "emptied",
        "data": paths.data,
        "owner_file": paths.owner,
        "mode": cluster.mode.value,
        "mounted": mounted,
        "identity_file": _identity_file(cluster),
        "made": _made(cluster),
    }


def _made(cluster: Cluster) -> dict[str, list[str]]:
    """The folders of a mode's data, and what `formatted` leaves in each. All else is of a process that ran: a controller
    makes its log before it votes, a member of an ensemble its `version-2`, a broker its identity once that answered."""
    paths = cluster.paths
    if cluster.mode is Mode.KRAFT:
        return {paths.log_dir(Mode.KRAFT): ["meta.properties", "bootstrap.checkpoint"]}
    return {paths.zookeeper_data: ["myid"], paths.log_dir(Mode.ZOOKEEPER): []}


def _identity_file(cluster: Cluster) -> str:
    paths = cluster.paths
    kraft = cluster.mode is Mode.KRAFT
    return f"{paths.log_dir(Mode.KRAFT)}/meta.properties" if kraft else f"{paths.zookeeper_data}/myid"


def _brokers_own(cluster: Cluster) -> list[str]:
    """In ZooKeeper mode the broker makes an identity itself when it starts, with a cluster id that the ensemble drew."""
    return [] if cluster.mode is Mode.KRAFT else [_zookeeper_identity(cluster)]


def _zookeeper_identity(cluster: Cluster) -> str:
    return f"{cluster.paths.log_dir(Mode.ZOOKEEPER)}/meta.properties"


def _identity(plan: NodePlan, cluster_id: str) -> dict[str, Any]:
    """Which identity the disk has to carry in the plan's mode, and where it stands."""
    cluster, node_id = plan.cluster, str(plan.node.id)
    kraft = cluster.mode is Mode.KRAFT
    return {
        "mode": cluster.mode.value,
        "mounted": bool(plan.device),
        "identity_file": _identity_file(cluster),
        "identity": {"cluster.id": cluster_id, "node.id": node_id} if kraft else {"myid": node_id},
        "brokers_own": {file: {"broker.id": node_id} for file in _brokers_own(cluster)},
    }


def planted(name: str, private: str, public: str) -> dict[str, Any]:
    """The plan of giving a machine its lasting host key."""
    return {"node": name, "stage": "ready", "private": private, "public": public}


def report(cluster: Cluster, node: Node) -> dict[str, Any]:
    """The plan of a node's account of itself."""
    paths = cluster.paths
    return {
        "node": node.name,
        "stage": "report",
        "data": paths.data,
        "running_fingerprint": paths.running_fingerprint,
        "mode_file": paths.mode_file,
        "log": paths.server_log(),
        "staged": paths.staged,
        "other_log_dir": paths.log_dir(cluster.mode.other),
        "zookeeper_identity": _zookeeper_identity(cluster),
        "written_at_start": written_at_start(cluster, node),
    }


def written_at_start(cluster: Cluster, node: Node) -> dict[str, Any] | None:
    """The file that the node's process writes anew each time before it serves, and how one sees that it does: a broker
    its identity, in ZooKeeper mode. None where there is no such file."""
    if cluster.mode is Mode.KRAFT or not node.is_broker:
        return None
    return {
        "path": _zookeeper_identity(cluster),
        "config": cluster.paths.properties(cluster.mode),
        "address": node.address,
        "port": CLIENTS.port,
    }


def vitals(cluster: Cluster, node: Node) -> dict[str, Any]:
    """The plan of a node's account with what a person asks for beside."""
    paths = cluster.paths
    return {
        **report(cluster, node),
        "starts": paths.starts,
        "environment": paths.environment,
        "gc_log": f"{paths.service_logs}/gc.log",
        "elections": UNCLEAN,
        "agents": units.AGENTS,
        "exporter": NODE_EXPORTER,
    }


def start(cluster: Cluster, node: Node, *, why: str, before: str, after: str, restart: bool) -> dict[str, Any]:
    """The plan of a start, or of a restart when `restart`; `before` is what the node said that it runs, with the mark of an
    edit by hand where it has one, and `after` the planned fingerprint."""
    return {
        **_start(cluster, why=why, before=before),
        "node": node.name,
        "stage": "running",
        "restart": restart,
        "fingerprint": after,
        "running_fingerprint": cluster.paths.running_fingerprint,
        "misled": cluster.paths.stale_readers,
    }


def join(cluster: Cluster, node: Node) -> dict[str, Any]:
    """The plan of starting the ZooKeeper that is down beside a node's running Kafka."""
    return {**_start(cluster, why=WAS_DOWN, before=""), "node": node.name, "stage": "running"}


def _start(cluster: Cluster, *, why: str, before: str) -> dict[str, Any]:
    paths = cluster.paths
    return {
        "staged": paths.staged,
        "fingerprint_file": paths.fingerprint,
        "starts": paths.starts,
        "why": why,
        "from": before,
    }
