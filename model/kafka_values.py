"""What is wrong with one value of one key of Kafka, whatever the other keys are.

Knows how Kafka reads numbers, lists and classes. Refuses to know how keys depend on one another (`model/kafka_rules.py`).
"""

import json
import math
import re
from collections.abc import Collection
from difflib import get_close_matches

from model.kafka_keys import MANAGED, Mode
from model.kafka_limits import CLASSES, LEFT_OPEN, LIMITS, Limit, Reason
from model.kafka_table import KafkaKey, lookup, topic_keys

Fault = tuple[Reason, str]
"""Why a value is refused, and what is expected instead."""

RELEASES = ("inter.broker.protocol.version", "log.message.format.version")
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_RELEASE = re.compile(r"(0\.\d+\.\d+|[1-9]\d*\.\d+)(\..*)?")
_BOUNDLESS = ("NaN", "Infinity")  # Java reads them
_BITS = {"short": 16, "int": 32, "long": 64}
NUMBERS = (*_BITS, "double")
_EXAMPLES = {
    "log.flush.interval.ms": "1000",
    "log.retention.minutes": "10080",
    "log.retention.ms": "604800000",
    "log.roll.jitter.ms": "3600000",
    "log.roll.ms": "604800000",
    "num.replica.alter.log.dirs.threads": "1",
    "max.connections.per.ip.overrides": "172.25.254.1:500",
    "sasl.login.connect.timeout.ms": "10000",
    "sasl.login.read.timeout.ms": "10000",
    "zookeeper.connection.timeout.ms": "18000",
}


def fault(version: str, mode: Mode, key: str, value: str) -> Fault | None:
    """Why a value is refused and what is expected; None when it can be right."""
    known = lookup(version).get(key)
    if known is None:
        hint = _nearest(key, lookup(version).keys() - MANAGED.keys())
        return (
            Reason.UNKNOWN,
            f"a key that Kafka {version} knows{hint}; one that a plugin reads is named in unchecked, too",
        )
    limit = LIMITS.get(key)
    return _value_fault(key, known, limit if limit and limit.mode in (None, mode) else None, value.strip(" "))


def topic_fault(version: str, key: str, value: str) -> Fault | None:
    """The same for a topic's setting. What a broker can't live on as its default is no better on one topic."""
    known = topic_keys(version).get(key)
    if known is None:
        hint = _nearest(key, topic_keys(version).keys())
        return Reason.UNKNOWN, f"a setting of topics that Kafka {version} knows{hint}"
    return _value_fault(known.server or key, known, LIMITS.get(known.server), value.strip(" "))


def _value_fault(key: str, known: KafkaKey, limit: Limit | None, text: str) -> Fault | None:
    if _names_a_class(key, known):
        return _class_fault(key, known, text)
    if known.type in NUMBERS:
        return _number_fault(key, known, limit, text)
    return _text_fault(key, known, limit, text)


def example(version: str, key: str) -> str:
    """A line of the configuration in which the key is right."""
    known = lookup(version).get(key)
    own = _own_classes(key, known) if known else []
    if known is None or (_names_a_class(key, known) and not own):
        return f"unchecked: [{json.dumps(key)}]"
    value = _EXAMPLES.get(key) or known.default or next(iter(own), "")
    return f"settings: {{{key}: {value if known.type in NUMBERS else json.dumps(value)}}}"


def number(kind: str, text: str) -> float | None:
    """A number as Kafka reads it; None when it is none of this type."""
    plain = text.strip(" ")
    if kind == "double":
        decimal = float(plain) if _DECIMAL.fullmatch(plain) else math.inf
        return None if math.isinf(decimal) else decimal
    reach = 1 << (_BITS[kind] - 1)
    whole = int(plain) if _WHOLE.fullmatch(plain) else reach
    return whole if -reach <= whole < reach else None


def release(key: KafkaKey, text: str) -> int | None:
    """The place of a release among those that the key can name; Kafka takes 3.5.1 and 3.5 for the last of 3.5."""
    if text in key.choices:
        return key.choices.index(text)
    found = _RELEASE.fullmatch(text)
    same = [place for place, name in enumerate(key.choices) if found and name.split("-")[0] == found[1]]
    return max(same, default=None)


def _nearest(key: str, known: Collection[str]) -> str:
    found = get_close_matches(key, sorted(known), n=1, cutoff=0.7)
    return f", perhaps {found[0]}" if found else ""


def _names_a_class(key: str, known: KafkaKey) -> bool:
    return key in CLASSES or known.type == "class"


def _own_classes(key: str, known: KafkaKey) -> list[str]:
    return [name for name in (known.default, *CLASSES.get(key, ())) if name]


def _class_fault(key: str, known: KafkaKey, text: str) -> Fault | None:
    """A broker ends where a class is missing. Only those of Kafka's own are sure to be there."""
    own = _own_classes(key, known)
    parts = [part.strip(" ") for part in text.split(",")] if known.type == "list" else [text]
    if text == known.default or all(part in own for part in parts):
        return None
    of_ones_own = "a class that every machine has, the key being named in unchecked, too"
    return Reason.UNSEEN, " or ".join([*own, of_ones_own])


def _number_fault(key: str, known: KafkaKey, limit: Limit | None, text: str) -> Fault | None:
    if known.type == "double" and text.lstrip("+-") in _BOUNDLESS:
        return Reason.SERVICE, _span(key, known, limit)
    found = number(known.type, text)
    if found is None:
        return Reason.TYPE, _span(key, known, limit)
    if found == -1 and key in LEFT_OPEN:
        return None
    if _outside(found, known.least, known.most):
        return Reason.RANGE, _span(key, known, limit)
    if limit and _outside(found, limit.least, limit.most):
        return limit.reason, _span(key, known, limit)
    stated = known.least is not None or (limit and limit.least is not None)
    return (Reason.NEGATIVE, _span(key, known, limit)) if found < 0 and not stated else None


def _outside(found: float, least: float | None, most: float | None) -> bool:
    return (least is not None and found < least) or (most is not None and found > most)


def _span(key: str, known: KafkaKey, limit: Limit | None) -> str:
    """The numbers that are right, in words."""
    stated = (known, limit) if limit else (known,)
    lows = [one.least for one in stated if one.least is not None]
    highs = [one.most for one in stated if one.most is not None]
    noun = "a number" if known.type == "double" else f"a whole number ({known.type})"
    to = f" to {min(highs)}" if highs else " on"
    open_end = " or -1" if key in LEFT_OPEN else ""
    return f"{noun} from {max(lows, default=0)}{to}{open_end}{_because(limit)}"


def _because(limit: Limit | None) -> str:
    return f" ({limit.because})" if limit else ""


def _text_fault(key: str, known: KafkaKey, limit: Limit | None, text: str) -> Fault | None:
    if known.type == "boolean" and text.lower() not in ("true", "false"):
        return Reason.TYPE, "true or false"
    if known.filled and not text:
        return Reason.CHOICE, "a text that is not empty"
    if key in RELEASES:
        return None if release(known, text) is not None else (Reason.CHOICE, f"a release such as {known.choices[-1]}")
    parts = [part.strip(" ") for part in text.split(",") if text] if known.type == "list" else [text]
    if known.choices and not all(part in known.choices for part in parts):
        return Reason.CHOICE, "one of " + ", ".join(known.choices)
    if limit and text.lower() not in {choice.lower() for choice in limit.choices}:
        return limit.reason, " or ".join(limit.choices) + _because(limit)
    return None
