#!/bin/bash
# The seed's KRaft cluster by hand: one ssh connection a machine, all side by side, the archive unpacked while it arrives.
# KAFKA_PROPERTIES holds lines for everybody's configuration beside the seed's.
#   up.sh SSH_CONFIG ARCHIVE CLUSTER_ID HEAP DEVICE NAME=ADDRESS…
set -euo pipefail
config=$1 archive=$2 cluster=$3 heap=$4 device=$5
shift 5

voters='' id=0
for machine; do
  id=$((id + 1))
  voters+=${voters:+,}$id@${machine#*=}:9093
done
copies=$(($# < 3 ? $# : 3))

# What one machine does, as root, with the archive on its standard input.
script() {
  local id=$1 address=$2
  cat <<END
set -euo pipefail
useradd --system --no-create-home --shell /usr/sbin/nologin kafka
mkfs.xfs -q $device & disk=\$!
tar -xzf - -C /usr/local --no-same-owner
wait \$disk
home=\$(echo /usr/local/kafka_2.13-*)
mkdir -p /var/lib/kafka /var/log/kafka
mount $device /var/lib/kafka
mkdir /var/lib/kafka/logs
chown -R kafka: /var/lib/kafka /var/log/kafka
ln -s /var/lib/kafka/logs \$home/logs
cat >\$home/config/kraft/server.properties <<PROPERTIES
process.roles=broker,controller
node.id=$id
controller.quorum.voters=$voters
listeners=PLAINTEXT://$address:9092,CONTROLLER://$address:9093
advertised.listeners=PLAINTEXT://$address:9092
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=\$home/logs/kraft-combined-logs
num.partitions=3
offsets.topic.replication.factor=$copies
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$((copies > 1 ? copies - 1 : 1))
${KAFKA_PROPERTIES:-}
PROPERTIES
cat >/etc/systemd/system/kafka.service <<UNIT
[Unit]
After=network-online.target
[Service]
User=kafka
Environment="KAFKA_HEAP_OPTS=-Xms$heap -Xmx$heap" LOG_DIR=/var/log/kafka
ExecStart=\$home/bin/kafka-server-start.sh \$home/config/kraft/server.properties
SuccessExitStatus=143
LimitNOFILE=131072
Restart=on-failure
[Install]
WantedBy=multi-user.target
UNIT
runuser -u kafka -- env LOG_DIR=/var/log/kafka KAFKA_HEAP_OPTS=-Xmx128M \
  \$home/bin/kafka-storage.sh format -t $cluster -c \$home/config/kraft/server.properties
systemctl enable --quiet --now kafka
END
}

id=0 running=()
for machine; do
  id=$((id + 1))
  ssh -F "$config" "${machine%%=*}" "sudo bash -c $(printf %q "$(script $id "${machine#*=}")")" <"$archive" &
  running+=($!)
done
for one in "${running[@]}"; do
  wait "$one"
done
