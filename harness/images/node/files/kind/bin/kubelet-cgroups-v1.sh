#!/bin/sh
# Before each start of the kubelet on a cgroup v1 host: its two cgroups must exist in
# every hierarchy, else it refuses to start ("has some missing paths"). The entrypoint
# makes them only in those that it finds mounted, before systemd mounts the others.
[ ! -f /sys/fs/cgroup/cgroup.controllers ] || exit 0
# A hierarchy that appears only after the start and that pods do not use.
umount -q /sys/fs/cgroup/hugetlb
for controller in /sys/fs/cgroup/*/; do
  for group in kubelet kubelet.slice; do
    mkdir -p "$controller$group"
    # An empty set would refuse every process.
    for set in cpuset.cpus cpuset.mems; do
      [ ! -f "$controller$set" ] || cat "$controller$set" >"$controller$group/$set"
    done
  done
done
