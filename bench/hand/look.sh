#!/bin/bash
# What up.sh would run again for: whether each machine has what it made, by hand. One ssh connection a machine, all side by side.
#   look.sh SSH_CONFIG NAME…
set -euo pipefail
config=$1
shift

script='set -euo pipefail
home=$(echo /usr/local/kafka_2.13-*)
getent passwd kafka >/dev/null
mountpoint --quiet /var/lib/kafka
test -s $home/logs/kraft-combined-logs/meta.properties
sha256sum $home/config/kraft/server.properties /etc/systemd/system/kafka.service
systemctl is-enabled --quiet kafka
systemctl is-active --quiet kafka'

running=()
for machine; do
  ssh -F "$config" "$machine" "sudo bash -c $(printf %q "$script")" &
  running+=($!)
done
for one in "${running[@]}"; do
  wait "$one"
done
