"""Each node's services are the planned ones, and the running processes are what their files say."""

import re
from collections.abc import Callable, Iterator

from model import properties, stages, units
from model.files import PlannedFile
from model.kafka_keys import Mode
from model.metrics import NODE_EXPORTER
from tests.live.machine import File, Machine
from tests.live.planned import Plan

KAFKA = "kafka.service"
LEAST_OPEN_FILES = 100_000
# A broker gives its leaders away before it stops, and takes up to five minutes to (Kafka's own limit).
CONTROLLED_SHUTDOWN_SECONDS = 300
MOST_EXPOSURE = 3.0
# The keys whose lines the guide has its reader type.
GUIDE = {
    "process.roles",
    "node.id",
    "controller.quorum.voters",
    "broker.id",
    "zookeeper.connect",
    "listeners",
    "advertised.listeners",
    "log.dirs",
    "num.partitions",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
    "dataDir",
    "tickTime",
    "initLimit",
    "syncLimit",
}
ENVIRONMENT_LINE = re.compile(r'^(\w+)="(.*)"$', re.MULTILINE)
STARTED = {
    Mode.KRAFT: "[KafkaRaftServer nodeId={id}] Kafka Server started",
    Mode.ZOOKEEPER: "[KafkaServer id={id}] started",
}


def test_plan_is_the_one_that_was_applied(machine: Machine, plan: Plan) -> None:
    applied = next(node.fingerprint for node in plan.handover.nodes if node.name == machine.node.name)
    assert machine.plan.fingerprint == applied, (
        f"{machine}: the configuration was changed since the last `up`, so everything below is compared with what nobody"
        " has applied yet: run `pulumi up`"
    )


def test_files_are_as_planned(machine: Machine) -> None:
    found = machine.files([file.path for file in machine.plan.files])
    faults = [
        f"{file.path} {fault}" for file in machine.plan.files for fault in differences(file, found.get(file.path))
    ]
    assert not faults, f"{machine}: {'; '.join(faults)}: the next start would not be the planned one"


def differences(planned: PlannedFile, found: File | None) -> Iterator[str]:
    """What is wrong with a file."""
    if found is None:
        yield "is missing"
        return
    if found.sha256 != planned.sha256:
        yield "has another content"
    if (found.owner, found.group) != (planned.owner, planned.group):
        yield f"belongs to {found.owner}:{found.group} instead of {planned.owner}:{planned.group}"
    if int(found.mode, 8) != int(planned.mode, 8):
        yield f"has the mode {found.mode} instead of {planned.mode}"


def test_properties_hold_every_line_of_the_guide(machine: Machine, plan: Plan) -> None:
    cluster, node, paths = machine.plan.cluster, machine.node, machine.plan.cluster.paths
    planned = {paths.properties(cluster.mode): properties.server(cluster, node, plan.settings.settings)}
    if cluster.mode is Mode.ZOOKEEPER:
        planned[paths.zookeeper_properties] = properties.zookeeper(cluster, node)
    for path, values in planned.items():
        lines = machine.says("cat %s", path).splitlines()
        wanted = [f"{key}={value}" for key, value in values.items() if key in GUIDE or key.startswith("server.")]
        missing = [line for line in wanted if line not in lines]
        assert not missing, f"{machine}: {path} lacks {missing}: a person who knows the guide would not find its node"


def test_services_are_enabled_and_active(machine: Machine) -> None:
    for name in machine.plan.cluster.services():
        unit = machine.unit(name)
        lost = "nobody sees how the machine is" if name == NODE_EXPORTER else "the node serves nothing"
        assert unit["ActiveState"] == "active", f"{machine}: {name} is {unit['ActiveState']}: {lost}"
        assert unit["UnitFileState"] == "enabled", (
            f"{machine}: {name} is {unit['UnitFileState']}: it would not come back after a reboot"
        )


def test_services_of_the_other_mode_are_off(machine: Machine) -> None:
    for name in set(stages.ALL_SERVICES) - set(machine.plan.cluster.services()):
        unit = machine.unit(name)
        assert unit["ActiveState"] in ("inactive", ""), f"{machine}: {name} runs, and belongs to the other mode"
        assert unit["UnitFileState"] != "enabled", f"{machine}: {name} would start with the machine in the wrong mode"


def test_processes_run_as_their_users(machine: Machine) -> None:
    users = {KAFKA: units.USER, "zookeeper.service": units.ZOOKEEPER_USER}
    for name in machine.plan.cluster.java_services():
        user = machine.says("stat --format=%%U /proc/%s", machine.process(name))
        assert user == users[name], (
            f"{machine}: {name} runs as {user} instead of {users[name]}: it may do what it needs not"
        )


