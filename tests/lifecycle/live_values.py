"""What running brokers work with, asked as a client in the machines' network does, in a process of its own.

    python -m tests.lifecycle.live_values read|defaults|default|hide BOOTSTRAP_SERVERS [KEY…]

Knows kafka-python and that three brokers are numbered from 1. Refuses to know what is planned.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.protocol.admin import IncrementalAlterConfigsRequest

_BROKER = ConfigResourceType.BROKER
_LIVE = "DYNAMIC_DEFAULT_BROKER_CONFIG"


def _ask(admin: KafkaAdminClient) -> dict[str, dict[str, dict[str, Any]]]:
    answer: Any = admin.describe_configs([ConfigResource(_BROKER, one) for one in "123"], config_filter="all")
    found: dict[str, dict[str, dict[str, Any]]] = answer[_BROKER.name.lower()]
    return found


def _read(admin: KafkaAdminClient, key: str) -> list[str | None]:
    return [values[key]["value"] for _, values in sorted(_ask(admin).items())]


def _defaults(admin: KafkaAdminClient) -> dict[str, str]:
    return {
        key: told["value"]
        for values in _ask(admin).values()
        for key, told in values.items()
        if told["config_source"] == _LIVE
    }


def _hide(admin: KafkaAdminClient, broker: str, key: str, value: str) -> None:
    if value:
        admin.alter_configs([ConfigResource(_BROKER, broker, {key: value})], incremental=True)
    else:
        admin.reset_configs([ConfigResource(_BROKER, broker, [key])])


def _default(admin: KafkaAdminClient, key: str, value: str) -> None:
    entries = [(key, 0, value)]
    manager = admin._manager
    request = IncrementalAlterConfigsRequest(resources=[(_BROKER.value, "", entries)], validate_only=False)
    (answer,) = manager.run(manager.send, request).responses
    assert not answer.error_code, answer.error_message


def read(inside: Sequence[str], servers: str, key: str) -> list[str | None]:
    """Each broker's value of a key, by their ids."""
    found: list[str | None] = _run(inside, "read", servers, key)
    return found


def defaults(inside: Sequence[str], servers: str) -> dict[str, str]:
    """The live values that are the whole cluster's default."""
    found: dict[str, str] = _run(inside, "defaults", servers)
    return found


def hide(inside: Sequence[str], servers: str, broker: str, key: str, value: str | None) -> None:
    """Gives one broker a live value of its own, or takes it back."""
    _run(inside, "hide", servers, broker, key, value or "")


def default(inside: Sequence[str], servers: str, key: str, value: str) -> None:
    """Gives the whole cluster a live value beside the plan."""
    _run(inside, "default", servers, key, value)


def _run(inside: Sequence[str], *arguments: str) -> Any:
    command = [*inside, sys.executable, "-W", "ignore", "-m", "tests.lifecycle.live_values", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr[-2000:]}"
    return json.loads(done.stdout)


if __name__ == "__main__":
    verb, addresses, *rest = sys.argv[1:]
    client = KafkaAdminClient(bootstrap_servers=addresses.split(","))
    verbs: dict[str, Callable[..., Any]] = {"read": _read, "defaults": _defaults, "default": _default, "hide": _hide}
    print(json.dumps(verbs[verb](client, *rest)))
    client.close()
