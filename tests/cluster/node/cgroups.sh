# Sourced: the node's cgroups. Every process of the node is in one of them, so they are also how the node is found and ended.
# shellcheck shell=bash disable=SC2154 # what env.sh sets

cgroup_hierarchies() { # the one of version 2, or each controller's of version 1
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        echo /sys/fs/cgroup
    else
        find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d ! -name unified
    fi
}

cgroups_of_node() { # also in hierarchies that only the container runtime uses
    local group
    for group in /sys/fs/cgroup/"$cluster_name" /sys/fs/cgroup/*/"$cluster_name"; do
        [ ! -d "$group" ] || find "$group" -depth -type d
    done
}

# The daemons get a leaf beside the pods' cgroups: version 2 allows no processes in an inner one. Where all want the CPU
# they get most of it: a busy node of a real cluster does not slow down the API server, which is elsewhere.
make_cgroups() {
    local hierarchy group
    for hierarchy in $(cgroup_hierarchies); do
        group=$hierarchy/$cluster_name
        mkdir -p "$group"
        if [ -e "$group/cgroup.subtree_control" ]; then
            sed 's/\</+/g' "$hierarchy/cgroup.controllers" | tee "$hierarchy/cgroup.subtree_control" >"$group/cgroup.subtree_control"
        elif [ -e "$group/cpuset.cpus" ]; then
            cat "$hierarchy/cpuset.cpus" >"$group/cpuset.cpus"
            cat "$hierarchy/cpuset.mems" >"$group/cpuset.mems"
            echo 1 >"$group/cgroup.clone_children"
        fi
        mkdir -p "$group/node"
        [ ! -e "$group/node/cpu.shares" ] || echo 10240 >"$group/node/cpu.shares"
        [ ! -e "$group/node/cpu.weight" ] || echo 1000 >"$group/node/cpu.weight"
    done
}

join_cgroups() { # PID
    local hierarchy
    for hierarchy in $(cgroup_hierarchies); do echo "$1" >"$hierarchy/$cluster_name/node/cgroup.procs"; done
}

processes_of_node() {
    local group
    for group in $(cgroups_of_node); do cat "$group/cgroup.procs" 2>/dev/null || true; done | sort -un
}

remove_cgroups() {
    local group
    for group in $(cgroups_of_node); do rmdir "$group" 2>/dev/null || true; done
    [ -z "$(cgroups_of_node)" ]
}
