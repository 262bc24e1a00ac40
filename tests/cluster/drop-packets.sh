#!/usr/bin/env bash
# drop-packets.sh on|off ADDRESS: drops every packet that the pod with this address sends, or lets them through again.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$cluster_dir/node/cgroups.sh"

on_node() {
    local hierarchy
    case $(provider) in
        kind) docker exec "$cluster_name-control-plane" "$@" ;;
        node)
            read -r hierarchy < <(cgroup_hierarchies)
            nsenter --net --target "$(head -n 1 "$hierarchy/$cluster_name/node/cgroup.procs")" "$@"
            ;;
        given) fail "the network of the cluster's nodes cannot be reached: unset KUBECONFIG" ;;
    esac
}

[ $# = 2 ] || fail "usage: drop-packets.sh on|off ADDRESS"
# What is for the node itself, the API server, is no forwarded packet.
for chain in INPUT FORWARD; do
    rule=("$chain" --source "$2" --jump DROP)
    case $1 in
        on) on_node iptables --wait --insert "${rule[@]}" ;;
        off) while on_node iptables --wait --check "${rule[@]}" 2>/dev/null; do on_node iptables --wait --delete "${rule[@]}"; done ;;
        *) fail "neither on nor off: $1" ;;
    esac
done
