#!/bin/sh
# Lays Kafka's classes out for Java, inside a root of its own: ROOT WORK ARCHIVE RELEASE. Leaves kafka-classes.jsa.gz in WORK.
# Called in namespaces of its own (mounts, network, processes), with whose end everything started here ends, too.
set -eu
lower=$1 work=$2 archive=$3 release=$4
ip link set lo up
mount --make-rprivate /
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/work" "$work/root"
mount --rbind /dev "$work/root/dev"
mount -t proc proc "$work/root/proc"
mount -t tmpfs tmpfs "$work/root/tmp"
# As the stage `installed` does it: Java compares the jars' paths, times and order.
tar -xzf "$archive" -C "$work/root/usr/local" --no-same-owner

cat >"$work/root/tmp/inside.sh" <<'END'
set -eu
home=$1
cd /tmp
export LOG_DIR=/tmp/logs KAFKA_HEAP_OPTS=-Xmx256M
export KAFKA_JVM_PERFORMANCE_OPTS='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
at=127.0.0.1:9092
loaded() { export KAFKA_OPTS="-XX:DumpLoadedClassList=/tmp/$1.classes"; }

cat >kraft.properties <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
listeners=PLAINTEXT://$at,CONTROLLER://127.0.0.1:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=/tmp/kraft
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
PROPERTIES
cat >zookeeper.properties <<PROPERTIES
dataDir=/tmp/zookeeper
clientPort=2181
clientPortAddress=127.0.0.1
admin.enableServer=false
PROPERTIES
cat >server.properties <<PROPERTIES
broker.id=1
listeners=PLAINTEXT://$at
log.dirs=/tmp/brokers
zookeeper.connect=127.0.0.1:2181
offsets.topic.replication.factor=1
PROPERTIES

topics() { "$home/bin/kafka-topics.sh" --bootstrap-server $at "$@"; }

# Asks until the broker answers; each try has a time limit of its own inside the tool.
answers() {
  for try in 1 2 3 4 5 6; do topics --list && return; done
  return 1
}

# What a broker loads until it has served a producer, a consumer and those who ask for its state.
serve() {
  loaded "broker-$1"
  "$home/bin/kafka-server-start.sh" "$1.properties" &
  broker=$!
  loaded topics
  answers
  topics --create --topic classes --partitions 1
  topics --describe
  loaded configs
  "$home/bin/kafka-configs.sh" --bootstrap-server $at --describe --entity-type topics --entity-name classes
  if [ "$1" = kraft ]; then
    loaded quorum
    "$home/bin/kafka-metadata-quorum.sh" --bootstrap-server $at describe --status
    loaded producer
    echo record | "$home/bin/kafka-console-producer.sh" --bootstrap-server $at --topic classes
    loaded consumer
    "$home/bin/kafka-console-consumer.sh" --bootstrap-server $at --topic classes --from-beginning --max-messages 1
    loaded groups
    "$home/bin/kafka-consumer-groups.sh" --bootstrap-server $at --list
  fi
  kill $broker
  wait $broker || [ $? -eq 143 ]
}

loaded storage
"$home/bin/kafka-storage.sh" format -t A_D5kj5zTbi2EDTeXHDH3g -c kraft.properties
serve kraft
loaded zookeeper
"$home/bin/zookeeper-server-start.sh" zookeeper.properties &
zookeeper=$!
serve server
kill $zookeeper
wait $zookeeper || [ $? -eq 143 ]

cat ./*.classes | sort -u >all
grep -v '^@' all >classes
grep '^@' all >>classes || true
export KAFKA_OPTS="-Xshare:dump -XX:SharedClassListFile=/tmp/classes -XX:SharedArchiveFile=/tmp/kafka-classes.jsa"
unset KAFKA_JVM_PERFORMANCE_OPTS KAFKA_HEAP_OPTS
"$home/bin/kafka-run-class.sh" -version
# A machine will ask the same before it uses it.
export KAFKA_OPTS="-Xshare:on -XX:SharedArchiveFile=/tmp/kafka-classes.jsa"
"$home/bin/kafka-run-class.sh" -version
END
chroot "$work/root" sh /tmp/inside.sh "/usr/local/$release"
gzip -1 <"$work/root/tmp/kafka-classes.jsa" >"$work/kafka-classes.jsa.gz"
