"""How the live tests reach the stack: its plan read once, a connection to each machine, tools and clients for Kafka.

Knows when there is nothing to look at, and says why. Refuses to know what is expected.
"""

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import testinfra
from kafka import KafkaAdminClient

from model.errors import ConfigurationError
from model.handover import Access
from model.health import Sample
from model.settings import NetworkMode, Platform
from model.topology import Cluster
from operations.kafka_view import KafkaView
from operations.ways import DIRECT
from tests.live.calm import Calm
from tests.live.clients import admin_client
from tests.live.machine import Machine
from tests.live.planned import NotUp, Plan, read_plan
from tests.support import console, ssh
from tests.support.stack import PulumiFailed, Stack

HERE = Path(__file__).parent
DIAL_SECONDS = 5.0
ANSWER_SECONDS = 60.0
CALM_SECONDS = 30.0
PLAN: pytest.StashKey[Plan | str] = pytest.StashKey()


def _plan_or_reason(config: pytest.Config) -> Plan | str:
    """The plan of the stack to verify, or why there is none; read once for a run."""
    if PLAN not in config.stash:
        config.stash[PLAN] = _read(config)
    return config.stash[PLAN]


def _read(config: pytest.Config) -> Plan | str:
    try:
        project = config.getoption("--project") or config.rootpath
        name = config.getoption("--stack") or os.environ.get("PULUMI_STACK")
        plan = read_plan(Stack.selected(project, name))
        _refuse_far_away(plan)
    except (PulumiFailed, NotUp) as reason:
        return str(reason)
    except ConfigurationError as error:
        return f"the stack's configuration can't be used: {error}"
    return plan


def _refuse_far_away(plan: Plan) -> None:
    """Where this computer is in the machines' network, machines that don't answer are a failure. Anywhere else it may
    only mean that this is not the place to look from, and an isolated network's addresses mean nothing there at all."""
    direct = [access for access in plan.accesses.values() if not access.jump_host]
    if not direct or any(_is_neighbour(access) for access in direct):
        return
    if _is_isolated(plan) or not _any_answers(direct, DIAL_SECONDS * plan.patience):
        raise NotUp(
            f"stack {plan.stack} is up, but this computer is not in the network of its machines, and none of them answers"
            " here; in the embedded lab, run the tests inside its network namespace: python3 -m lab run -- pytest tests/"
        )


def _is_isolated(plan: Plan) -> bool:
    return plan.settings.platform is Platform.LIBVIRT and plan.settings.network_mode is NetworkMode.ISOLATED


def _any_answers(accesses: list[Access], seconds: float) -> bool:
    """Whether any of them greets as an ssh server does: some gateways take every connection."""
    with ThreadPoolExecutor(len(accesses)) as pool:
        return any(pool.map(lambda access: _greets(access, seconds), accesses))


def _greets(access: Access, seconds: float) -> bool:
    try:
        with socket.create_connection((access.address, access.port), timeout=seconds) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _is_neighbour(access: Access) -> bool:
    """Whether the address is reached without anybody in between."""
    done = subprocess.run(["ip", "-json", "route", "get", access.address], capture_output=True, text=True)
    return done.returncode == 0 and not any("gateway" in route for route in json.loads(done.stdout))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `machine` runs once for each planned machine."""
    if "machine" in metafunc.fixturenames:
        plan = _plan_or_reason(metafunc.config)
        names = list(plan.nodes) if isinstance(plan, Plan) else ["no machine"]
        metafunc.parametrize("machine", names, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Everything here is a live test, and is skipped with the reason where there is nothing to look at."""
    mine = [item for item in items if item.path.is_relative_to(HERE)]
    for item in mine:
        item.add_marker(pytest.mark.live)
        reason = _plan_or_reason(config)
        if isinstance(reason, str):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def plan(request: pytest.FixtureRequest) -> Plan:
    """What has to be true."""
    found = _plan_or_reason(request.config)
    assert isinstance(found, Plan)
    return found


@pytest.fixture(scope="session")
def calm(plan: Plan) -> Calm:
    """The patience of the whole run with a cluster that is not well."""
    return Calm(CALM_SECONDS * plan.patience)


@pytest.fixture(scope="session")
def beside(request: pytest.FixtureRequest) -> list[int]:
    """Ports that the operator allows beside the plan."""
    ports: list[int] = request.config.getoption("--beside")
    return ports


@pytest.fixture(scope="session")
def cluster(plan: Plan) -> Cluster:
    """The cluster as the configuration describes it."""
    return plan.cluster


@pytest.fixture(scope="session")
def ssh_config(plan: Plan) -> Iterator[Path]:
    """A way to every machine that believes the planned host keys only."""
    with ssh.configuration(plan.accesses.values(), plan.patience) as config:
        yield config


@pytest.fixture(scope="session")
def machines(plan: Plan, ssh_config: Path) -> dict[str, Machine]:
    """Every machine, by its node's name."""
    timeout = int(10 * plan.patience)
    return {
        name: Machine(
            node,
            plan.accesses[name],
            testinfra.get_host(f"ssh://{name}", ssh_config=str(ssh_config), timeout=timeout, sudo=True),
        )
        for name, node in plan.nodes.items()
    }


@pytest.fixture(scope="session")
def machine(request: pytest.FixtureRequest, machines: dict[str, Machine]) -> Machine:
    """One machine after the other."""
    return machines[request.param]


@pytest.fixture(scope="session")
def tools(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> console.ConsoleTools:
    """Kafka's own console tools, on this computer."""
    return console.tools(plan.settings, tmp_path_factory.mktemp("tools"), ANSWER_SECONDS * plan.patience)


@pytest.fixture
def admin(plan: Plan) -> Iterator[KafkaAdminClient]:
    """A Python admin client."""
    with admin_client(plan.cluster, plan.patience) as client:
        yield client


@pytest.fixture
def sample(plan: Plan) -> Iterator[Callable[[], Sample]]:
    """Looks at the cluster anew, as the package's own operations do."""
    view = KafkaView(plan.cluster, DIRECT, plan.patience)
    yield lambda: asyncio.run(view.sample())
    view.close()
