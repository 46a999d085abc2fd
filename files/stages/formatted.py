# Stage `formatted`: the node's storage carries the identity that the plan gives it, in the plan's mode.
# Only what never was is made, and a node that never was is started at once.


def main(plan):
    owner = owner_of(plan)
    fresh = not is_formatted(plan, owner)
    if fresh:
        make(plan)
    if plan["mode"] not in owner["formatted"]:
        formatted = [*owner["formatted"], plan["mode"]]
        emptied = [mode for mode in emptied_in(plan, owner) if mode != plan["mode"]]
        write(plan["owner_file"], json.dumps({**owner, "formatted": formatted, "emptied": emptied}))
    if fresh and plan["begin"] and is_first() and not plan["accept_empty"]:
        begin({**plan, **plan["begin"]})


def make(plan):
    if plan["mode"] == "zookeeper":
        write(plan["identity_file"], plan["identity"]["myid"] + "\n", "zookeeper", "zookeeper", "0644")
        return
    environment = [*plan["environment"], *shared_classes_option(plan["shared_classes_option"])]
    done = run("runuser", "-u", "kafka", "--", "env", *environment, *plan["format_command"])
    # When it was done makes this text another one each time, so that whoever reads it sees a disk made anew.
    say(f"{done.stdout.strip()} ({run('date', '--utc', '+%FT%TZ').stdout.strip()})")


def begin(plan):
    """There is no cluster yet that would have to be asked, and nothing of a first `up` takes longer. An empty disk in place
    of a lost one is no beginning: that waits for stage `running`."""
    if is_active("kafka.service"):
        return
    manifest = read_json(Path(plan["staged"]) / "MANIFEST.json")
    say(f"starting {plan['node']}: {plan['why']}")
    try:
        bring_up({**plan, "fingerprint": manifest["fingerprint"]}, manifest)
    except Refused as refusal:
        say(f"it does not start yet: {refusal}")  # `running` tries again, and has the whole cluster's evidence
