#!/bin/sh
# Keeps one machine: mounts its root in a mount namespace of its own, boots it, and boots it again when it asks for a reboot.
# Knows nothing of the lab: the caller sets GROUP (cgroup path), WIRE (its end of the network), LOWER, UPPER, WORK and ROOT, and
# passes systemd-nspawn's arguments.
# It is run by `ip netns exec`, so every mount here is private and goes away with the last process.
set -eu

ASKED_FOR_REBOOT=133 # systemd-nspawn's exit status with --keep-unit

mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /run/systemd
mount -t tmpfs -o mode=755 tmpfs /run/systemd
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$UPPER,workdir=$WORK" "$ROOT"
mkdir -p "/sys/fs/cgroup/$GROUP/box"

boot() (
    # The kernel clears a namespace away some time after its last process has ended, and its end of the wire with it.
    ip link delete "$WIRE" 2>/dev/null || true
    echo 0 >"/sys/fs/cgroup/$GROUP/box/cgroup.procs"
    exec systemd-nspawn --directory="$ROOT" "$@"
)

status=$ASKED_FOR_REBOOT
while [ "$status" -eq "$ASKED_FOR_REBOOT" ]; do
    status=0
    boot "$@" || status=$?
done
exit "$status"
