# A node's account of itself with what a person asks for beside: why it was started, its heap, its disk, what its
# logs say of unclean elections. As one line of JSON; changes nothing.

import calendar
import re
import time

_LINES = 200
_LOG_SECONDS = "1"


def main(plan):
    say(json.dumps({**account(plan), **vitals(plan)}))


def vitals(plan):
    data = os.statvfs(plan["data"]) if os.path.isdir(plan["data"]) else None
    system = run("systemctl", "show", "--timestamp=unix", "-p", "UserspaceTimestamp,FinishTimestamp").stdout
    return {
        "total_bytes": data.f_blocks * data.f_frsize if data else 0,
        "booted": moment(system, "UserspaceTimestamp"),
        "boot_is_over": moment(system, "FinishTimestamp") > 0,
        "start": last_start(plan["starts"]),
        "heap": option(plan["environment"], "-Xmx"),
        "collected": last_collection(plan["gc_log"]),
        "elections": elections(plan),
        "silent": [unit for unit, path in sorted(plan["agents"].items()) if started_without(path)],
        "exporter": beside(plan["exporter"]),
    }


def moment(told, name):
    """systemd's "NAME=@1700000000"; 0 for a moment that was not yet, which has no line, or one without a number."""
    found = re.search(rf"^{name}=@(\d+)$", told, re.MULTILINE)
    return int(found.group(1)) if found else 0


def last_start(path):
    """Kafka's. What was started alone beside it is kept there, too, and named."""
    lines = Path(path).read_text().splitlines() if Path(path).is_file() else []
    entries = [entry for entry in map(json.loads, lines) if "unit" not in entry]
    if not entries:
        return None
    entry = entries[-1]
    return {"when": calendar.timegm(time.strptime(entry["when"], "%Y-%m-%dT%H:%M:%SZ")), "why": entry["why"]}


def option(path, name):
    """A Java option's value in an environment file."""
    found = re.search(name + r"([^\s\"]+)", Path(path).read_text()) if Path(path).is_file() else None
    return found.group(1) if found else ""


def started_without(path):
    """Whether a process was started without the agent that it would have told metrics by (agent_option.py)."""
    return Path(path).is_file() and 'KAFKA_OPTS=""' in Path(path).read_text()


def beside(unit):
    """The state of a service that is to start with the machine, beside Kafka; "" for one that is not."""
    lines = run("systemctl", "show", "-p", "ActiveState,UnitFileState", unit).stdout.splitlines()
    told = dict(line.split("=", 1) for line in lines)
    return told["ActiveState"] if told.get("UnitFileState") == "enabled" else ""


def last_collection(path):
    lines = [line for line in tail(path, 400) if re.search(r"\d+[KMG]->\d+[KMG]\(", line)]
    return lines[-1] if lines else ""


def elections(plan):
    """The newest lines that tell of an unclean election, and the time of the oldest line; None when reading all of
    the logs takes too long."""
    logs = sorted(Path(plan["log"]).parent.glob(Path(plan["log"]).name + "*"), key=lambda path: path.stat().st_mtime)
    if not logs:
        return {"lines": [], "oldest": ""}
    search = ("timeout", _LOG_SECONDS, "grep", "--no-filename", "--text", "-E", plan["elections"])
    done = run(*search, *map(str, logs), check=False)
    if done.returncode > 1:
        return None
    with logs[0].open(errors="replace") as oldest:
        stamp = re.match(r"\[([^\],]+)", oldest.readline())
    return {"lines": done.stdout.splitlines()[-_LINES:], "oldest": stamp.group(1) if stamp else ""}
