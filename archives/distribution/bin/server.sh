#!/bin/bash
# Starts @class@ in the foreground, or with -daemon in the background. Refuses to know the file it is given.
if [ $# -lt 1 ]; then
  echo "USAGE: $0 @usage@"
  exit 1
fi
bin=$(dirname "$(readlink -f "$0")")
export KAFKA_HEAP_OPTS="${KAFKA_HEAP_OPTS:-@heap@}"
export KAFKA_LOG4J_OPTS="${KAFKA_LOG4J_OPTS:--Dlog4j.configuration=file:$(dirname "$bin")/config/log4j.properties}"

# An EXTRA_ARGS that is set but empty means: no name, no GC log.
read -ra extra <<<"${EXTRA_ARGS--name @name@ -loggc}"
if [ "$1" = -daemon ]; then
  extra=(-daemon "${extra[@]}")
  shift
fi
exec "$bin/kafka-run-class.sh" "${extra[@]}" @class@ "$@"
