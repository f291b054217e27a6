#!/bin/sh
# usage: minikube.sh WORK ROOTFS.TAR PACKAGE...: makes WORK/root, the node's root file system with
# packages of Debian and the user that Minikube logs in as.
# Runs in mount and pid namespaces of its own: what it mounts and starts ends with them.
set -eu
root=$1/root rootfs=$2
shift 2
export DEBIAN_FRONTEND=noninteractive
unset TMPDIR
mkdir "$root"
tar --extract --file "$rootfs" --directory "$root" --numeric-owner --same-permissions
mount -t proc proc "$root/proc"
# The archive has no devices.
mount --rbind /dev "$root/dev"
# The host's ways to the mirror: name servers, certificates, proxies. The mirror is debootstrap's.
cp /etc/resolv.conf "$root/etc/resolv.conf"
[ ! -d /etc/ssl/certs ] || mount --bind /etc/ssl/certs "$root/etc/ssl/certs"
host=$root/etc/apt/apt.conf.d/90host
apt-config dump 2>/dev/null | grep -E '^Acquire::(http|https|ftp)::' >"$host" || true
apt() {
    chroot "$root" apt-get --quiet=2 -o APT::Sandbox::User=root -o Acquire::Languages=none "$@" >&2
}
apt -o APT::Update::Error-Mode=any update
apt install --no-install-recommends "$@"
# Minikube copies its public key to the home of this user. A locked one may not log in by key either.
chroot "$root" useradd --create-home --uid 1000 --shell /bin/bash --password '*' docker
chroot "$root" install -d -m 700 -o docker -g docker /home/docker/.ssh
# Each node makes its own keys. The rest as in the root file system; and what differs each time.
cd "$root"
rm -rf "$host" etc/ssh/ssh_host_* usr/share/doc usr/share/man usr/share/locale usr/share/info \
    var/cache/apt/* var/cache/debconf/* var/cache/ldconfig var/lib/apt/lists/* \
    var/lib/apt/extended_states var/lib/dpkg/*-old var/log/* tmp/* etc/*- etc/.pwd.lock \
    etc/hostname etc/resolv.conf etc/machine-id
