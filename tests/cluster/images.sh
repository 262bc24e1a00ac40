#!/usr/bin/env bash
# images.sh [NAME...]: scripts/images.sh on a machine that reaches package registries but no image registry, perhaps through a proxy
# with an authority of its own. Nothing of that machine ends in an image: its files are mounted for the time of a build step.
set -euo pipefail
. "$(dirname "$0")/env.sh"

if [ -z "${BASE_IMAGE:-}" ] && ! docker info >/dev/null 2>&1; then
    BASE_IMAGE=$("$cluster_dir/base-image.sh")
    trust=$cache/trust
    mkdir -p "$trust"
    # For pip and Maven, which bring their own lists of authorities; apt checks signatures of its own.
    cp /etc/ssl/certs/ca-certificates.crt "$trust/authorities.pem"
    printf '[global]\ncert = /run/trust/authorities.pem\n' >"$trust/pip.conf"
    BUILD_OPTIONS="--network host --volume $trust:/run/trust:ro --volume $trust/pip.conf:/etc/pip.conf:ro"
    if [ -e /etc/ssl/certs/java/cacerts ]; then
        cp -L /etc/ssl/certs/java/cacerts "$trust/cacerts"
        echo 'MAVEN_OPTS="-Djavax.net.ssl.trustStore=/run/trust/cacerts -Djavax.net.ssl.trustStorePassword=changeit"' >"$trust/mavenrc"
        BUILD_OPTIONS+=" --volume $trust/mavenrc:/root/.mavenrc:ro"
    fi
    # Works inside containers and virtual machines alike; the steps are ours, there is nothing to be guarded from them.
    export BASE_IMAGE BUILD_OPTIONS BUILDAH_ISOLATION=chroot
fi
exec "$repository/scripts/images.sh" "$@"
