#!/usr/bin/env bash
# load-image.sh ARCHIVE...: puts image archives into the cluster of up.sh. Those it has with the same content are left alone.
set -euo pipefail
. "$(dirname "$0")/env.sh"

for archive in "$@"; do
    case $(provider) in
        given) fail "the cluster of KUBECONFIG takes its images from a registry: push them there" ;;
        kind) kind load image-archive --name "$cluster_name" "$archive" ;;
        node) "$cluster_dir/node/import.sh" "$archive" ;;
    esac
done
