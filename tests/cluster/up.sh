#!/usr/bin/env bash
# up.sh: makes a cluster answer and puts the project's images into it. Safe to call again: does only what is missing.
# IMAGES names those that are wanted; absent: all.
# The cluster is the one that KUBECONFIG names, else one of kind (where kind and Docker are), else a node of its own (root needed).
set -euo pipefail
. "$(dirname "$0")/env.sh"

read -ra images <<<"${IMAGES:-}"
node_answers() { [ -e "$kubeconfig" ] && kubectl get --raw /readyz --request-timeout 5s >/dev/null 2>&1; }

lock
case $(provider) in
    given)
        say "using the cluster of KUBECONFIG=$KUBECONFIG; it must be able to pull the images, or have them"
        exit 0
        ;;
    kind)
        mkdir -p "$state"
        kind get clusters 2>/dev/null | grep -qx "$cluster_name" ||
            kind create cluster --name "$cluster_name" --kubeconfig "$kubeconfig" --wait 120s
        ;;
    node)
        [ "$(id -u)" = 0 ] || fail "a node of its own needs root: use sudo, or your own cluster (export KUBECONFIG)"
        "$cluster_dir/packages.sh"
        # Images wait for packages from the network, while the programs want every core.
        "$cluster_dir/images.sh" "${images[@]}" >/dev/null &
        building=$!
        "$cluster_dir/build-tools.sh"
        "$cluster_dir/node/images.sh"
        wait "$building"
        PATH=$tools:$PATH
        export KUBECONFIG=$kubeconfig
        node_answers || { say "starting the node" && "$cluster_dir/node/start.sh"; }
        ;;
esac
"$cluster_dir/images.sh" "${images[@]}" | while read -r _ archive; do "$cluster_dir/load-image.sh" "$archive"; done
say "up: export KUBECONFIG=$kubeconfig PATH=$tools:\$PATH"
