"""Overrides drawn at random: some that the model accepts, some that it refuses for a reason at which Kafka itself ends.

Knows which values are worth a try for a key: what lies at and beside a limit, and what is of another kind. Refuses to know
which are right: the model is asked.
"""

from dataclasses import dataclass
from random import Random

from model.kafka_keys import MANAGED, Mode, replication_defaults
from model.kafka_limits import CLASSES, KAFKA_STOPS, LIMITS
from model.kafka_rules import RULES, Case, Refusal, refusals
from model.kafka_table import KafkaKey, lookup

# Judged with the number of brokers, in model/settings.py.
_COUNTED = {*replication_defaults(1), "default.replication.factor", "min.insync.replicas"}
_REACH = {"short": 2**15, "int": 2**31, "long": 2**63}
_KEYS_OF_ONE = 24
_TRIES = 12


@dataclass(frozen=True, slots=True)
class Drawn:
    """Overrides, and why the model refuses them; None when it does not."""

    case: Case
    refusal: Refusal | None

    def __str__(self) -> str:
        told = f"{self.refusal.reason.name} {self.refusal.problem}" if self.refusal else "accepted"
        return f"{self.case.mode} {self.case.version}: {told}\n{dict(self.case.overrides)}"


@dataclass(frozen=True, slots=True)
class Draw:
    """A source of overrides for one broker."""

    random: Random
    version: str
    mode: Mode
    heap: int

    def accepted(self) -> Drawn:
        """Many keys at once that the model finds nothing wrong with."""
        overrides: dict[str, str] = {}
        for key in self.random.sample(self._keys(), _KEYS_OF_ONE):
            overrides |= self._right_value(key)
        while wrong := refusals(self._case(overrides)):
            for refusal in wrong:
                overrides.pop(refusal.problem.key.removeprefix("settings."), None)
        return Drawn(self._case(overrides), None)

    def refused(self) -> Drawn:
        """Overrides of which one is wrong, for a reason at which Kafka ends."""
        wanted = self.random.choice(sorted(KAFKA_STOPS))
        while True:
            overrides = {key: self._value(key) for key in self._group()}
            wrong = refusals(self._case(overrides))
            if [refusal.reason for refusal in wrong] == [wanted]:
                return Drawn(self._case(overrides), wrong[0])

    def _group(self) -> tuple[str, ...]:
        """One key, or the keys of a rule."""
        rules = [rule.keys for rule in RULES if rule.mode in (None, self.mode)]
        return self.random.choice([*rules, *((key,) for key in self.random.sample(self._keys(), len(rules)))])

    def _keys(self) -> list[str]:
        return sorted(lookup(self.version).keys() - MANAGED.keys() - _COUNTED)

    def _case(self, overrides: dict[str, str]) -> Case:
        return Case(self.version, self.mode, overrides, replication_defaults(1), self.heap)

    def _right_value(self, key: str) -> dict[str, str]:
        values = (self._value(key) for _ in range(_TRIES))
        return next(({key: value} for value in values if not refusals(self._case({key: value}))), {})

    def _value(self, key: str) -> str:
        known = lookup(self.version)[key]
        if known.type in (*_REACH, "double"):
            return str(self.random.choice(self._numbers(key, known)))
        default = [] if known.default is None else [known.default]
        own = [*CLASSES.get(key, ()), *known.choices, *(LIMITS[key].choices if key in LIMITS else ())]
        strange = ["yes"] if known.type == "boolean" else ["x", "x,y", ""]
        return self.random.choice([*default, *own, *(["true", "false"] if known.type == "boolean" else []), *strange])

    def _numbers(self, key: str, known: KafkaKey) -> list[float | str]:
        limit = LIMITS.get(key)
        stated = [known.least, known.most, *((limit.least, limit.most) if limit else ())]
        near = [bound + step for bound in stated if bound is not None for step in (-1, 0, 1)]
        reach = _REACH.get(known.type, 2**63)
        middle = int(2 ** self.random.uniform(0, reach.bit_length() - 1))
        whole = [float(bound) if known.type == "double" else int(bound) for bound in near]
        return [
            *whole,
            *([known.default] if known.default else []),
            -1,
            0,
            middle,
            middle,
            middle,
            reach - 1,
            reach,
            "x",
        ]
