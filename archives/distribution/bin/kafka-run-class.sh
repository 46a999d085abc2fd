#!/bin/bash
# Starts Java with Kafka's jars on one main class. Every other program here ends in this one.
# Knows the environment that Kafka's operators know: CLASSPATH, JAVA_HOME, LOG_DIR, JMX_PORT, KAFKA_HEAP_OPTS, KAFKA_OPTS,
# KAFKA_LOG4J_OPTS, KAFKA_JMX_OPTS, KAFKA_GC_LOG_OPTS, KAFKA_JVM_PERFORMANCE_OPTS. Refuses to know any class.
if [ $# -lt 1 ]; then
  echo "USAGE: $0 [-daemon] [-name servicename] [-loggc] classname [opts]"
  exit 1
fi
home=$(dirname "$(dirname "$(readlink -f "$0")")")
java=${JAVA_HOME:+$JAVA_HOME/bin/}java

# Without options of the caller's own this is a tool: it logs to stderr and needs no log folder.
logs=${LOG_DIR:-$home/logs}
needs_logs=${KAFKA_LOG4J_OPTS:+yes}

while [ $# -gt 0 ]; do
  case $1 in
    -daemon) daemon=yes; needs_logs=yes; shift ;;
    -name) name=$2; shift 2 ;;
    -loggc) gc_log=yes; needs_logs=yes; shift ;;
    *) break ;;
  esac
done
[ -z "$needs_logs" ] || mkdir -p "$logs"

heap=${KAFKA_HEAP_OPTS:--Xmx256M}
performance=${KAFKA_JVM_PERFORMANCE_OPTS:--server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent -XX:MaxInlineLevel=15 -Djava.awt.headless=true}
log4j="-Dkafka.logs.dir=$logs ${KAFKA_LOG4J_OPTS:--Dlog4j.configuration=file:$home/config/tools-log4j.properties}"

gc=$KAFKA_GC_LOG_OPTS
if [ -n "$gc_log" ] && [ -z "$gc" ]; then
  gc="-Xlog:gc*:file=$logs/$name-gc.log:time,tags:filecount=10,filesize=100M"
fi

# The JMX agent is started only where a port is asked for: JDK tools on the same machine attach without it.
jmx=$KAFKA_JMX_OPTS
if [ -n "$JMX_PORT" ]; then
  jmx="${jmx:--Dcom.sun.management.jmxremote -Dcom.sun.management.jmxremote.authenticate=false -Dcom.sun.management.jmxremote.ssl=false} -Dcom.sun.management.jmxremote.port=$JMX_PORT"
  [[ $jmx == *jmxremote.rmi.port=* ]] || jmx="$jmx -Dcom.sun.management.jmxremote.rmi.port=$JMX_PORT"
fi

# The same string on every start, whatever the locale: a class-data-sharing archive is bound to it.
jars=$(LC_ALL=C; shopt -s nullglob; IFS=:; set -- "$home"/libs/*.jar; echo "$*")
if [ -z "$jars" ]; then
  echo "No jars in $home/libs" >&2
  exit 1
fi

# The options are lists of words by contract, so they are split here.
# shellcheck disable=SC2206
command=("$java" $heap $performance $gc $jmx $log4j -cp "${CLASSPATH:+$CLASSPATH:}$jars" $KAFKA_OPTS "$@")
if [ -n "$daemon" ]; then
  nohup "${command[@]}" >"${CONSOLE_OUTPUT_FILE:-$logs/${name:-daemon}.out}" 2>&1 </dev/null &
else
  exec "${command[@]}"
fi
