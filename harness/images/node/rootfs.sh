#!/bin/sh
# usage: rootfs.sh WORK PACKAGES: makes WORK/rootfs.tar, a Debian 12 with systemd.
# Runs in mount and pid namespaces of its own: what debootstrap mounts and starts ends with them.
#
# Debian 12, since systemd 256 and later refuse cgroup v1.
set -eu
work=$1 packages=$2
root=$work/root
# The mirror that this host's apt uses for the same suite; else debootstrap's default.
mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
  awk '$1 == "bookworm" { print $2; exit }') || mirror=
debootstrap --variant=minbase --include="$packages" bookworm "$root" $mirror >&2
cd "$root"
# What kind's own recipe removes: units that a node has no use for.
rm -rf lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service \
  lib/systemd/system/multi-user.target.wants/* etc/systemd/system/*.wants \
  lib/systemd/system/local-fs.target.wants/* lib/systemd/system/basic.target.wants/* \
  lib/systemd/system/timers.target.wants/* \
  lib/systemd/system/sockets.target.wants/*udev* lib/systemd/system/sockets.target.wants/*initctl*
ln -s /dev/null etc/systemd/system/systemd-binfmt.service
echo ReadKMsg=no >>etc/systemd/journald.conf
# Each node makes its own, and takes its own name and name server.
rm -f etc/machine-id etc/hostname etc/resolv.conf
rm -rf debootstrap var/cache/apt/* var/lib/apt/lists/* var/cache/debconf/* var/log/* tmp/* \
  usr/share/doc/* usr/share/man/* usr/share/locale/* usr/share/info/*
# Not called by anything here: 50 MB.
(cd usr/bin && rm -f containerd-shim containerd-shim-runc-v1 containerd-stress)
(cd usr/lib/cni && ls | grep -vxE 'bridge|host-local|loopback|portmap|ptp' | xargs rm)
# Device nodes are the container engine's.
tar --sort=name --mtime=@0 --numeric-owner --exclude='./dev/*' --exclude='./proc/*' \
  --exclude='./sys/*' --exclude='./run/*' -cf "$work/rootfs.tar" .
rm -rf "$root"
