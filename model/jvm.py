"""How the Java processes are started: heap, collector, garbage-collection log.

Knows Java 17's flags. Refuses to know which process they are for beyond its name.
"""

import re

_HEAP = re.compile(r"([1-9][0-9]{0,6})([mMgG])")
_MIB = {"m": 1, "g": 1024}


def parse_heap(text: str) -> int | None:
    """A heap such as "512M" or "2G" in MiB; None when it is not one."""
    match = _HEAP.fullmatch(text)
    return int(match[1]) * _MIB[match[2].lower()] if match else None


def heap_options(heap: str) -> str:
    """KAFKA_HEAP_OPTS: a heap that neither grows nor shrinks, so that memory is known from the start."""
    return f"-Xms{heap} -Xmx{heap}"


def performance_options(*, emulated: bool) -> str:
    """KAFKA_JVM_PERFORMANCE_OPTS. An emulated processor spends more on optimising compilers and parallel
    collectors than it gains from them, so there the first compiler and one collector thread have to do.
    One that lives on without memory is lame, and systemd starts only what has ended."""
    always = "-XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true"
    if emulated:
        return f"-server -XX:TieredStopAtLevel=1 -XX:+UseSerialGC {always}"
    return (
        "-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35"
        f" -XX:+ExplicitGCInvokesConcurrent {always}"
    )


# For a tool, which is over before a better compiler or a second collector thread has paid for itself.
TOOL_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def gc_log_options(path: str) -> str:
    """KAFKA_GC_LOG_OPTS: ten files of 10 MB at most."""
    return f"-Xlog:gc*:file={path}:time,tags:filecount=10,filesize=10M"
