# What a node knows of itself. Changes nothing.


def account(plan):
    data = os.statvfs(plan["data"]) if os.path.isdir(plan["data"]) else None
    return {
        "now": time.time(),
        "units": {unit: unit_state(unit) for unit in ("kafka.service", "zookeeper.service")},
        "running": first_line(plan["running_fingerprint"]),
        "config": first_line(plan["mode_file"]),
        "free_bytes": data.f_bavail * data.f_frsize if data else 0,
        "log": tail(plan["log"]),
    }


def unit_state(unit):
    names = ("ActiveState", "SubState", "NRestarts", "ActiveEnterTimestamp")
    lines = run("systemctl", "show", "--timestamp=unix", "-p", ",".join(names), unit).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines)


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
