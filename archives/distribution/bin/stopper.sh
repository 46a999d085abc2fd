#!/bin/bash
# Sends SIGNAL (TERM) to every Java process of this machine that runs @class@. Does not wait for their end.
# Reads /proc, because a small machine may have no ps.
pids=()
for process in /proc/[0-9]*; do
  arguments=()
  mapfile -d '' -t arguments 2>/dev/null <"$process/cmdline" || continue
  [[ ${arguments[0]##*/} == java ]] || continue
  for argument in "${arguments[@]:1}"; do
    [[ $argument == @class@ ]] && pids+=("${process#/proc/}") && break
  done
done
if [ ${#pids[@]} -eq 0 ]; then
  echo "No @what@ to stop"
  exit 1
fi
kill -s "${SIGNAL:-TERM}" "${pids[@]}"
