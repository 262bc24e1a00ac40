#!/usr/bin/env bash
# stop.sh: removes the node in whatever state it is: processes, mounts and network with them, cgroups, files.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../env.sh"
. "$here/cgroups.sh"

# Killed again in each round: a process may have been about to start another.
for round in $(seq 100); do
    processes=$(processes_of_node)
    # shellcheck disable=SC2086 # one argument each
    [ -z "$processes" ] || kill -KILL $processes 2>/dev/null || true
    [ -n "$processes" ] || ! remove_cgroups || break
    [ "$round" -lt 100 ] || fail "processes of the node do not end: $(tr '\n' ' ' <<<"$processes")"
    sleep 0.1
done
ip link delete "$host_link" 2>/dev/null || true
# Mounts of the node were in its own namespace: what is here now is files.
rm -rf --one-file-system "$state"
