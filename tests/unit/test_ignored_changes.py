"""Which changes of the configuration an existing stack does not follow, and that each is told."""

from typing import Any

import pytest

from model.cloud_init import network_config
from model.ignored_changes import image_of, warnings

from .samples import FIRST_BOOT, settings

GIB = 1024**3
USED: dict[str, Any] = {"networkMode": "nat", "networkDns": ["172.25.254.1", "9.9.9.9"]}
IMAGE = "/images/a.qcow2"


def state(grown: int = 10) -> list[dict[str, Any]]:
    """What a state holds of a machine that was made as `USED` says."""
    resources = {
        "site-image": ({"source": IMAGE}, {}),
        "n1-data": ({"size": 10.0 * GIB}, {"size": float(grown * GIB)}),
        "n1-first-boot": ({"networkConfig": network_config(FIRST_BOOT), "userData": {"secret": "x"}}, {}),
    }
    return [
        {"urn": f"urn:pulumi:dev::kafka-cluster::x::{name}", "inputs": inputs, "outputs": outputs}
        for name, (inputs, outputs) in resources.items()
    ]


def told(*, grown: int = 10, image: str = IMAGE, **changes: Any) -> list[str]:
    return warnings(state(grown), settings(1, **{**USED, **changes}), image)


def test_what_is_as_it_was_is_not_told() -> None:
    assert told() == []


def test_the_machines_are_made_from_the_image_of_the_first_up() -> None:
    assert image_of(state()) == IMAGE, "a newer image carries what those of this stack may not"
    assert image_of([]) is None


def test_a_new_stack_follows_everything() -> None:
    assert warnings([], settings(1, **USED, dataDisk=99), "/other.qcow2") == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dataDisk": 20}, "dataDisk stays 10 GiB, although 20 GiB is asked for: "),
        ({"image": "/images/b.qcow2"}, "image stays /images/a.qcow2, although /images/b.qcow2 is asked for: "),
        ({"networkDns": []}, "networkDns stays 172.25.254.1, 9.9.9.9, although none is asked for: "),
        (
            {"networkMode": "bridge", "networkBridge": "br0", "networkGateway": "172.25.254.9"},
            "networkGateway stays 172.25.254.1, although 172.25.254.9 is asked for: ",
        ),
    ],
)
def test_what_is_not_followed_is_told_with_both(changes: dict[str, Any], said: str) -> None:
    (sentence,) = told(**changes)
    assert sentence.startswith(said)
    assert len(sentence) > len(said) + 20, "and with what to do instead"


def test_a_volume_that_was_grown_is_followed() -> None:
    assert told(grown=20, dataDisk=20) == [], "whoever did as the how-to says has nothing left to do"
    (sentence,) = told(grown=20)
    assert "stays 20 GiB, although 10 GiB" in sentence


def test_an_image_that_nobody_chose_is_none() -> None:
    assert told(image="") == [], "a newer one of ours is no change of the configuration"
