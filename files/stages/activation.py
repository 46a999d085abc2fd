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
        run("systemctl", "reset-failed", unit, check=False)
        run("systemctl", "start", unit)


def remember_reason(plan):
    """Why and when, kept on the node, newest last."""
    stamp = run("date", "--utc", "+%Y-%m-%dT%H:%M:%SZ").stdout.strip()
    path = Path(plan["starts"])
    old = path.read_text().splitlines()[-99:] if path.is_file() else []
    entry = {"when": stamp, "why": plan["why"], "to": plan["fingerprint"], "from": plan["from"]}
    write(path, "\n".join([*old, json.dumps(entry)]) + "\n")
