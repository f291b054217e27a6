#!/bin/sh
# usage: layer.sh WORK ROOTFS.TAR: makes WORK/layer.tar: what lies over the root file system,
# from WORK/stage, and the images of WORK/oci (whose layers WORK/layers names) in containerd's
# store.
# Runs in mount and pid namespaces of its own: its containerd and its mounts end with them.
#
# kind gives each node a volume at /var and copies the image's /var into it at every start.
# The unpacked images therefore lie in /kind/layers, and the store has links to them.
set -eu
work=$1 rootfs=$2
root=$work/root stage=$work/stage
store=var/lib/containerd
snapshots=$store/io.containerd.snapshotter.v1.overlayfs/snapshots
mkdir "$root"
tar -xf "$rootfs" -C "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
# Only the store and the snapshotter are wanted, not the service that the kubelet talks to.
cat >"$root/run/config.toml" <<'TOML'
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
TOML
chroot "$root" containerd --config /run/config.toml --log-level error &
containerd=$!
ctr() { chroot "$root" ctr --connect-timeout 60s --namespace k8s.io "$@"; }
tar -C "$work/oci" -cf - . | ctr images import - >&2
# The unpacked form serves: the blobs of the layers would only make the image larger.
layers=$(cat "$work/layers")
for digest in $layers; do ctr content rm "$digest" >/dev/null; done
ctr images list --quiet >&2
kill "$containerd"
wait "$containerd" || true
for digest in $layers; do
  rm -f "$root/$store/io.containerd.content.v1.content/blobs/sha256/${digest#sha256:}"
done
mkdir -p "$stage/kind/layers" "$stage/var/lib"
for snapshot in "$root/$snapshots"/*; do
  name=$(basename "$snapshot")
  mkdir "$stage/kind/layers/$name"
  mv "$snapshot/fs" "$stage/kind/layers/$name/fs"
  ln -s "/kind/layers/$name/fs" "$snapshot/fs"
done
mv "$root/$store" "$stage/$store"
tar --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 -C "$stage" -cf "$work/layer.tar" .
