#!/bin/bash
# The other mode by hand, on machines that have both modes' files and data: stop all, say which file to start with, start.
#   switch.sh SSH_CONFIG kraft|zookeeper NAME…
set -euo pipefail
config=$1 mode=$2
shift 2

on_all() {
  local command=$1 running=()
  shift
  for machine; do
    ssh -F "$config" "$machine" "sudo bash -euc $(printf %q "$command")" &
    running+=($!)
  done
  for one in "${running[@]}"; do
    wait "$one"
  done
}

# Combined nodes that stop all at once wait for a controller that is gone, so what is left after a while is killed.
stop='timeout 30 systemctl stop kafka || systemctl kill --signal=SIGKILL kafka; systemctl stop kafka zookeeper'
case $mode in
  kraft) file=config/kraft/server.properties start='systemctl start kafka' ;;
  zookeeper) file=config/server.properties start='systemctl start zookeeper kafka' ;;
esac
on_all "$stop" "$@"
on_all "home=\$(echo /usr/local/kafka_2.13-*); echo KAFKA_CONFIG=\$home/$file >/etc/kafka-cluster/mode.env; $start" "$@"
