"""A cluster id as Kafka spells it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import cluster_id

GUIDES = "A_D5kj5zTbi2EDTeXHDH3g"


def test_the_guides_id_is_one() -> None:
    assert cluster_id.is_cluster_id(GUIDES)


@pytest.mark.parametrize(
    "text",
    ["", "x", GUIDES[:-1], GUIDES + "=", GUIDES + "==", f" {GUIDES}"[:22], GUIDES.replace("_", "/"), GUIDES + "\n"],
)
def test_what_is_no_id(text: str) -> None:
    assert not cluster_id.is_cluster_id(text)


def test_the_reserved_id_is_none() -> None:
    assert not cluster_id.is_cluster_id("A" * 22)
    assert cluster_id.from_bytes(bytes(16)) is None


def test_another_spelling_of_the_same_bytes_is_refused() -> None:
    assert not cluster_id.is_cluster_id(GUIDES[:-1] + "h"), (
        "Kafka writes its own spelling to the disk, and the next `up` would refuse it as another cluster's"
    )


def test_an_id_that_a_command_line_mistakes_is_refused() -> None:
    made = base64.urlsafe_b64encode(b"\xf8" + bytes(14) + b"\x10").decode().rstrip("=")
    assert made.startswith("-")
    assert not cluster_id.is_cluster_id(made), "`kafka-storage.sh format -t -…` takes it for an option"
    assert cluster_id.from_bytes(b"\xf8" + bytes(14) + b"\x10") is None


@given(st.binary(min_size=16, max_size=16))
def test_every_id_that_is_made_is_accepted_and_holds_its_bytes(raw: bytes) -> None:
    text = cluster_id.from_bytes(raw)
    if text is not None:
        assert cluster_id.is_cluster_id(text)
        assert base64.urlsafe_b64decode(text + "==") == raw


@given(st.text(alphabet="AQgwabcXYZ019_-", min_size=22, max_size=22))
def test_an_accepted_id_is_spelled_as_kafka_spells_it(text: str) -> None:
    if cluster_id.is_cluster_id(text):
        assert cluster_id.from_bytes(base64.urlsafe_b64decode(text + "==")) == text


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"n1": "A", "n2": "B", "n3": "A"}, "n1, n3: A; n2: B"),
        ({"n1": "A", "n2": "", "n3": "C"}, "n1: A; n3: C"),
        ({"n1": "A", "n2": "", "n3": "A"}, ""),
        ({"n1": "", "n2": ""}, ""),
    ],
)
def test_disks_of_different_clusters_are_named_with_both_ids(found: dict[str, str], told: str) -> None:
    assert told in cluster_id.strangers(found)
    assert bool(cluster_id.strangers(found)) is bool(told), "a disk that no broker was started on yet has none"
