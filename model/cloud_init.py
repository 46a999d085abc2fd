"""The cloud-init documents of a machine's first boot, and what cloud-init leaves at its end.

Knows the shape of user-data, network-config (version 2), meta-data and status.json. Refuses to know Kafka: whatever has to be
right on every later `up` is a stage's work, because cloud-init's documents never reach a machine that runs.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

import yaml

LOGIN = "admin"


@dataclass(frozen=True, slots=True)
class FirstBoot:
    """What a new machine is told. Keys in OpenSSH's formats; the host key pair is made beforehand."""

    name: str
    address: str
    mac: str
    cidr: str
    gateway: str | None
    dns: Sequence[str]
    authorized_key: str
    host_private_key: str
    host_public_key: str


def user_data(boot: FirstBoot) -> str:
    """Who may log in, and which host key the machine answers with."""
    document = {
        "hostname": boot.name,
        "preserve_hostname": False,
        "manage_etc_hosts": False,
        # A string, as cloud-init's schema has it.
        "locale": "false",
        "users": [
            {
                "name": LOGIN,
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "shell": "/bin/bash",
                "lock_passwd": True,
                "ssh_authorized_keys": [boot.authorized_key],
            }
        ],
        "ssh_pwauth": False,
        "disable_root": True,
        "ssh_deletekeys": True,
        # Where keys are given, no other is made.
        "ssh_keys": {"ed25519_private": boot.host_private_key, "ed25519_public": boot.host_public_key},
    }
    return "#cloud-config\n" + yaml.safe_dump(document, sort_keys=False)


def network_config(boot: FirstBoot) -> str:
    """A fixed address on the one interface, found by its hardware address."""
    interface: dict[str, object] = {
        "match": {"macaddress": boot.mac},
        "addresses": [f"{boot.address}/{IPv4Network(boot.cidr).prefixlen}"],
        "dhcp4": False,
        "dhcp6": False,
        "link-local": [],
    }
    if boot.gateway:
        interface["routes"] = [{"to": "0.0.0.0/0", "via": boot.gateway}]
    if boot.dns:
        interface["nameservers"] = {"addresses": list(boot.dns)}
    return yaml.safe_dump({"version": 2, "ethernets": {"machine": interface}}, sort_keys=False)


def meta_data(boot: FirstBoot) -> str:
    """Makes the machine a new instance, so that cloud-init does its work once."""
    return yaml.safe_dump({"instance-id": f"{boot.name}-{boot.mac}", "local-hostname": boot.name})


def settled(root: str = "") -> str:
    """The command that ends when cloud-init has, and prints what it left; nothing where it is off or not there. cloud-init
    itself is not asked: that takes a third of a second of a processor, and many times that of an emulated one.

    It is over when its last stage leaves a result, or when it switched itself off: our image knows an earlier last stage."""
    run, off = f"{root}/run/cloud-init", f"{root}/etc/cloud/cloud-init.disabled"
    there = f"test -e {run}/disabled || ! command -v cloud-init >/dev/null"
    return (
        f"{there} || {{ until test -e {run}/result.json || test -e {off}; do sleep 0.5; done; cat {run}/status.json; }}"
    )


def fault(status: str) -> str:
    """Why it failed, by what `settled` printed; nothing where it did not."""
    stages = json.loads(status)["v1"].values() if status.strip() else ()
    return "; ".join(error for stage in stages if isinstance(stage, dict) for error in stage.get("errors", ()))
