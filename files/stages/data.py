# Whether a process ever ran on a node's data in the plan's mode. Changes nothing.


def has_data(plan):
    return any(has_more(folder, made) for folder, made in plan["made"].items())


def has_more(folder, made):
    """Whether a folder has anything that no format left there. Whatever it is, only a process that ran wrote it."""
    return os.path.isdir(folder) and not set(os.listdir(folder)) <= set(made)
