"""Where the time of an `up` goes: the engine's events with the moments at which they came, as a Gantt picture in text.

Pure: knows the engine's event log. Refuses to know how it is read.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

_WIDTH = 72


@dataclass(frozen=True, slots=True)
class Span:
    """What was under way from when to when, in seconds since the start."""

    name: str
    start: float
    end: float


def spans(log: Iterable[tuple[float, str]], ended: float) -> list[Span]:
    """What each resource took. `log` are the engine's lines, each with the moment at which it came."""
    began: dict[str, float] = {}
    found: list[Span] = []
    first = None
    for moment, line in log:
        event = json.loads(line)
        for kind in ("resourcePreEvent", "resOutputsEvent", "resOpFailedEvent"):
            if kind not in event:
                continue
            first = moment if first is None else first
            metadata = event[kind]["metadata"]
            name = f"{metadata['op']} {metadata['urn'].rpartition('::')[2]}"
            if kind == "resourcePreEvent":
                began[name] = moment
            elif name in began:
                found.append(Span(name, began.pop(name), moment))
    found += [Span(name, start, ended) for name, start in began.items()]
    before = [Span("(the program and the engine start)", 0.0, first)] if first else []
    last = max((span.end for span in found), default=0.0)
    return [*before, *sorted(found, key=lambda span: span.start), Span("(the engine ends)", last, ended)]


def picture(found: Iterable[Span], shortest: float = 0.05) -> str:
    """A line for each span that took a while, drawn to scale."""
    shown = [span for span in found if span.end - span.start >= shortest]
    if not shown:
        return "nothing took a while"
    whole = max(span.end for span in shown)
    return "\n".join(_line(span, whole) for span in shown)


def _line(span: Span, whole: float) -> str:
    start, end = (round(moment / whole * _WIDTH) for moment in (span.start, span.end))
    bar = " " * start + "█" * max(1, end - start)
    return f"{span.name[:40]:<40} {span.end - span.start:6.2f} s |{bar:<{_WIDTH + 1}}|"
