# Kafka's tools by their names on PATH, for a login shell as for `ssh NODE kafka-topics.sh …`. All of them are links to
# one program, because Kafka's own scripts look for each other beside the place that they were called by.


def ensure_tools(plan):
    tools = plan["tools"]
    write(tools["program"], tools["content"], mode="0755")
    links = tool_links(plan)
    for link in our_links(tools):
        if link not in links:
            link.unlink()
    for link in links:
        if is_our_link(tools, link):
            continue
        if os.path.lexists(link):
            say(f"{link} is somebody else's and stays as it is")
        else:
            link.symlink_to(tools["program"])


def tool_links(plan):
    """Where each tool's link belongs."""
    scripts = {path.name for path in Path(plan["home"], "bin").glob("kafka-*.sh")} - set(plan["tools"]["left_out"])
    return [Path(plan["tools"]["folder"]) / name for name in sorted(scripts)]


def our_links(tools):
    return [path for path in Path(tools["folder"]).glob("kafka-*.sh") if is_our_link(tools, path)]


def is_our_link(tools, path):
    return path.is_symlink() and os.readlink(path) == tools["program"]


def remove_tools(tools):
    for link in our_links(tools):
        link.unlink()
