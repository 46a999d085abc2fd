"""The documents of a first boot, read by the guest image's own cloud-init, which tells of a fault on a console only."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from images import build, recipe
from images.rootfs import unpacked
from model.cloud_init import network_config, user_data
from tests.unit.samples import FIRST_BOOT

pytestmark = pytest.mark.lifecycle

# As the first boot reads them, but strict where it would only warn.
READER = """
import json, sys, yaml
from cloudinit.config.schema import get_schema, validate_cloudconfig_schema
from cloudinit.net.network_state import parse_net_config_data
told = json.load(sys.stdin)
validate_cloudconfig_schema(yaml.safe_load(told["user"]), get_schema(), strict=True)
found = parse_net_config_data(yaml.safe_load(told["network"])).iter_interfaces()
print(json.dumps([subnet for interface in found for subnet in interface["subnets"]]))
"""


@pytest.fixture(scope="module")
def root() -> Path:
    """The guest image's files. They are only read."""
    build.build()
    return unpacked(recipe.image().rootfs)


def subnets(root: Path, **changes: Any) -> list[dict[str, Any]]:
    """What cloud-init makes of a boot's documents."""
    boot = replace(FIRST_BOOT, **changes)
    documents = json.dumps({"user": user_data(boot), "network": network_config(boot)})
    command = ["chroot", str(root), "python3", "-B", "-c", READER]
    done = subprocess.run(command, input=documents, capture_output=True, text=True)
    assert done.returncode == 0, f"a machine would come up without its network or its login:\n{done.stderr}"
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_a_machine_gets_its_address_its_way_out_and_its_name_servers(root: Path) -> None:
    (subnet,) = subnets(root)
    assert (subnet["address"], subnet["prefix"]) == (FIRST_BOOT.address, 24)
    (route,) = subnet["routes"]
    assert (route["network"], route["prefix"], route["gateway"]) == ("0.0.0.0", 0, FIRST_BOOT.gateway)
    assert subnet["dns_nameservers"] == list(FIRST_BOOT.dns)


def test_a_machine_of_an_isolated_network_gets_its_address_only(root: Path) -> None:
    (subnet,) = subnets(root, gateway=None, dns=())
    assert (subnet["address"], subnet["prefix"]) == (FIRST_BOOT.address, 24)
    assert not subnet.get("routes"), "a machine would wait for a way out that does not exist"
