# Activating: the staged configuration becomes the one that the services start with; and starting them with it.


def activate(plan):
    staged = Path(plan["staged"])
    manifest = read_json(staged / "MANIFEST.json")
    if manifest is None:
        raise Refused(f"{staged} holds no configuration; run `pulumi up` so that 'configured' stages it")
    units_changed = False
    for file in manifest["files"]:
        content = Path(f"{staged}{file['path']}").read_text()
        changed = write(file["path"], content, file["owner"], file["group"], file["mode"])
        units_changed |= changed and file["path"].endswith(".service")
    idle = [unit for unit in manifest["idle_services"] if Path(f"/etc/systemd/system/{unit}").exists()]
    links_changed = linked("disable", idle) | linked("enable", manifest["services"])
    if units_changed or links_changed:
        run("systemctl", "daemon-reload")
    write(plan["fingerprint_file"], manifest["fingerprint"] + "\n")


def linked(verb, units):
    """Whether that changed which units start with the machine. All of it is read anew at once, by who calls: each time
    takes an emulated machine ten seconds."""
    if not units:
        return False
    done = run("systemctl", "--no-reload", verb, *units)
    return bool(f"{done.stdout}{done.stderr}".strip())


def bring_up(plan, manifest):
    """The services start with what is staged."""
    activate(plan)
    remember_reason(plan)
    for unit in manifest["services"]:
        start_unit(unit)


def start_alone(plan, unit):
    """A service that is down beside the running Kafka starts with what is activated."""
    active = Path(plan["fingerprint_file"]).read_text().strip()
    remember_reason({**plan, "fingerprint": active}, unit=unit)
    start_unit(unit)


def start_unit(unit):
    run("systemctl", "reset-failed", unit, check=False)
    run("systemctl", "start", unit)


def stays_up(unit):
    """One that is stopping is active still. It goes down whatever is done, and a start waits for that."""
    return unit_property(unit, "ActiveState") in ("active", "activating", "reloading")


def misled(plan):
    """The services beside Kafka whose process may have read a file that was edited by hand. The file is right again, and
    what systemd started since has read that."""
    noted = read_json(plan["misled"]) or {}
    return [unit for unit, process in noted.items() if is_active(unit) and invocation(unit) == process]


def invocation(unit):
    """systemd's name for this one run of a service."""
    return unit_property(unit, "InvocationID")


def remember_reason(plan, **more):
    """Why and when, kept on the node, newest last. An entry without a unit is of all that the node runs."""
    stamp = run("date", "--utc", "+%Y-%m-%dT%H:%M:%SZ").stdout.strip()
    path = Path(plan["starts"])
    old = path.read_text().splitlines()[-99:] if path.is_file() else []
    entry = {"when": stamp, "why": plan["why"], "to": plan["fingerprint"], "from": plan["from"], **more}
    write(path, "\n".join([*old, json.dumps(entry)]) + "\n")
