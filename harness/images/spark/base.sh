#!/bin/sh
# Assembles the base of Spark images where no image registry answers: Debian 12 with a Java 17
# runtime, as a tar of a root file system.
#   base.sh WORK_DIRECTORY OUTPUT.tar
set -eu
root=$1/root
output=$2
# A mount namespace of its own: what debootstrap mounts goes with it, even after kill -9.
if [ "${3:-}" != private ]; then
    exec unshare --mount --propagation private sh "$0" "$1" "$2" private
fi
# As images/node/rootfs.sh: the mirror that this host's apt uses for the same suite; else
# debootstrap's default.
mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
  awk '$1 == "bookworm" { print $2; exit }') || mirror=
# tini reaps, procps is what decommissioning signals with.
debootstrap --variant=minbase \
    --include=openjdk-17-jre-headless,tini,procps,ca-certificates \
    bookworm "$root" $mirror >&2
# Executors log in to Hadoop by name: a uid without an entry kills them.
echo 'spark:x:185:0:Spark:/opt/spark:/bin/false' >> "$root/etc/passwd"
# So that the entrypoint can add an entry for any other uid (of group 0).
chgrp 0 "$root/etc/passwd"
chmod 664 "$root/etc/passwd"
# Executors work here, whatever their uid: group 0 may write.
mkdir -p "$root/opt/spark/work-dir"
chmod 775 "$root/opt/spark/work-dir"
# The same path on every architecture.
cd "$root"
(cd usr/lib/jvm && ln -s java-17-openjdk-* java-17)
rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/info usr/share/lintian \
    usr/share/fonts var/cache/apt/* var/cache/debconf/* var/lib/apt/lists/* var/log/* tmp/* \
    etc/hostname etc/resolv.conf etc/machine-id
tar --create --file "$output" --sort=name --numeric-owner --one-file-system .
cd /
rm -rf "$root"
