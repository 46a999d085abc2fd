"""What the configuration says by now and an existing stack does not follow: keys that are read when a disk is made or at a
machine's first boot, and never again.

Knows what a state says of the machines' disks. Refuses to know how the change is made; it names who does.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from model import state
from model.settings import NetworkMode, Settings

_GIB = 1024**3
_ON_EACH_MACHINE = (
    "a machine reads it at its first boot only; on a running one it stands in /etc/systemd/network, or in /etc/netplan"
    " where the image has netplan"
)
_INSTEAD = {
    "dataDisk": "a data volume is never made anew; docs/how-to/resize.md says how to grow it",
    "image": "all machines of a stack are made from the image of its first `up`; another one needs a stack of its own",
    "networkDns": _ON_EACH_MACHINE,
    "networkGateway": _ON_EACH_MACHINE,
}


def warnings(resources: Iterable[Mapping[str, Any]], settings: Settings, image: str) -> list[str]:
    """A sentence for each key whose change is not followed: what there is, what was asked for, what to do instead. `image`
    is the path of the one that somebody chose."""
    known = state.by_name(resources)
    wanted = _wanted(settings, image)
    there = {"image": {_source(known)}} | {
        key: {_at(known, node.name, key) for node in settings.nodes}
        for key in ("dataDisk", "networkDns", "networkGateway")
    }
    return [
        f"{key} stays {' and '.join(sorted(other))}, although {wanted[key]} is asked for: {_INSTEAD[key]}"
        for key in _INSTEAD
        if key in wanted and (other := {value for value in there[key] if value is not None} - {wanted[key]})
    ]


def image_of(resources: Iterable[Mapping[str, Any]]) -> str | None:
    """The path of the image that a stack's machines are made from; None before its first `up`."""
    return _source(state.by_name(resources))


def _source(known: Mapping[str, Mapping[str, Any]]) -> str | None:
    return _input(known, "site-image", "source")


def _wanted(settings: Settings, image: str) -> dict[str, str]:
    """In words. What nobody chose, or is not used, is not asked for."""
    found = {"dataDisk": f"{settings.data_disk:g} GiB", "networkDns": _listed(settings.network_dns)}
    if settings.network_mode is not NetworkMode.ISOLATED:
        found["networkGateway"] = settings.gateway
    if image:
        found["image"] = image
    return found


def _at(known: Mapping[str, Mapping[str, Any]], node: str, key: str) -> str | None:
    """What a node's machine has, in words; None where there is no such thing."""
    if key == "dataDisk":
        volume = known.get(f"{node}-data", {})
        # The hypervisor's own word comes first: it may have been grown there.
        size = {**state.inputs(volume), **state.outputs(volume)}.get("size")
        return f"{size / _GIB:g} GiB" if size else None
    document = _input(known, f"{node}-first-boot", "networkConfig")
    if document is None:
        return None
    interface = yaml.safe_load(document)["ethernets"]["machine"]
    if key == "networkDns":
        return _listed(interface.get("nameservers", {}).get("addresses", ()))
    return next((str(route["via"]) for route in interface.get("routes", ())), None)


def _input(known: Mapping[str, Mapping[str, Any]], name: str, key: str) -> str | None:
    found = state.inputs(known.get(name, {})).get(key)
    return found if isinstance(found, str) else None


def _listed(addresses: Iterable[str]) -> str:
    return ", ".join(addresses) or "none"
