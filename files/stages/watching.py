# Stage `watching`: Prometheus and what it is told, on a machine beside the cluster's. Safe to run again and to be cut off
# anywhere: it always ends in a start, which costs nobody anything.


def main(plan):
    ensure_pieces(plan)
    for file in plan["files"]:
        write(file["path"], file["content"])
    run("systemctl", "--quiet", "--no-reload", "enable", plan["service"])
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", plan["service"])
