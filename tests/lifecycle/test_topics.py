"""The listed topics on a real cluster: made, altered, kept, refused, given up, in both modes; and nobody else's touched.

The tests of this file are one story and run in its order, on machines, a state and a stack of their own.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lifecycle import records
from tests.support.look import look, not_green
from tests.support.machines import Ground, ground

pytestmark = pytest.mark.lifecycle

ORDERS = {"name": "orders", "partitions": 3, "settings": {"retention.ms": 600_000, "min.insync.replicas": 2}}
GROWN = {"name": "orders", "partitions": 6, "settings": {"min.insync.replicas": 1, "cleanup.policy": "compact,delete"}}
CUSTOMERS = {"name": "customers", "partitions": 1, "replicationFactor": 2}
THEIRS = "of_somebody"
AS_GROWN = {
    "partitions": 6,
    "replicas": [3],
    "settings": {"cleanup.policy": "compact,delete", "min.insync.replicas": "1", "segment.bytes": "1048576"},
}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Three machines and a stack that lists topics."""
    folder = tmp_path_factory.mktemp("stack")
    config = {"heap": "256M", "topics": [ORDERS, CUSTOMERS]}
    with ground(f"topics-{os.getpid()}", folder, config=config) as made:
        yield made


def there(ground: Ground) -> dict[str, Any]:
    return records.describe(ground.stack.prefix, ground.servers)


def listed(ground: Ground, *topics: dict[str, Any]) -> str:
    """What an `up` with that list printed; a second one does nothing."""
    ground.stack.configure(topics=list(topics))
    said = ground.stack.up()
    ground.stack.up("--expect-no-changes")
    return said


def assert_as_listed(ground: Ground) -> None:
    endings = look(ground.stack, ground.stack.project, ["test_topics_are_as_listed"])
    assert not not_green(endings), endings


def refused(ground: Ground, verb: str, *topics: dict[str, Any]) -> str:
    """What a verb says of a list that can't be, on one line; the list is as before afterwards."""
    before = ground.stack.config()["topics"]
    ground.stack.configure(topics=list(topics))
    options = ("--yes", "--skip-preview") if verb == "up" else ()
    done = ground.stack.pulumi(verb, *options, check=False)
    ground.stack.configure(topics=before)
    assert done.returncode != 0, done.stdout
    return " ".join(f"{done.stdout}\n{done.stderr}".split())


def test_listed_topics_are_made(ours: Ground) -> None:
    ours.stack.up()
    ours.stack.up("--expect-no-changes")
    assert_as_listed(ours)
    found = there(ours)
    assert found["orders"]["partitions"] == 3
    assert found["customers"]["replicas"] == [2]
    records.write(ours.stack.prefix, ours.servers, "orders", "one", "two")
    records.write(ours.stack.prefix, ours.servers, THEIRS, "three")
    records.alter(ours.stack.prefix, ours.servers, "orders", "segment.bytes", "1048576")
    records.alter(ours.stack.prefix, ours.servers, THEIRS, "segment.bytes", "1048576")


def test_a_change_does_what_is_listed_and_nothing_else(ours: Ground) -> None:
    theirs = there(ours)[THEIRS]
    ours.stack.configure(topics=[GROWN, CUSTOMERS])
    shown = ours.stack.pulumi("preview", "--diff").stdout
    assert re.search(r"~ partitions *: 3 => 6\n", shown), f"a preview tells what changes:\n{shown}"
    said = listed(ours, GROWN, CUSTOMERS)
    assert "adding partitions to topic orders: 6 in all" in said
    found = there(ours)
    assert found["orders"] == AS_GROWN, "what somebody else set stays, what was taken off the list goes back"
    assert found[THEIRS] == theirs
    assert records.read(ours.stack.prefix, ours.servers, "orders", "one", "two") == ["one", "two"]


def test_what_cannot_be_is_refused_before_anything_is_changed(ours: Ground) -> None:
    before = there(ours)
    fresh = {"name": "fresh", "partitions": 1}
    assert "topics[orders].partitions: is 6, was asked to be 3" in refused(ours, "preview", ORDERS, fresh)
    said = refused(ours, "up", GROWN, fresh, {"name": THEIRS, "partitions": 1})
    assert f"nothing was changed: - topics[{THEIRS}].partitions: is 3, was asked to be 1" in said
    said = refused(ours, "up", GROWN, fresh, {"name": THEIRS.replace("_", "."), "partitions": 1})
    assert "nothing was changed" in said
    assert "collides with existing topic" in said, "Kafka is asked before, too"
    assert there(ours) == before


def test_records_are_given_up_by_name_only(ours: Ground) -> None:
    said = listed(ours, GROWN)
    assert "topic customers is not listed any more: it stays as it is" in said
    assert "customers" in there(ours)
    said = listed(ours, GROWN, {"name": "customers", "state": "absent"})
    assert "deleting topic customers with all its records" in said
    assert sorted(set(there(ours)) - {"__consumer_offsets"}) == [THEIRS, "orders"]


def test_the_other_mode_has_the_listed_topics_too(ours: Ground) -> None:
    ours.stack.configure(mode="zookeeper")
    said = listed(ours, ORDERS | {"partitions": 6}, CUSTOMERS)
    assert "making topic orders: 6 partitions of 3 replicas" in said
    assert THEIRS not in there(ours)
    records.write(ours.stack.prefix, ours.servers, THEIRS, "three")
    listed(ours, {**GROWN, "partitions": 7}, {"name": "customers", "state": "absent"})
    assert there(ours)["orders"] == {**AS_GROWN, "partitions": 7, "settings": {
        "cleanup.policy": "compact,delete", "min.insync.replicas": "1",
    }}  # fmt: skip
    assert sorted(set(there(ours)) - {"__consumer_offsets"}) == [THEIRS, "orders"]
    assert_as_listed(ours)
