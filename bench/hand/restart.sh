#!/bin/bash
# A bare clean restart of one node.
#   restart.sh SSH_CONFIG NAME
set -euo pipefail
exec ssh -F "$1" "$2" "sudo systemctl restart kafka"
