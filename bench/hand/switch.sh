#!/bin/bash
# The other mode by hand, on machines that have both modes' files and data: stop all, say which file to start with, start.
#   switch.sh SSH_CONFIG kraft|zookeeper NAME…
set -euo pipefail
config=$1 mode=$2
shift 2

begin_on_all() {
  local command=$1
  shift
  running=()
  for machine; do
    ssh -F "$config" "$machine" "sudo bash -euc $(printf %q "$command")" &
    running+=($!)
  done
}

end_on_all() {
  for one; do
    wait "$one"
  done
}

more_run_than() {
  (($(jobs -r | wc -l) > $1))
}

begin_on_all 'timeout 30 systemctl stop kafka || systemctl kill --signal=SIGKILL kafka' "$@"
stops=("${running[@]}")
case $mode in
  kraft) file=config/kraft/server.properties start='systemctl start kafka' ;;
  zookeeper)
    file=config/server.properties start='systemctl start zookeeper kafka'
    # Combined nodes that stop all at once wait for a controller, and without a majority there is none: what is
    # left three seconds later is killed.
    while more_run_than $(($# / 2)); do sleep 0.1; done
    for _ in {1..30}; do
      more_run_than 0 || break
      sleep 0.1
    done
    if more_run_than 0; then
      begin_on_all 'systemctl kill --signal=SIGKILL kafka || true' "$@"
      end_on_all "${running[@]}"
    fi
    ;;
esac
end_on_all "${stops[@]}"
set_up="home=\$(echo /usr/local/kafka_2.13-*); echo KAFKA_CONFIG=\$home/$file >/etc/kafka-cluster/mode.env"
begin_on_all "systemctl stop kafka zookeeper; $set_up; $start" "$@"
end_on_all "${running[@]}"
