# A node's own account of itself, as one line of JSON.


def main(plan):
    drawn = (read_properties(plan["zookeeper_identity"]) or {}).get("cluster.id", "")
    staged = (read_json(Path(plan["staged"]) / "MANIFEST.json") or {}).get("fingerprint", "none")
    more = {"staged": staged, "other_topics": topics(plan["other_log_dir"]), "zookeeper_cluster": drawn}
    say(json.dumps({**account(plan), **more}))


def topics(log_dir):
    """Those that a broker keeps there: each partition has a folder TOPIC-NUMBER, and one to be deleted another name."""
    folders = [name.rpartition("-") for name in (os.listdir(log_dir) if os.path.isdir(log_dir) else [])]
    return sorted({topic for topic, _, number in folders if number.isdigit()})
