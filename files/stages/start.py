# Activates the staged configuration and starts the services that it names; those of the other mode are
# stopped first. Only ever run while kafka.service is stopped or stopping, or to end in it being restarted on purpose.


def main(plan):
    if stays_up("kafka.service"):
        if not plan["restart"] and runs_now(plan) == plan["fingerprint"]:
            say("kafka.service was started meanwhile, with what is planned")
            return
        may_be_taken_down(plan)
    manifest = staged_as_planned(plan)
    stop_unit("kafka.service")
    for unit in [*manifest["idle_services"], *stale(plan, manifest)]:
        stop_unit(unit)
    bring_up(plan, manifest)


def runs_now(plan):
    """The fingerprint that the process runs with. A run that was killed goes on with the restart that it began, so what
    was to be started may be there when its turn comes."""
    file = Path(plan["running_fingerprint"])
    return file.read_text().strip() if file.is_file() else ""


def may_be_taken_down(plan):
    """The permission was given for the process that the run has seen. Another run may have restarted it since, and be at
    the next node now."""
    if not plan["restart"]:
        raise Refused("kafka.service runs already; it was left alone")
    seen, now = plan["from"], runs_now(plan)
    # Between two tries of one that only fails there is no file. `configured` may have marked it since.
    if seen and now and now not in (seen, f"{seen.split()[0]} edited by hand"):
        raise Refused(
            f"kafka.service was restarted meanwhile: it runs configuration {now}, and ran {seen} when this run asked;"
            " it was left alone. Run `pulumi up` again"
        )


def stop_unit(unit):
    """A stop that takes long is given up by systemd as soon as somebody starts the service. What was activated then would
    lie under a process that never read it, and to start what runs does nothing."""
    done = run("systemctl", "stop", unit, check=False)
    if is_active(unit):
        raise Refused(
            f"{unit} still runs, although it was told to stop ({done.stderr.strip() or 'something started it again'});"
            f" nothing was activated or started. Find out there who starts it (journalctl --unit {unit}), have that ended,"
            " then `pulumi up` again"
        )


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
