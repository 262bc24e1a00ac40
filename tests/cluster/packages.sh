#!/usr/bin/env bash
# packages.sh: installs what the node and the image builds need from Debian or Ubuntu packages. Does nothing when all is there.
set -euo pipefail
. "$(dirname "$0")/env.sh"

declare -A package_of=(
    [containerd]=containerd
    # crun, which some systems prefer, cannot set up cgroup v1 as the kubelet asks for it.
    [runc]=runc
    [/usr/lib/cni/bridge]=containernetworking-plugins
    [iptables]=iptables
    [nft]=nftables
    # kube-router enforces NetworkPolicies with it.
    [ipset]=ipset
    [conntrack]=conntrack
    [ip]=iproute2
    [openssl]=openssl
    [curl]=curl
    [gcc]=gcc
    [/usr/include/stdlib.h]=libc6-dev
    [buildah]=buildah
    [mmdebstrap]=mmdebstrap
    # The chart's alerts are tried with it.
    [promtool]=prometheus
    # A pod becomes it, as who is told of detections.
    [prometheus-alertmanager]=prometheus-alertmanager
    # The console is looked at with it.
    [chromium]=chromium
)

missing=()
for file in "${!package_of[@]}"; do
    command -v "$file" >/dev/null || [ -e "$file" ] || missing+=("${package_of[$file]}")
done
if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get >/dev/null || fail "this needs ${missing[*]}: install them, or use your own cluster (export KUBECONFIG)"
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi

command -v go >/dev/null || fail "there is no 'go': install Go 1.26 or newer from https://go.dev/dl, Kubernetes is built with it"
