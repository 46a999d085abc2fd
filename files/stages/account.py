# What a node knows of itself. Changes nothing.

import socket


def account(plan):
    data = os.statvfs(plan["data"]) if os.path.isdir(plan["data"]) else None
    units = {unit: unit_state(unit) for unit in ("kafka.service", "zookeeper.service")}
    return {
        "now": time.time(),
        "units": units,
        "blind": is_blind(plan, units["kafka.service"]),
        "running": first_line(plan["running_fingerprint"]),
        "config": first_line(plan["mode_file"]),
        "free_bytes": data.f_bavail * data.f_frsize if data else 0,
        "log": tail(plan["log"]),
    }


def unit_state(unit):
    names = ("ActiveState", "SubState", "NRestarts", "ActiveEnterTimestamp")
    lines = run("systemctl", "show", "--timestamp=unix", "-p", ",".join(names), unit).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines)


def is_blind(plan, kafka):
    """Whether the broker serves and did not get its identity onto its disk as it started, in the mode in which it writes
    that each time, before it serves. Kafka 3.6 takes the file for the folder that failed then, and loses the thread that
    would end it when its disk fails."""
    own = plan["written_at_start"]
    if not own or own["config"] not in first_line(plan["mode_file"]):
        return False
    if kafka["ActiveState"] != "active" or not listens(own["address"], own["port"]):
        return False
    try:
        written = os.stat(own["path"]).st_mtime
    except OSError:  # it was never there, or the disk gives no answer any more, and the broker goes on
        return True
    return written < float(kafka["ActiveEnterTimestamp"].lstrip("@"))


def listens(address, port):
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def first_line(path):
    try:
        return Path(path).read_text().split("\n", 1)[0]
    except FileNotFoundError:
        return ""


def tail(path, count=12):
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.stat(path).st_size - 8192))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []
