# Activates the staged configuration and starts the services that it names; those of the other mode are
# stopped first. Only ever run while kafka.service is stopped, or to end in it being restarted on purpose.


def main(plan):
    if is_active("kafka.service") and not plan["restart"]:
        raise Refused("kafka.service runs already; it was left alone")
    manifest = staged_as_planned(plan)
    run("systemctl", "stop", "kafka.service", check=False)
    for unit in manifest["idle_services"]:
        run("systemctl", "stop", unit, check=False)
    for unit in stale(plan, manifest):
        run("systemctl", "stop", unit, check=False)
    bring_up(plan, manifest)


def staged_as_planned(plan):
    """What lies there to be activated. A run that was cut off may have left the configuration that it was to bring."""
    manifest = read_json(Path(plan["staged"]) / "MANIFEST.json") or {}
    staged = manifest.get("fingerprint", "none")
    if staged != plan["fingerprint"]:
        raise Refused(
            f"{plan['staged']} holds configuration {staged}, but planned is {plan['fingerprint']}; nothing was stopped."
            ' Have it staged anew: pulumi config set reapply "$(date +%FT%T)", then `pulumi up`'
        )
    return manifest


def stale(plan, manifest):
    """The services beside kafka.service that run with files that are about to change, or may have read edited ones. They
    are stopped before, so that a run that is cut off in between leaves none that goes on with the old ones."""
    noted = misled(plan)
    read_by = manifest["read_by"].items()
    return [unit for unit, paths in read_by if unit in noted or any(differs(plan, path) for path in paths)]


def differs(plan, path):
    staged, active = Path(plan["staged"] + path), Path(path)
    there = [file.read_bytes() if file.is_file() else None for file in (staged, active)]
    return there[0] != there[1]
