#!/usr/bin/env bash
# init.sh: the first process of the node, in namespaces of its own: sets up its view of the machine and keeps the daemons running.
# When it is killed, the kernel ends every process of the node and drops its mounts and its network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../env.sh"
# Read now: a checkout below /tmp is out of sight later.
. "$here/daemons.sh"

set_up_files() {
    local folder name
    # Shared within the node: the mounts that the kubelet makes for a pod must reach the pod.
    mount --make-rshared /
    # /mnt is a folder that every machine has: configuration can name fixed paths and nothing is made on the machine.
    mount --bind "$state" /mnt
    mount --bind "$tools" /mnt/tools
    for folder in /var/lib /var/log /tmp; do
        mkdir -p "/mnt/node$folder"
        mount --bind "/mnt/node$folder" "$folder"
    done
    chmod 1777 /tmp
    mount -t tmpfs tmpfs /run
    mount -t proc proc /proc
    # The kubelet sets these for the whole machine, unless it finds them as it wants them.
    while read -r name value; do
        echo "$value" >"/run/sysctl.${name//\//.}"
        mount --bind "/run/sysctl.${name//\//.}" "/proc/sys/$name"
    done <<<"$kubelet_sysctls"
    # Where it is a link into /run, what it points to is gone now.
    folder=$(readlink -m /etc/resolv.conf)
    mkdir -p "$(dirname "$folder")"
    [ -e "$folder" ] || : >"$folder"
    # A resolver that answers nobody: names outside the cluster fail at once, not after a time-out.
    echo nameserver 127.0.0.1 >/mnt/resolv.conf
    mount --bind /mnt/resolv.conf "$folder"
}
kubelet_sysctls='vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000'

set_up_network() {
    until ip link show "$node_link" >/dev/null 2>&1; do sleep 0.05; done
    ip link set lo up
    ip address add "$node_address/30" dev "$node_link"
    ip link set "$node_link" up
    ip route add default via "$host_address"
    sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.route_localnet=1
    # Only there where bridged traffic is filtered at all.
    sysctl -qw net.bridge.bridge-nf-call-iptables=1 2>/dev/null || true
}

# keep NAME COMMAND...: runs a daemon, and runs it again when it ends, as the service manager of a machine does.
keep() {
    local name=$1
    shift
    while :; do
        "$@" >>"/mnt/log/$name.log" 2>&1 || true
        sleep 0.5
    done &
}

# The host-path provisioner makes a folder that only root may write to, and applies no fsGroup to it.
open_volumes() {
    local volume
    while sleep 0.1; do
        for volume in /tmp/hostpath_pv/*; do
            [ ! -d "$volume" ] || [ -k "$volume" ] || chmod 1777 "$volume"
        done
    done
}

api_server=https://$node_address:6443
api_server_ready() {
    curl -sf -o /dev/null --cacert /mnt/pki/ca.crt --cert /mnt/pki/apiserver-kubelet-client.crt \
        --key /mnt/pki/apiserver-kubelet-client.key "$api_server/readyz"
}

set_up_files
set_up_network
mkdir -p /mnt/log
start_control_plane
open_volumes &
# Started before the API server answers, the kubelet waits seconds until it tries again.
until api_server_ready; do sleep 0.1; done
start_node_agents
wait
