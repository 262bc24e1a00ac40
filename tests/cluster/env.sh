# Sourced by the scripts here: where things lie, and the names and addresses of the node.
# shellcheck shell=bash disable=SC2034 # used by those who source this

cluster_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$cluster_dir/../.." && pwd)

# Outside the checkout: what takes minutes to build is shared by all checkouts and survives `git clean`.
cache=${LOGPIPELINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/logpipeline}
tools=$cache/tools     # hyperkube, kubectl, helm, kwok ...
images=$cache/images   # one archive an image
state=$cache/cluster   # everything of a running cluster; gone after down.sh
kubeconfig=$state/kubeconfig

cluster_name=logpipeline
node_name=node-1
host_link=lpl-host node_link=lpl-node
host_address=172.31.250.1 node_address=172.31.250.2
pod_range=10.244.0.0/24 service_range=10.96.0.0/16

say() { echo "cluster: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

# Prints which cluster is meant: `given` by KUBECONFIG, a `kind` one, or the `node` of this folder.
provider() {
    if [ -n "${KUBECONFIG:-}" ] && [ "$KUBECONFIG" != "$kubeconfig" ]; then
        echo given
    elif command -v kind >/dev/null && docker info >/dev/null 2>&1; then
        echo kind
    else
        echo node
    fi
}

# Holds what two runs at a time would spoil; released when the caller ends. What runs on must not inherit it: 9>&-.
lock() {
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock --nonblock 9 || { say "waiting for another run"; flock 9; }
}
