# Sourced by init.sh: the daemons and their options. Configuration that has a file format is in config/.
# shellcheck shell=bash disable=SC2154 # what env.sh sets

start_control_plane() {
    local pki=/mnt/pki
    keep etcd /mnt/tools/etcd --name "$node_name" --data-dir /mnt/etcd --log-level warn \
        --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
        --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
        --initial-cluster "$node_name=http://127.0.0.1:2380" --unsafe-no-fsync  # it is not meant to outlive the machine

    keep containerd containerd --config /mnt/config/containerd.toml

    # Pod Security and the usual admission plugins are on by default. The two limits let a test of scale ask hundreds of times a second.
    keep kube-apiserver /mnt/tools/kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
        --advertise-address="$node_address" --secure-port=6443 --service-cluster-ip-range="$service_range" \
        --tls-cert-file=$pki/apiserver.crt --tls-private-key-file=$pki/apiserver.key --client-ca-file=$pki/ca.crt \
        --kubelet-client-certificate=$pki/apiserver-kubelet-client.crt --kubelet-client-key=$pki/apiserver-kubelet-client.key \
        --kubelet-preferred-address-types=InternalIP \
        --service-account-issuer=https://kubernetes.default.svc.cluster.local \
        --service-account-key-file=$pki/service-accounts.pub --service-account-signing-key-file=$pki/service-accounts.key \
        --requestheader-client-ca-file=$pki/front-proxy-ca.crt --requestheader-allowed-names=front-proxy-client \
        --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
        --requestheader-extra-headers-prefix=X-Remote-Extra- \
        --proxy-client-cert-file=$pki/front-proxy-client.crt --proxy-client-key-file=$pki/front-proxy-client.key \
        --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
        --max-requests-inflight=1600 --max-mutating-requests-inflight=800

    # Without more requests a second than the default 20 the controllers, not the operator, would be what a test of scale measures.
    keep kube-controller-manager /mnt/tools/kube-controller-manager --kubeconfig=/mnt/controller-manager.kubeconfig \
        --authentication-kubeconfig=/mnt/controller-manager.kubeconfig --authorization-kubeconfig=/mnt/controller-manager.kubeconfig \
        --service-account-private-key-file=$pki/service-accounts.key --use-service-account-credentials=true \
        --root-ca-file=$pki/ca.crt --cluster-signing-cert-file=$pki/ca.crt --cluster-signing-key-file=$pki/ca.key \
        --requestheader-client-ca-file=$pki/front-proxy-ca.crt --client-ca-file=$pki/ca.crt \
        --enable-hostpath-provisioner=true --bind-address=127.0.0.1 --leader-elect=false \
        --kube-api-qps=300 --kube-api-burst=600

    keep kube-scheduler /mnt/tools/kube-scheduler --kubeconfig=/mnt/scheduler.kubeconfig \
        --authentication-kubeconfig=/mnt/scheduler.kubeconfig --authorization-kubeconfig=/mnt/scheduler.kubeconfig \
        --bind-address=127.0.0.1 --leader-elect=false --kube-api-qps=300 --kube-api-burst=600
}

start_node_agents() {
    keep kubelet /mnt/tools/kubelet --config=/mnt/config/kubelet.yaml --kubeconfig=/mnt/kubelet.kubeconfig \
        --hostname-override="$node_name" --node-ip="$node_address"
    keep kube-proxy /mnt/tools/kube-proxy --config=/mnt/config/proxy.yaml --hostname-override="$node_name"
    # The bridge plugin connects pods and knows no NetworkPolicy.
    keep kube-router /mnt/tools/kube-router --kubeconfig=/mnt/kube-router.kubeconfig --hostname-override="$node_name" \
        --service-cluster-ip-range="$service_range"
}
