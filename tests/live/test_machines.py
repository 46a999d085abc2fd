"""Each machine is the planned one: its address and names, its doors, its kernel, its Java, its users."""

from model import stages, units
from model.settings import Platform
from tests.live.machine import Machine
from tests.live.planned import Plan, is_in_plan, required_ports


def test_has_the_planned_address_for_good(machine: Machine, plan: Plan) -> None:
    has = {entry["local"] for entry in machine.addresses}
    assert machine.node.address in has, (
        f"{machine} has {sorted(has)} and not {machine.node.address}, where clients and the quorum look for it"
    )
    leased = [entry["local"] for entry in machine.addresses if entry.get("dynamic")]
    assert machine.node.address not in leased, (
        f"{machine}: {machine.node.address} is leased, so it can go to another machine; brokers advertise it for good"
    )
    made_here = plan.settings.platform is Platform.LIBVIRT
    assert not made_here or len(has) == 1, f"{machine} has {sorted(has)}: one of them is not in the plan"


def test_has_the_planned_host_name(machine: Machine) -> None:
    says = machine.says("hostname")
    assert says == machine.node.name, f"{machine} calls itself {says}: logs and prompts would name another machine"


def test_hosts_file_names_every_node(machine: Machine) -> None:
    lines = [line.partition("#")[0].split() for line in machine.says("cat /etc/hosts").splitlines()]
    known = {(name, words[0]) for words in lines for name in words[1:]}
    planned = {(node.name, node.address) for node in machine.plan.cluster.nodes}
    missing = sorted(planned - known)
    assert not missing, f"{machine}: /etc/hosts lacks {missing}, so an operator on it can't reach peers by their names"
    names = {name for name, _ in planned}
    wrong = sorted((name, address) for name, address in known - planned if name in names)
    assert not wrong, f"{machine}: /etc/hosts also says {wrong}, so a peer's name may lead elsewhere"


def test_planned_ports_listen_on_the_planned_address_only(machine: Machine) -> None:
    cluster, node = machine.plan.cluster, machine.node
    heard: dict[int, set[str]] = {port: set() for port in cluster.ports(node)}
    for door in machine.doors:
        if door.protocol == "tcp" and door.port in heard:
            heard[door.port].add(str(door.ip))
    silent = sorted(port for port in required_ports(cluster, node) if not heard[port])
    assert not silent, f"{machine}: nothing listens on {silent}: clients or peers find no answer there"
    elsewhere = {port: sorted(at - {node.address}) for port, at in heard.items() if at - {node.address}}
    assert not elsewhere, f"{machine}: planned ports are open at other addresses, too: {elsewhere}"


def test_no_port_is_open_beside_the_plan(machine: Machine, plan: Plan, beside: list[int]) -> None:
    cluster, node, ssh = machine.plan.cluster, machine.node, machine.access.port
    strange = sorted(door for door in machine.doors if not is_in_plan(door, cluster, node, ssh, beside))
    assert not strange, (
        f"{machine}: open outside the plan: {', '.join(map(str, strange))}. Each is a way in that nobody planned; if it"
        " is yours, allow it with --beside PORT"
    )


def test_kernel_has_the_planned_settings(machine: Machine) -> None:
    keys = list(stages.KERNEL)
    paths = " ".join(f"/proc/sys/{key.replace('.', '/')}" for key in keys)
    live = dict(zip(keys, machine.says(f"cat {paths}").split(), strict=True))
    assert live == stages.KERNEL, (
        f"{machine}: the kernel says {live} instead of {stages.KERNEL}: a broker maps two areas for every log segment,"
        " and stalls when its memory is swapped out"
    )


def test_java_is_17(machine: Machine) -> None:
    says = machine.says("java -version 2>&1").splitlines()[0]
    assert '"17.' in says, f"{machine}: Java is {says}; the next start would run on one that nobody tested"


def test_services_have_users_of_their_own(machine: Machine) -> None:
    for name in (units.USER, units.ZOOKEEPER_USER):
        user = machine.host.user(name)
        assert user.exists, f"{machine}: there is no user {name}, so its service could not be kept apart from others"
        assert user.shell.endswith(("nologin", "false")), f"{machine}: {name} can log in ({user.shell}), and needs not"
        assert user.uid < 1000, f"{machine}: {name} is a person's account ({user.uid}) and not a service's"
