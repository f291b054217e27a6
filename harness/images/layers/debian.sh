#!/bin/sh
# usage: debian.sh ROOT BASE.tar PACKAGE...: unpacks a Debian root file system and installs packages.
# Runs in mount and pid namespaces of its own: what it mounts and starts ends with them.
set -eu
root=$1 base=$2
shift 2
# Compiled Python that does not depend on times: all of the layer's are the same.
export SOURCE_DATE_EPOCH=0 DEBIAN_FRONTEND=noninteractive
unset TMPDIR
mkdir "$root"
tar --extract --file "$base" --directory "$root" --numeric-owner --same-permissions
mount -t proc proc "$root/proc"
# The host's ways to the mirror: name servers, certificates, proxies. The mirror is the one that the
# base came from.
cp /etc/resolv.conf "$root/etc/resolv.conf"
[ ! -d /etc/ssl/certs ] || mount --bind /etc/ssl/certs "$root/etc/ssl/certs"
host=$root/etc/apt/apt.conf.d/90host
apt-config dump 2>/dev/null | grep -E '^Acquire::(http|https|ftp)::' >"$host" || true
apt() {
    chroot "$root" apt-get --quiet=2 -o APT::Sandbox::User=root -o Acquire::Languages=none "$@" >&2
}
apt -o APT::Update::Error-Mode=any update
apt install --no-install-recommends "$@"
# As in the base; and what differs each time.
cd "$root"
rm -rf "$host" usr/share/doc usr/share/man usr/share/locale usr/share/info usr/share/lintian \
    usr/share/fonts var/cache/apt/* var/cache/debconf/* var/cache/ldconfig var/lib/apt/lists/* \
    var/lib/apt/extended_states var/lib/dpkg/*-old var/log/* tmp/* etc/*- etc/.pwd.lock \
    etc/hostname etc/resolv.conf etc/machine-id
