#!/usr/bin/env python3
"""Writes Java's options with the one that brings the metrics agent, or without where the agent could not do its work: with it, Java would
then not start at all. Called with the agent's jar, its address and port, its rules, and where to write to."""

import os
import socket
import sys

jar, address, port, rules, target = sys.argv[1:]
others = os.environ.get("KAFKA_OPTS", "")
option = f"-javaagent:{jar}={address}:{port}:{rules}"
try:
    for path in (jar, rules):
        with open(path, "rb"):
            pass
    socket.create_server((address, int(port))).close()
except OSError as fault:
    option = ""
    print(f"starts without metrics on {address}:{port}: {fault}", file=sys.stderr)
with open(target, "w") as file:
    file.write(f'KAFKA_OPTS="{" ".join(filter(None, (others, option)))}"\n')
