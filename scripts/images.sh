#!/usr/bin/env bash
# images.sh [NAME...]: builds the container images (default: all) and writes an archive of each into the cache, for clusters that
# take images from no registry. Prints a line an image: its name and its archive. Only what changed is built again.
# Environment: BASE_IMAGE (default debian:bookworm-slim), IMAGE_REPOSITORY (default docker.io/logpipeline),
# BUILD_OPTIONS (more options for the builder), LOGPIPELINE_CACHE.
set -euo pipefail
cd "$(dirname "$0")/.."
base=${BASE_IMAGE:-debian:bookworm-slim}
repository=${IMAGE_REPOSITORY:-docker.io/logpipeline}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
archives=${LOGPIPELINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/logpipeline}/images
read -ra options <<<"${BUILD_OPTIONS:-}"

# In an order in which each finds what it builds on.
order=(kafka kafka-connect elasticsearch log-generator alert-bridge console report spark operator)
declare -A folder=(
    [kafka]=services/kafka
    [kafka-connect]=services/kafka-connect
    [elasticsearch]=services/elasticsearch
    [log-generator]=services/log-generator
    [alert-bridge]=services/alert-bridge
    [console]=services/console
    [report]=services/report
    [spark]=spark-apps
    [operator]=operator
)
declare -A also=(
    [kafka-connect]=services/kafka
    [log-generator]='logpipeline pyproject.toml requirements.lock'
    [alert-bridge]='logpipeline pyproject.toml requirements.lock'
    [console]='logpipeline pyproject.toml requirements.lock'
    [report]='logpipeline pyproject.toml requirements.lock'
    [spark]='services/kafka logpipeline pyproject.toml requirements.lock'
    [operator]='logpipeline pyproject.toml requirements.lock'
)

fail() {
    echo "images: $1" >&2
    exit 1
}

if docker info >/dev/null 2>&1; then
    engine=docker
elif command -v buildah >/dev/null; then
    engine=buildah
else
    fail "neither a Docker daemon nor buildah is here: install one of them"
fi

checksum() { # NAME
    # shellcheck disable=SC2086 # several paths
    find scripts/images.sh .dockerignore ${folder[$1]} ${also[$1]:-} -type f \
        ! -path '*/target/*' ! -path '*/__pycache__/*' ! -path '*/src/test/*' -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | cat - <(echo "$base $repository $version") | sha256sum
}

build() { # NAME
    local tag=$repository/$1:$version archive=$archives/$1.tar
    local command=("$engine" build --quiet --file "${folder[$1]}/Dockerfile" --tag "$tag" --build-arg "VERSION=$version"
        --build-arg "BASE_IMAGE=$base" "${options[@]}")
    [ "$engine" = docker ] || command+=(--layers)
    [ "$1" != kafka-connect ] || command+=(--build-arg "KAFKA_IMAGE=$repository/kafka:$version")
    echo "images: building $tag" >&2
    "${command[@]}" . >&2 || fail "$1 was not built. Where no registry can be reached, name a base that is here: BASE_IMAGE=..."
    rm -f "$archive"
    if [ "$engine" = docker ]; then
        docker save --output "$archive" "$tag"
    else
        buildah push --quiet "$tag" "docker-archive:$archive:$tag" >&2
    fi
}

mkdir -p "$archives"
[ $# -gt 0 ] || set -- "${order[@]}"
for name in "$@"; do
    [ -n "${folder[$name]:-}" ] || fail "there is no image '$name'; there are: ${order[*]}"
    inputs=$(checksum "$name")
    if [ ! -e "$archives/$name.tar" ] || [ "$(cat "$archives/.$name" 2>/dev/null)" != "$inputs" ]; then
        build "$name"
        echo "$inputs" >"$archives/.$name"
    fi
    echo "$repository/$name:$version $archives/$name.tar"
done
