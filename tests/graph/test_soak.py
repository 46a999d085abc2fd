"""The soak's moments are those of resources that there are: a fault whose moment never comes tries nothing."""

import re
from typing import Any

from tests.soak.__main__ import TOPIC
from tests.soak.trials import OPERATIONS

from .conftest import Up

_OF_A_RESOURCE = re.compile(r"(\S+) (?:creat|updat)(?:ing|ed)(?: replacement)?")


def test_every_moment_of_a_resource_is_one_that_comes(up: Up, hosts: dict[str, Any]) -> None:
    made = {resource.name for resource in up(**hosts, topics=[TOPIC]).custom}
    lines = {line for operation in OPERATIONS.values() for line in operation.moments.values()}
    named = {found[1].replace("{node}", "kafka-server1") for found in map(_OF_A_RESOURCE.fullmatch, lines) if found}
    assert {"kafka-server1-configured", "kafka-server1-archive"} <= named, "else nothing below could fail"
    assert not named - made