def test_process_runs_the_planned_java_options(machine: Machine) -> None:
    paths, contents = machine.plan.cluster.paths, {file.path: file.content for file in machine.plan.files}
    words = machine.says("tr '\\0' '\\n' < /proc/%s/cmdline", machine.process(KAFKA)).splitlines()
    planned = dict(ENVIRONMENT_LINE.findall(contents[paths.environment]))
    wanted = [option for name, options in planned.items() if name.endswith("_OPTS") for option in options.split()]
    missing = [word for word in [*wanted, paths.properties(machine.plan.cluster.mode)] if word not in words]
    assert not missing, (
        f"{machine}: the broker was started without {missing}: its heap, its logs or its mode are not the planned ones"
    )
    assert any(f"{paths.home}/" in word for word in words), f"{machine}: the broker does not run from {paths.home}"


def test_process_may_open_enough_files(machine: Machine, record_property: Callable[[str, object], None]) -> None:
    wanted = LEAST_OPEN_FILES
    if machine.is_container:
        # A container can't have more than its computer lends it; on a machine of its own nothing is subtracted.
        ceiling = machine.open_files("1")
        if ceiling < wanted:
            record_property("reservation", f"{machine} is a container that may not open more than {ceiling} files")
        wanted = min(wanted, ceiling)
    for name in machine.plan.cluster.java_services():
        live = machine.open_files(machine.process(name))
        assert live >= wanted, (
            f"{machine}: {name} may open {live} files, needs {wanted}: a broker without one more stops"
        )


def test_process_runs_the_planned_configuration(machine: Machine) -> None:
    path = machine.plan.cluster.paths.running_fingerprint
    running = machine.says("cat %s", path)
    assert running == machine.plan.fingerprint, (
        f"{machine}: the broker runs the configuration {running}, planned is {machine.plan.fingerprint}: it needs a restart"
        " that `pulumi up` has not finished"
    )


def test_service_log_says_started(machine: Machine) -> None:
    cluster = machine.plan.cluster
    words = STARTED[cluster.mode].format(id=machine.node.id)
    log = cluster.paths.server_log()
    lines = sorted(machine.host.run(f"grep --text --no-filename --fixed-strings %s {log}*", words).stdout.splitlines())
    assert lines, f"{machine}: {log} never says {words!r}: the broker has not come up, whatever systemd believes"
    said = int(machine.says("date --date=%s +%%s", lines[-1][1:20]))
    started = int(machine.unit(KAFKA)["ExecMainStartTimestamp"].removeprefix("@"))
    assert said >= started, f"{machine}: {log} says {words!r} of an earlier start only: this one has not come up"


def test_service_is_fenced_in(machine: Machine) -> None:
    for name in machine.plan.cluster.services():
        words = machine.says("systemd-analyze security --no-pager %s", name).splitlines()[-1]
        found = re.search(r": (\d+(?:\.\d+)?) ", words)
        assert found, f"{machine}: systemd-analyze says {words!r}"
        assert float(found[1]) <= MOST_EXPOSURE, (
            f"{machine}: {name} has an exposure of {found[1]}, at most {MOST_EXPOSURE} is planned: a hole in the broker"
            " would open too much of the machine"
        )


def test_stop_waits_for_a_controlled_shutdown(machine: Machine) -> None:
    span = machine.says("systemd-analyze timespan %s", machine.unit(KAFKA)["TimeoutStopUSec"])
    found = re.search(r"μs: (\d+)", span)
    seconds = int(found[1]) / 1e6 if found else float("inf")
    assert seconds > CONTROLLED_SHUTDOWN_SECONDS, (
        f"{machine}: systemd kills the broker after {seconds:.0f} s, a controlled shutdown takes up to"
        f" {CONTROLLED_SHUTDOWN_SECONDS} s: a clean stop would end in a log recovery"
    )


def test_logs_stay_off_the_data_volume(machine: Machine) -> None:
    paths = machine.plan.cluster.paths
    listed = machine.says("ls -l /proc/%s/fd", machine.process(KAFKA)).splitlines()
    files = {line.rpartition(" -> ")[2] for line in listed if " -> " in line}
    for name in ("server.log", "gc.log"):
        path = f"{paths.service_logs}/{name}"
        assert path in files, f"{machine}: the broker does not write {path}: its words go nowhere that is looked after"
    if machine.plan.device:
        logs, data = machine.says("stat --format=%%d %s %s", paths.service_logs, paths.data).split()
        assert logs != data, (
            f"{machine}: {paths.service_logs} lies on the data volume: chatter could fill a broker's disk"
        )
