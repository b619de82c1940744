#!/usr/bin/env bash
# The recipe of a node's root: node-root.sh DIRECTORY KERNEL_TREE fills an empty directory with "tree", a Debian that is
# also where User-Mode-Linux runs, and "root.ext4", the disk made of it.
set -euo pipefail

directory=$1 kernel_tree=$2
source=$("$(dirname "${BASH_SOURCE[0]}")/../../tools/debian-source.sh" trixie)
tree=$directory/tree
# The driver's image brings the storage tools; a node needs none of them but those its kubelet and a person use.
packages=containerd,runc,containernetworking-plugins,busybox-static,dmsetup,e2fsprogs,util-linux,mount,kmod,iproute2,procps,libatomic1
size=24G

mmdebstrap --mode=root --variant=minbase --include="$packages" --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  trixie "$tree" "$source"
rm -rf "$tree"/var/cache/apt/*.bin "$tree"/var/lib/apt/lists/*
cp -a "$kernel_tree/usr/lib/uml/modules" "$tree/usr/lib/"
cat >"$tree/usr/sbin/dmthin-node" <<'INIT'
#!/bin/bash
mount -t proc proc /proc
mount -t hostfs -o hostfs=/bed none /bed
exec /bin/bash /bed/node-init.sh
INIT
chmod +x "$tree/usr/sbin/dmthin-node"
# Mount points: guests and the bed see this tree read-only.
mkdir -p "$tree/vm/"{kernel,run,images} "$tree/bed"
truncate -s "$size" "$directory/root.ext4"
mkfs.ext4 -q -F -m 0 -N 500000 -J size=64 -E nodiscard,lazy_itable_init=1,lazy_journal_init=1 -d "$tree" "$directory/root.ext4"
