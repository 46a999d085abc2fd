# Activating: the staged configuration becomes the one that the services start with.


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
