"""Settings are told when every broker can be asked, and told means taken by every broker."""

import asyncio
from typing import Any

import pytest
from kafka.errors import UnknownBrokerIdError

from model.handover import LiveSettings, seats
from model.kafka_dynamic import Seen, targets
from model.kafka_keys import Mode
from operations.live_settings import DefaultsUpdater, SettingsView
from operations.ways import DIRECT

from .samples import cluster

SHAPE = cluster()
WANTED = LiveSettings(
    mode=Mode.KRAFT, version=SHAPE.version, cluster_id="c", patience=1, nodes=seats(SHAPE), defaults={}
)
KEY = "num.io.threads"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often brokers were made to hear at once."""
    hurried: list[int] = []

    async def hurry(_: SettingsView) -> None:
        hurried.append(1)

    monkeypatch.setattr(SettingsView, "hurry", hurry)
    return hurried


def tell(wanted: LiveSettings = WANTED) -> None:
    asyncio.run(DefaultsUpdater(wanted, DIRECT).update())


def test_a_broker_that_is_not_known_everywhere_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def not_at_first(*_: object) -> Any:
        asked.append(1)
        if len(asked) < 3:
            raise UnknownBrokerIdError(3)
        return {}

    monkeypatch.setattr(SettingsView, "settings", not_at_first)
    tell()
    assert len(asked) > 3, "behind a first start the broker that is asked may not have heard of the last one"


def test_a_default_is_gone_when_no_broker_has_it_any_more(monkeypatch: pytest.MonkeyPatch, hurried: list[int]) -> None:
    planned = targets(SHAPE.version, {})
    had: dict[int, list[str | None]] = {1: ["16", "8", None], 2: ["16", "8", "8", "8", None]}
    altered: list[tuple[str, str | None]] = []

    def settings(*_: object) -> dict[int, dict[str, Seen]]:
        """Each broker hears of it at another look."""
        found = {}
        for broker, defaults in had.items():
            now = defaults.pop(0) if len(defaults) > 1 and altered else defaults[0]
            found[broker] = {key: Seen(value, now if key == KEY else None) for key, value in planned.items()}
        return found

    monkeypatch.setattr(SettingsView, "settings", settings)
    monkeypatch.setattr(SettingsView, "alter", lambda _, key, value: altered.append((key, value)))
    tell()
    assert altered == [(KEY, "8"), (KEY, None)]
    assert len(hurried) == len(altered), "each would be heard of up to half a second later"
    assert had == {1: [None], 2: [None]}, "a broker that has not heard of it yet goes on with what nobody plans"


def test_a_default_of_what_is_not_judged_any_more_is_taken_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An earlier plan judged the key and gave the running cluster its value; now `unchecked` names it."""
    key = "log.retention.bytes"
    planned = targets(SHAPE.version, {key: None})
    altered: list[tuple[str, str | None]] = []

    def settings(_: object, keys: Any) -> dict[int, dict[str, Seen]]:
        now = {**{each: Seen(value) for each, value in planned.items()}, key: Seen("7", None if altered else "5")}
        return {broker: {each: now[each] for each in keys} for broker in (1, 2, 3)}

    monkeypatch.setattr(SettingsView, "settings", settings)
    monkeypatch.setattr(SettingsView, "alter", lambda _, name, value: altered.append((name, value)))
    tell(WANTED.model_copy(update={"defaults": {key: None}}))
    assert altered == [(key, None)], "it would hide for ever what the files say"
    assert capsys.readouterr().out == f"{key}: 5 => 7 on all brokers, without a restart\n"
