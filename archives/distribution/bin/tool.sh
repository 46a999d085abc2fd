#!/bin/bash
# Runs @class@ with the arguments given. Refuses to know what they mean.
export KAFKA_HEAP_OPTS="${KAFKA_HEAP_OPTS:-@heap@}"
exec "$(dirname "$(readlink -f "$0")")/kafka-run-class.sh" @class@ "$@"
