#!/usr/bin/env bash
# kwok.sh up N | down: N fake nodes whose pods turn Ready without being run, for tests of scale.
# A pod lands there that tolerates their taint kwok.x-k8s.io/node and selects type=kwok; real pods stay on the real node.
set -euo pipefail
. "$(dirname "$0")/env.sh"
pid_file=$state/kwok.pid
export KUBECONFIG=${KUBECONFIG:-$kubeconfig}
PATH=$tools:$PATH

node() { # NAME
    cat <<YAML
---
apiVersion: v1
kind: Node
metadata:
  name: $1
  labels: {type: kwok, kubernetes.io/os: linux, kubernetes.io/arch: amd64, kubernetes.io/hostname: $1}
  annotations: {kwok.x-k8s.io/node: fake}
spec:
  taints: [{key: kwok.x-k8s.io/node, value: fake, effect: NoSchedule}]
status:
  allocatable: {cpu: "64", memory: 512Gi, ephemeral-storage: 2Ti, pods: "1000"}
  capacity: {cpu: "64", memory: 512Gi, ephemeral-storage: 2Ti, pods: "1000"}
YAML
}

up() {
    "$cluster_dir/build-tools.sh" kwok
    mkdir -p "$state/log"
    if ! running; then
        setsid kwok --kubeconfig "$KUBECONFIG" --manage-nodes-with-label-selector type=kwok --cidr 10.245.0.1/16 \
            --node-lease-duration-seconds 40 --server-address '' --v WARN </dev/null >>"$state/log/kwok.log" 2>&1 9>&- &
        echo $! >"$pid_file"
    fi
    for number in $(seq "$1"); do node "kwok-$number"; done | kubectl apply --server-side --force-conflicts -f - >/dev/null
    kubectl wait --for condition=Ready node --selector type=kwok --timeout 60s >/dev/null ||
        { tail -n 5 "$state/log/kwok.log" >&2; fail "the fake nodes are not Ready"; }
    say "$1 fake nodes are Ready"
}

running() { [ -e "$pid_file" ] && grep -qs kwok "/proc/$(cat "$pid_file")/comm"; }

down() {
    [ ! -e "$KUBECONFIG" ] || ! running || kubectl delete node --selector type=kwok --request-timeout 20s >/dev/null || true
    ! running || kill "$(cat "$pid_file")"
    rm -f "$pid_file"
}

case ${1:-} in
    up) up "${2:?usage: kwok.sh up N}" ;;
    down) down ;;
    *) fail "usage: kwok.sh up N | down" ;;
esac
