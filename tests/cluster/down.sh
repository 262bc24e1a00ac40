#!/usr/bin/env bash
# down.sh: removes what up.sh made, whatever state it is in. A cluster given by KUBECONFIG is left alone.
set -euo pipefail
. "$(dirname "$0")/env.sh"

lock
"$cluster_dir/kwok.sh" down
if command -v kind >/dev/null && kind get clusters 2>/dev/null | grep -qx "$cluster_name"; then
    kind delete cluster --name "$cluster_name"
fi
# Also where another cluster is used now: the node may be of before.
[ "$(id -u)" != 0 ] || "$cluster_dir/node/stop.sh"
