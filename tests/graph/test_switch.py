"""A run with a switch of modes ahead says what is stopped and started; no other one does."""

from typing import Any

import pytest

from model.handover import LIVE

from .conftest import Up
from .recording import Engine, plugins

WORDS = "the switch from"


def after(up: Up, before: dict[str, Any], *, preview: bool = True, **changes: Any) -> list[str]:
    """What the run after an `up` says of a switch."""
    told = up(**before).one(LIVE)
    earlier = [{"type": told.type, "urn": told.urn, "inputs": told.inputs}]
    engine = up(engine=Engine(plugins(), earlier=earlier, preview=preview), **{**before, **changes})
    return [warning for warning in engine.warnings() if WORDS in warning]


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
@pytest.mark.parametrize(("before", "wanted"), [("kraft", "zookeeper"), ("zookeeper", "kraft")])
def test_a_switch_is_said_before_it_happens(
    up: Up, hosts: dict[str, Any], preview: bool, before: str, wanted: str
) -> None:
    (said,) = after(up, {**hosts, "mode": before}, preview=preview, mode=wanted)
    assert f"{WORDS} {before} to {wanted} stops kafka.service" in said


@pytest.mark.parametrize("mode", ["kraft", "zookeeper"])
def test_without_a_switch_nothing_is_said_of_one(up: Up, hosts: dict[str, Any], mode: str) -> None:
    assert after(up, {**hosts, "mode": mode}, heap="448M") == []


@pytest.mark.parametrize("mode", ["kraft", "zookeeper"])
def test_a_first_up_switches_nothing(up: Up, hosts: dict[str, Any], mode: str) -> None:
    engine = up(engine=Engine(plugins(), preview=True), **hosts, mode=mode)
    assert not [warning for warning in engine.warnings() if WORDS in warning]
