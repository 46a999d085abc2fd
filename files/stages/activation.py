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
    if units_changed:
        run("systemctl", "daemon-reload")
    # Only the next boot asks who is enabled, and then everything is read anew: that takes an emulated machine ten seconds.
    idle = [unit for unit in manifest["idle_services"] if Path(f"/etc/systemd/system/{unit}").exists()]
    if idle:
        run("systemctl", "--quiet", "--no-reload", "disable", *idle)
    run("systemctl", "--quiet", "--no-reload", "enable", *manifest["services"])
    write(plan["fingerprint_file"], manifest["fingerprint"] + "\n")
