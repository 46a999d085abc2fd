"""Every live check, how the thing it asks about is broken, and how that is mended.

Knows shell commands for the machines. Refuses to know how they get there and how the checks are run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from model import units
from model.kafka_keys import Mode
from model.listeners import CLIENTS
from model.metrics import NODE_EXPORTER
from model.paths import Paths
from model.settings import Settings

PATHS = Paths(Settings().kafka_version)
KEPT = "/run/kept"
DROP_IN = "/run/systemd/system/kafka.service.d"
ZOOKEEPER_UNIT = "/run/systemd/system/zookeeper.service"
PID = "$(systemctl show --property=MainPID --value kafka.service)"

# A setting that can be changed at a running broker, beside the plan.
DYNAMIC_KEY, DYNAMIC_VALUE = "log.segment.bytes", "536870912"

TOPIC = {"name": "orders", "partitions": 1, "settings": {"retention.ms": 604800000}}


# What breaks a thing on a machine, and what mends it.
Commands = tuple[str, str]


@dataclass(frozen=True)
class Breakage:
    """One thing that is broken on the machine of one node. `checks` says which live checks must fail of it, and a word
    of what they must say. `breaks` and `mends` are run there by a shell, as root; `configure` changes the stack's
    configuration instead, without an `up`."""

    how: str
    node: int
    checks: Mapping[str, str]
    breaks: str = ""
    mends: str = ""
    configure: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.how


@dataclass(frozen=True)
class Round:
    """What is broken together in a mode."""

    mode: Mode
    breakages: tuple[Breakage, ...]

    @property
    def checks(self) -> set[str]:
        """Every check that must fail of it."""
        return {check for breakage in self.breakages for check in breakage.checks}


def _edited(path: str, edit: str) -> Commands:
    """The content changes, and nothing else about the file: whoever has it open goes on writing to it."""
    kept = KEPT + path
    edits = f"install -D {path} {kept} && sed --expression='{edit}' {kept} > {path}"
    return f"{edits} && ! cmp --silent {kept} {path}", f"cat {kept} > {path}"


def _drop_in(*lines: str) -> Commands:
    """Other settings for kafka.service, which its process does not notice before it is started again."""
    file = f"{DROP_IN}/broken.conf"
    text = "\\n".join(["[Service]", *lines])
    writes = f"mkdir --parents {DROP_IN} && printf '{text}\\n' > {file}"
    return f"{writes} && systemctl daemon-reload", f"rm {file} && systemctl daemon-reload"


def _listener(unit: str, port: int, address: str) -> Commands:
    """Something else that takes connections."""
    # It listens once it is found to: a test must not come before it.
    listens = f"until ss --no-header --listening --tcp --numeric | grep --quiet {address}:{port}; do :; done"
    server = f"python3 -m http.server {port} --bind {address}"
    runs = f"systemd-run --quiet --collect --unit={unit} {server}"
    return f"{runs} && timeout 20 sh -c '{listens}'", f"systemctl stop {unit}"


# All brokers go on serving meanwhile, so these can all be broken at once.
WHILE_SERVING = (
    Breakage(
        "the address is a lease",
        1,
        {"test_has_the_planned_address_for_good": "is leased"},
        "ip -4 address change $ADDRESS/24 dev host0 valid_lft 3600 preferred_lft 3600",
        "ip -4 address change $ADDRESS/24 dev host0 valid_lft forever preferred_lft forever",
    ),
    Breakage(
        "the machine has another name",
        2,
        {"test_has_the_planned_host_name": "calls itself broken"},
        "hostname broken",
        "hostname $NAME",
    ),
    Breakage(
        "a peer is not in the hosts file",
        1,
        {"test_hosts_file_names_every_node": "lacks"},
        *_edited("/etc/hosts", "/kafka-server3/d"),
    ),
    Breakage(
        "a peer's name leads elsewhere, too",
        2,
        {"test_hosts_file_names_every_node": "also says"},
        *_edited("/etc/hosts", "$a 127.0.1.1 kafka-server1"),
    ),
    Breakage(
        "a planned port is open at another address",
        1,
        {"test_planned_ports_listen_on_the_planned_address_only": "at other addresses"},
        *_listener("broken-address", CLIENTS.port, "127.0.0.1"),
    ),
    Breakage(
        "a port is open outside the plan",
        2,
        {"test_no_port_is_open_beside_the_plan": "0.0.0.0:8080"},
        *_listener("broken-door", 8080, "0.0.0.0"),
    ),
    Breakage(
        "the kernel swaps",
        1,
        {"test_kernel_has_the_planned_settings": "vm.swappiness"},
        "echo 60 > /proc/sys/vm/swappiness",
        f"sysctl --quiet --load {PATHS.sysctl}",
    ),
    Breakage(
        "another Java comes first",
        2,
        {"test_java_is_17": "11.0.1"},
        "printf '#!/bin/sh\\necho openjdk version \\\\\"11.0.1\\\\\"\\n' > /usr/local/bin/java"
        " && chmod +x /usr/local/bin/java",
        "rm /usr/local/bin/java",
    ),
    Breakage(
        "a service's user can log in",
        3,
        {"test_services_have_users_of_their_own": "can log in"},
        f"usermod --shell /bin/bash {units.ZOOKEEPER_USER}",
        f"usermod --shell /usr/sbin/nologin {units.ZOOKEEPER_USER}",
    ),
    Breakage(
        "a file has another content",
        1,
        {"test_files_are_as_planned": "another content"},
        *_edited(PATHS.log4j, "s/INFO/DEBUG/"),
    ),
    Breakage(
        "a file has another owner",
        2,
        {"test_files_are_as_planned": "belongs to"},
        f"chown {units.USER} {PATHS.mode_file}",
        f"chown root {PATHS.mode_file}",
    ),
    Breakage(
        "anybody may write a file",
        3,
        {"test_files_are_as_planned": "has the mode 666"},
        f"chmod 0666 {PATHS.environment}",
        f"chmod 0644 {PATHS.environment}",
    ),
    Breakage(
        "a line of the guide is gone",
        2,
        {"test_properties_hold_every_line_of_the_guide": "num.partitions=3"},
        *_edited(PATHS.properties(Mode.KRAFT), "/num.partitions/d"),
    ),
    Breakage(
        "the service does not start with the machine",
        3,
        {"test_services_are_enabled_and_active": "is disabled"},
        "systemctl --quiet disable kafka.service",
        "systemctl --quiet enable kafka.service",
    ),
    Breakage(
        "the other mode's service runs",
        3,
        {"test_services_of_the_other_mode_are_off": "belongs to the other mode"},
        f"printf '[Service]\\nExecStart=sleep infinity\\n' > {ZOOKEEPER_UNIT} && systemctl daemon-reload"
        " && systemctl start zookeeper.service",
        f"systemctl stop zookeeper.service && rm {ZOOKEEPER_UNIT} && systemctl daemon-reload",
    ),
    Breakage(
        "the broker may open few files",
        2,
        {"test_process_may_open_enough_files": "may open 1024 files"},
        f"prlimit --pid={PID} --nofile=1024:",
        f'prlimit --pid={PID} --nofile="$(prlimit --pid={PID} --nofile --output=HARD --noheadings | tr -d " ")":',
    ),
    Breakage(
        "the broker was started with another configuration",
        2,
        {"test_process_runs_the_planned_configuration": "runs the configuration 0123456789abcdef"},
        *_edited(PATHS.running_fingerprint, "s/.*/0123456789abcdef/"),
    ),
    Breakage(
        "the service log does not say that it started",
        2,
        {"test_service_log_says_started": "never says"},
        *_edited(PATHS.server_log(), "s/Kafka Server started/Kafka Server starting/;s/] started/] starting/"),
    ),
    Breakage(
        "the service log says so of an earlier start",
        3,
        {"test_service_log_says_started": "of an earlier start only"},
        *_edited(PATHS.server_log(), "s/^\\[20../[2001/"),
    ),
    Breakage(
        "the service may do anything",
        1,
        {"test_service_is_fenced_in": "has an exposure of"},
        *_drop_in(
            *(
                "ProtectSystem=no",
                "NoNewPrivileges=no",
                "PrivateDevices=no",
                "PrivateUsers=no",
                "RestrictNamespaces=no",
            ),
            *("ProtectKernelModules=no", "ProtectKernelTunables=no", "CapabilityBoundingSet=~", "SystemCallFilter="),
        ),
    ),
    Breakage(
        "a stop is soon a kill",
        2,
        {"test_stop_waits_for_a_controlled_shutdown": "after 60 s"},
        *_drop_in("TimeoutStopSec=60"),
    ),
    Breakage(
        "the logs lie on the data volume",
        1,
        {"test_logs_stay_off_the_data_volume": "lies on the data volume"},
        f"mount --bind {PATHS.data}/logs {PATHS.service_logs}",
        f"umount {PATHS.service_logs}",
    ),
    Breakage(
        "reading writes",
        1,
        {"test_data_lies_on_the_planned_volume": "no noatime"},
        f"mount -o remount,strictatime {PATHS.data}",
        f"mount -o remount,noatime {PATHS.data}",
    ),
    Breakage(
        "a place of the guide leads elsewhere",
        2,
        {"test_guides_places_lead_to_the_data": "leads to /tmp"},
        f"ln --symbolic --force --no-dereference /tmp {PATHS.zookeeper_data}",
        f"ln --symbolic --force --no-dereference {PATHS.links[PATHS.zookeeper_data]} {PATHS.zookeeper_data}",
    ),
    Breakage(
        "the data is another cluster's",
        3,
        {"test_data_belongs_to_this_node_of_this_cluster": "A_D5kj5zTbi2EDTeXHDH3g"},
        *_edited(f"{PATHS.log_dir(Mode.KRAFT)}/meta.properties", "s/^cluster.id=.*/cluster.id=A_D5kj5zTbi2EDTeXHDH3g/"),
    ),
    Breakage(
        "the volume is another stack's",
        2,
        {"test_volume_says_whose_it_is": "another-project/prod"},
        *_edited(PATHS.owner, 's#"stack": "[^"]*"#"stack": "another-project/prod"#'),
    ),
    Breakage(
        "a setting was changed at the running broker",
        3,
        {
            "test_brokers_work_with_the_planned_live_settings": "268435456",
            "test_nothing_differs_from_the_plan": "running setting log.segment.bytes: found 268435456",
        },
        f"{PATHS.home}/bin/kafka-configs.sh --bootstrap-server $ADDRESS:{CLIENTS.port} --entity-type brokers"
        f" --entity-name 3 --alter --add-config {DYNAMIC_KEY}=268435456",
        f"{PATHS.home}/bin/kafka-configs.sh --bootstrap-server $ADDRESS:{CLIENTS.port} --entity-type brokers"
        f" --entity-name 3 --alter --delete-config {DYNAMIC_KEY}",
    ),
    Breakage(
        "a topic was changed by hand",
        1,
        {"test_topics_are_as_listed": "orders has retention.ms 1000, listed is 604800000"},
        f"{PATHS.home}/bin/kafka-configs.sh --bootstrap-server $ADDRESS:{CLIENTS.port} --entity-type topics"
        f" --entity-name orders --alter --add-config retention.ms=1000",
        f"{PATHS.home}/bin/kafka-configs.sh --bootstrap-server $ADDRESS:{CLIENTS.port} --entity-type topics"
        f" --entity-name orders --alter --add-config retention.ms=604800000",
    ),
    Breakage(
        "nobody tells how the machine is",
        2,
        {
            "test_node_tells_its_metrics": "port 9100 tells no node_memory_MemAvailable_bytes",
            "test_services_are_enabled_and_active": "nobody sees how the machine is",
        },
        f"systemctl stop {NODE_EXPORTER}",
        f"systemctl start {NODE_EXPORTER}",
    ),
    Breakage(
        "Kafka's tools are not there",
        3,
        {"test_tools_work_on_a_machine_itself": "kafka-console-consumer.sh"},
        f"chmod -x {PATHS.home}/bin/kafka-console-consumer.sh",
        f"chmod +x {PATHS.home}/bin/kafka-console-consumer.sh",
    ),
)

NOT_APPLIED = (
    Breakage(
        "the configuration was changed and not applied",
        1,
        {"test_plan_is_the_one_that_was_applied": "changed since the last `up`"},
        configure={"heap": "448M"},
    ),
)

_OTHER_PARTITIONS, _PLANNED_PARTITIONS = _edited(PATHS.properties(Mode.KRAFT), "s/^num.partitions=3/num.partitions=6/")
_OTHER_START, _PLANNED_START = _drop_in(
    *("User=root", "PrivateUsers=no", "CapabilityBoundingSet=~", f"EnvironmentFile={KEPT}/other.env"),
)
_STARTED = (
    f"until {PATHS.home}/bin/kafka-configs.sh --bootstrap-server $ADDRESS:{CLIENTS.port} --entity-type brokers"
    " --entity-name 1 --describe --all | grep --quiet num.partitions=6; do :; done"
)
RESTARTED = (
    Breakage(
        "the broker was started as root, with another file and options, and a door of Java's own",
        1,
        {
            "test_processes_run_as_their_users": "runs as root",
            "test_process_runs_the_planned_java_options": "-Xmx512M",
            "test_broker_runs_with_the_planned_properties": "('6', '3')",
            "test_no_port_is_open_beside_the_plan": "open outside the plan",
        },
        f"mkdir --parents {KEPT} && printf 'KAFKA_HEAP_OPTS=-Xmx448M\\nKAFKA_JMX_OPTS=-Dcom.sun.management.jmxremote\\n'"
        f" > {KEPT}/other.env && {_OTHER_PARTITIONS} && {_OTHER_START} && systemctl restart kafka.service"
        f' && timeout 180 sh -c "{_STARTED}"',
        f"{_PLANNED_PARTITIONS} && {_PLANNED_START} && systemctl stop kafka.service"
        f" && chown --recursive {units.USER}:{units.USER} {PATHS.data}/logs {PATHS.service_logs}"
        " && systemctl start kafka.service",
    ),
)

A_BROKER_IS_AWAY = (
    Breakage(
        "a broker is away",
        3,
        {
            "test_cluster_is_whole": "the cluster to be healthy: not so",
            "test_metrics_agree_with_the_cluster": "['kafka-server3'] tell nothing of Kafka",
            "test_brokers_are_the_planned_ones": "planned are [1, 2, 3]",
            "test_quorum_status": "MaxFollowerLag 0: not so",
            "test_quorum_replication": "no lag: not so",
            "test_topic_is_in_sync_on_every_replica": "in sync on 3 brokers each",
            "test_records_reach_every_broker": "kafka-server3 gave",
            "test_python_client_reads_what_it_wrote": "172.25.254.133:9092",
            "test_services_are_enabled_and_active": "the node serves nothing",
            "test_status_says_healthy": "kafka.service is inactive",
            "test_planned_ports_listen_on_the_planned_address_only": "nothing listens",
        },
        "systemctl stop kafka.service",
        "systemctl start kafka.service",
    ),
)

ZOOKEEPER_IS_AWAY = (
    Breakage(
        "a member of the ensemble is away, and its broker with it",
        2,
        {
            "test_ensemble_has_one_leader": "no answer",
            # Or the member that was asked first is the one that is away.
            "test_brokers_are_registered_in_zookeeper": "/brokers/ids",
        },
        "systemctl stop kafka.service zookeeper.service",
        "systemctl start zookeeper.service kafka.service",
    ),
)

ROUNDS = (
    Round(Mode.KRAFT, WHILE_SERVING),
    Round(Mode.KRAFT, NOT_APPLIED),
    Round(Mode.KRAFT, RESTARTED),
    Round(Mode.KRAFT, A_BROKER_IS_AWAY),
    Round(Mode.ZOOKEEPER, ZOOKEEPER_IS_AWAY),
)
