# Whether a node has data in the plan's mode, or should have some, as one line of JSON. Changes nothing.


def main(plan):
    say(json.dumps(is_held(plan)))


def is_held(plan):
    """A volume that is not mounted can't be looked into: it counts as one with data, for the worse that it may be. An
    identity alone is none: a first switch that was cut off leaves it where nothing ever ran in the mode."""
    if plan["mounted"] and not Path(plan["data"]).is_mount():
        return True
    if any(has_more(folder, made) for folder, made in plan["made"].items()):
        return True
    owner = read_json(plan["owner_file"])
    return owner is not None and plan["mode"] in owner["formatted"] and not os.path.isfile(plan["identity_file"])


def has_more(folder, made):
    """Whether a folder has anything that no format left there. Whatever it is, only a process that ran wrote it."""
    return os.path.isdir(folder) and not set(os.listdir(folder)) <= set(made)
