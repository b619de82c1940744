#!/usr/bin/env bash
# The recipe of the cached parts: "build.sh guest DIRECTORY" or "build.sh kernel DIRECTORY SUITE" fills an empty directory.
# The cache is keyed by this file's content, so a change here rebuilds. Messages on descriptor 3 reach the user.
set -euo pipefail

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../tools" && pwd)

suite=trixie
packages=dmsetup,fdisk,thin-provisioning-tools,xfsprogs,e2fsprogs,btrfs-progs,util-linux,mount,kmod,iproute2,procps,udev,lvm2,dmeventd,mdadm,fio,libatomic1
scratch_size=200G

# One Debian tree: guest's root, place where User-Mode-Linux runs (it may need a newer libc than the host's), base of the image.
build_guest() {
  local tree=$1/tree
  printf 'vm: building the files of the guest (about 20 s)\n' >&3
  mmdebstrap --mode=root --variant=minbase --include="$packages" --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$suite" "$tree" "$("$tools/debian-source.sh" "$suite")"
  printf '127.0.0.1 localhost dmthin-vm\n::1 localhost\n' >"$tree/etc/hosts"
  # Mount points, because guests see this tree read-only.
  mkdir -p "$tree/vm/"{cache,kernel,repo,run}
  # Made by the tree's own mkfs. Few inodes and a small journal keep the sparse image at a few MB: pools want some big files.
  truncate -s "$scratch_size" "$tree/scratch.img"
  chroot "$tree" mkfs.ext4 -q -F -m 0 -N 65536 -J size=64 -E nodiscard,lazy_itable_init=1,lazy_journal_init=1 /scratch.img
  mv "$tree/scratch.img" "$1/scratch.img"
}

# The package is unpacked, never installed.
build_kernel() {
  local apt=$1/apt options
  printf 'vm: fetching User-Mode-Linux of %s\n' "$2" >&3
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  "$tools/debian-source.sh" "$2" >"$apt/sources.list"
  # A frozen mirror is good enough for a test kernel; signatures are checked all the same.
  options=(-o Acquire::Check-Valid-Until=false -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$apt/lists"
    -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3)
  apt-get "${options[@]}" -q update
  (cd "$apt" && apt-get "${options[@]}" -q download user-mode-linux)
  dpkg-deb -x "$apt"/user-mode-linux_*.deb "$1"
  rm -rf "$apt"
}

"build_$1" "${@:2}"
