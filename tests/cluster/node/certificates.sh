#!/usr/bin/env bash
# certificates.sh: a certificate authority, a certificate for every component, and their kubeconfigs, into the state folder.
# Each component has the identity that a real cluster gives it, so that RBAC and NodeRestriction mean something here too.
set -euo pipefail
. "$(dirname "$0")/../env.sh"
mkdir -p "$state/pki"
cd "$state/pki"

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

authority() { # NAME
    new_key "$1"
    openssl req -x509 -new -key "$1.key" -subj "/CN=$1" -days 3650 -out "$1.crt" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,digitalSignature
}

certificate() { # AUTHORITY NAME SUBJECT EXTENSION...
    local by=$1 name=$2 subject=$3
    shift 3
    new_key "$name"
    openssl req -new -key "$name.key" -subj "$subject" -out "$name.csr"
    printf '%s\n' "$@" >"$name.ext"
    openssl x509 -req -in "$name.csr" -CA "$by.crt" -CAkey "$by.key" -CAcreateserial -days 3650 -extfile "$name.ext" \
        -out "$name.crt" 2>/dev/null
}

user() { # FILE NAME SUBJECT
    certificate ca "$2" "$3" extendedKeyUsage=clientAuth
    cat >"$1" <<YAML
apiVersion: v1
kind: Config
clusters:
  - name: $cluster_name
    cluster: {server: "https://$node_address:6443", certificate-authority-data: $(base64 -w0 ca.crt)}
users:
  - name: $2
    user: {client-certificate-data: $(base64 -w0 "$2.crt"), client-key-data: $(base64 -w0 "$2.key")}
contexts:
  - name: $cluster_name
    context: {cluster: $cluster_name, user: $2}
current-context: $cluster_name
YAML
    chmod 600 "$1"
}

authority ca
service=kubernetes.default.svc
certificate ca apiserver /CN=kube-apiserver extendedKeyUsage=serverAuth \
    "subjectAltName=DNS:kubernetes,DNS:kubernetes.default,DNS:$service,DNS:$service.cluster.local,DNS:localhost,$(
    )IP:127.0.0.1,IP:$node_address,IP:${service_range%.0/*}.1"
certificate ca apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client extendedKeyUsage=clientAuth
# The aggregation layer has an authority of its own: who holds its certificate may speak for any user.
authority front-proxy-ca
certificate front-proxy-ca front-proxy-client /CN=front-proxy-client extendedKeyUsage=clientAuth
openssl genrsa -out service-accounts.key 2048
openssl rsa -in service-accounts.key -pubout -out service-accounts.pub 2>/dev/null

user ../controller-manager.kubeconfig controller-manager /CN=system:kube-controller-manager
user ../scheduler.kubeconfig scheduler /CN=system:kube-scheduler
user ../proxy.kubeconfig proxy /CN=system:kube-proxy
user ../kube-router.kubeconfig kube-router /CN=kube-router
user ../kubelet.kubeconfig kubelet "/O=system:nodes/CN=system:node:$node_name"
user ../admin.kubeconfig admin /O=system:masters/CN=admin
