"""The documents of a machine's first boot, read as cloud-init reads them."""

import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from model.cloud_init import LOGIN, FirstBoot, fault, meta_data, network_config, settled, user_data

from .samples import FIRST_BOOT as BOOT

PRIVATE = BOOT.host_private_key


def user(boot: FirstBoot = BOOT) -> dict[str, Any]:
    text = user_data(boot)
    assert text.startswith("#cloud-config\n"), "cloud-init passes over a document without this line"
    return yaml.safe_load(text)  # type: ignore[no-any-return]


def network(boot: FirstBoot = BOOT) -> dict[str, Any]:
    document = yaml.safe_load(network_config(boot))
    assert document["version"] == 2
    (interface,) = document["ethernets"].values()
    return interface  # type: ignore[no-any-return]


def test_one_user_may_log_in_with_the_operators_key_and_nothing_else() -> None:
    document = user()
    (only,) = document["users"]
    assert only["name"] == LOGIN
    assert only["ssh_authorized_keys"] == [BOOT.authorized_key]
    assert only["lock_passwd"] is True
    assert document["ssh_pwauth"] is False
    assert document["disable_root"] is True


def test_the_machine_answers_with_the_host_key_that_was_made_for_it() -> None:
    document = user()
    assert document["ssh_keys"] == {"ed25519_private": PRIVATE, "ed25519_public": BOOT.host_public_key}
    assert document["ssh_deletekeys"] is True, "a key of the image would be every machine's"
    assert "ssh_genkeytypes" not in document, "a key that nobody planned could not be checked"


def test_the_machine_has_its_name() -> None:
    assert user()["hostname"] == "kafka-server1"
    assert yaml.safe_load(meta_data(BOOT))["local-hostname"] == "kafka-server1"


def test_the_locale_is_left_alone() -> None:
    assert user()["locale"] == "false", "`cloud-init status --wait` ends in an error without the package locales"


def test_the_address_is_fixed_on_the_interface_of_that_hardware_address() -> None:
    interface = network()
    assert interface["match"] == {"macaddress": BOOT.mac}
    assert interface["addresses"] == ["172.25.254.131/24"]
    assert interface["dhcp4"] is False
    assert interface["dhcp6"] is False
    assert interface["link-local"] == [], "no address beside the planned one"


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "192.168.0.0/16", "10.1.2.128/25"])
def test_the_prefix_is_the_networks(cidr: str) -> None:
    assert network(replace(BOOT, cidr=cidr))["addresses"] == [f"{BOOT.address}/{cidr.split('/')[1]}"]


def test_a_gateway_and_name_servers_only_where_there_are_any() -> None:
    assert network()["routes"] == [{"to": "0.0.0.0/0", "via": "172.25.254.1"}]
    assert network()["nameservers"] == {"addresses": ["172.25.254.1", "9.9.9.9"]}
    alone = network(replace(BOOT, gateway=None, dns=()))
    assert "routes" not in alone, "an isolated machine would wait for a gateway that isn't there"
    assert "nameservers" not in alone


def test_another_machine_is_another_instance() -> None:
    one, other = (
        yaml.safe_load(meta_data(boot))["instance-id"] for boot in (BOOT, replace(BOOT, mac="52:54:00:0:0:2"))
    )
    assert one != other, "cloud-init does its work once for an instance"


@given(st.text(max_size=30))
def test_no_text_breaks_out_of_a_document(text: str) -> None:
    boot = replace(BOOT, authorized_key=text, host_private_key=text)
    document = user(boot)
    assert set(document) == set(user())
    assert document["users"][0]["ssh_authorized_keys"] == [text]
    assert document["ssh_keys"]["ed25519_private"] == text


def test_private_keys_stand_in_the_user_data_only() -> None:
    assert "PRIVATE KEY" not in network_config(BOOT) + meta_data(BOOT), "those two are shown in previews"


STATUS = """{"v1": {"datasource": "DataSourceNoCloud", "stage": null, "modules-final": {"errors": []},
    "init-local": {"errors": %s, "start": 1.5, "finished": 2.5}}}"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folders of a machine that cloud-init writes to, and `cloud-init` itself."""
    for folder in ("run/cloud-init", "etc/cloud", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bin/cloud-init").write_text("#!/bin/sh\necho asked\n")
    (tmp_path / "bin/cloud-init").chmod(0o755)
    return tmp_path


def ended(root: Path) -> str:
    """What the command prints that waits for cloud-init's end, on a machine whose root it is."""
    path = {"PATH": f"{root}/bin:/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", settled(str(root))], env=path, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "end", ["run/cloud-init/result.json", "etc/cloud/cloud-init.disabled"], ids=["its last stage", "it is switched off"]
)
def test_a_machine_is_not_settled_before_cloud_init_has_ended(root: Path, end: str) -> None:
    status = root / "run/cloud-init/status.json"
    status.write_text(STATUS % "[]")

    def later() -> None:
        status.write_text(STATUS % '["no disk"]')
        (root / end).touch()

    late = threading.Timer(0.7, later)
    late.start()
    printed = ended(root)
    late.join()
    assert fault(printed) == "no disk", "a machine that is worked on while it is made is half a machine"


@pytest.mark.parametrize("why", ["it was switched off", "it is not there"])
def test_a_machine_without_cloud_init_is_settled(root: Path, why: str) -> None:
    if why == "it was switched off":
        (root / "run/cloud-init/disabled").touch()
    else:
        (root / "bin/cloud-init").unlink()
    assert fault(ended(root)) == ""


def test_a_first_boot_without_errors_has_no_fault() -> None:
    assert fault(STATUS % "[]") == ""
