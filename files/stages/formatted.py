# Stage `formatted`: the node's storage is there, and carries the identity that the plan gives it, in the plan's mode.
# Only what never was is made, a file system included, and a node that never was is started at once. No node comes here
# before every node's disk was found to be its own, or empty.


def main(plan):
    make_data(plan)
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


def make_data(plan):
    """The volume with a file system, its owner's name and its folders. Nothing of it is made where data was before."""
    if plan["device"] and not is_mounted(plan):
        remember_mount(plan, file_system(plan["device"]) or made_file_system(plan))
    if not is_owned(plan):
        refuse_lost_data(plan, f"{plan['data']} is empty")
        # The disk that was lost held the data of every mode, and not of the one that runs alone. That one was lost is also
        # said by the permission: a state may know nothing of what was before it.
        emptied = plan["modes"] if plan["accept_empty"] or not is_first() else []
        write(plan["owner_file"], json.dumps({**plan["owner"], "formatted": [], "emptied": emptied}))
    ensure_folders(plan)


def made_file_system(plan):
    device = plan["device"]
    refuse_lost_data(plan, f"the data volume {device} is empty")
    say(f"making a file system on the empty data volume {device}")
    run("mkfs.xfs", "-q", "-L", "kafka-data", device)
    return "xfs"


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
