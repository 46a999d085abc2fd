"""The flags that Java is started with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import jvm


@given(st.integers(1, 9_999_999), st.sampled_from("mMgG"))
def test_a_heap_is_read_in_mebibytes(number: int, unit: str) -> None:
    assert jvm.parse_heap(f"{number}{unit}") == number * (1024 if unit in "gG" else 1)


@pytest.mark.parametrize("text", ["", "1", "G", "0G", "-1G", "1.5G", "1K", "1GB", " 1G", "1G ", "1G\n", "١G", "1G -x"])
def test_what_is_no_heap(text: str) -> None:
    assert jvm.parse_heap(text) is None


@given(st.text(max_size=10))
def test_an_accepted_heap_is_one_plain_word(text: str) -> None:
    if jvm.parse_heap(text) is not None:
        assert text.isascii()
        assert text.isalnum(), "it stands in a file that systemd reads and on a command line"


def test_the_heap_does_not_grow() -> None:
    assert jvm.heap_options("512M") == "-Xms512M -Xmx512M"


def test_an_emulated_machine_gets_the_cheap_compiler_and_collector() -> None:
    emulated, real = jvm.performance_options(emulated=True), jvm.performance_options(emulated=False)
    assert "-XX:TieredStopAtLevel=1" in emulated
    assert "-XX:+UseSerialGC" in emulated
    assert "-XX:+UseG1GC" in real
    assert "TieredStopAtLevel" not in real


def test_the_log_of_the_collector_is_capped() -> None:
    options = jvm.gc_log_options("/var/log/kafka/gc.log")
    assert "file=/var/log/kafka/gc.log" in options
    assert "filecount=10,filesize=10M" in options, "a log without a limit fills the disk one day"
