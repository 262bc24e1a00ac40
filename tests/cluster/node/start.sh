#!/usr/bin/env bash
# start.sh: starts the node and returns when it is Ready and answers DNS. What an earlier run left is removed first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../env.sh"
. "$here/cgroups.sh"
kubectl=("$tools/kubectl" --kubeconfig "$state/admin.kubeconfig")

report() {
    say "the node did not come up; what its daemons said last:"
    tail -n 3 "$state"/log/*.log >&2 || true
}

# within SECONDS COMMAND...: until the command succeeds.
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || { say "not within its time: $*"; return 1; }
        sleep 0.1
    done
}

in_new_network() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }

"$here/stop.sh"
mkdir -p "$state/log" "$state/tools"
cp -R "$here/config" "$state/"
"$here/certificates.sh" 2>"$state/log/certificates.log"
trap report ERR

# Where they are not part of the kernel: what passes a bridge is filtered, by sets of addresses.
modprobe --quiet --all br_netfilter ip_set xt_set || true
make_cgroups
# In its cgroups before it starts anything, in its own session, and without our lock: it outlives this shell.
(
    join_cgroups "$BASHPID"
    exec setsid unshare --net --mount --propagation private --pid --fork --kill-child=KILL "$here/init.sh"
) </dev/null >"$state/log/init.log" 2>&1 9>&- &
node=$!
within 5 in_new_network "$node"
ip link add "$host_link" type veth peer name "$node_link" netns "$node"
ip address add "$host_address/30" dev "$host_link"
ip link set "$host_link" up
ip route add "$pod_range" via "$node_address"
ip route add "$service_range" via "$node_address"

within 20 ctr --address "$state/containerd.sock" version
for archive in "$images/pause.tar" "$images/coredns.tar"; do "$here/import.sh" "$archive"; done
within 60 "${kubectl[@]}" get --raw /readyz
within 60 "${kubectl[@]}" apply --server-side -f "$cluster_dir/manifests"
within 60 "${kubectl[@]}" get node "$node_name"
"${kubectl[@]}" wait --for condition=Ready "node/$node_name" --timeout 60s >/dev/null
"${kubectl[@]}" -n kube-system rollout status deployment/coredns --timeout 60s >/dev/null
"${kubectl[@]}" wait --for create serviceaccount/default --timeout 30s >/dev/null
# Named last: who finds it finds a cluster that answers.
mv "$state/admin.kubeconfig" "$kubeconfig"
