# Brings what the test kernel needs: host packages, the guest's tree, User-Mode-Linux. Everything is made once and cached.
# shellcheck shell=bash disable=SC2154

cache=${DMTHIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmthin}

guest_suite=trixie
guest_packages=dmsetup,thin-provisioning-tools,xfsprogs,e2fsprogs,btrfs-progs,util-linux,mount,kmod,iproute2,procps,udev,lvm2,libatomic1
host_packages=(dmsetup thin-provisioning-tools xfsprogs e2fsprogs btrfs-progs util-linux mount kmod procps libatomic1)
# User-Mode-Linux 7 has the seccomp mode (4 to 5 times faster); it needs the newer libc of the guest's tree.
declare -A kernel_suite=([7]=sid [6.1]=bookworm)
scratch_size=200G

setup_host() {
  install_missing "${host_packages[@]}"
}

# Sets guest (directory of the tree and scratch image) and kernel_tree (unpacked User-Mode-Linux package).
setup_uml() {
  local recipe
  recipe=$(sha256sum "$vm_dir/lib/setup.sh")
  recipe=${recipe:0:12}
  guest=$cache/guest-$recipe
  [[ -n $kernel ]] || kernel=$(cat "$guest/kernel" 2>/dev/null) || true
  kernel_tree=$cache/uml-${kernel:-none}-$recipe
  [[ -n $kernel && -e $guest/kernel && -d $kernel_tree ]] && return 0

  mkdir -p "$cache"
  exec {setup_lock}>"$cache/lock"
  flock "$setup_lock"
  remove_leftovers
  [[ -d $guest ]] || build_in_place "$guest" build_guest
  if [[ -n $kernel ]]; then
    need_kernel "$kernel" || die "User-Mode-Linux $kernel cannot be had"
  fi
  [[ -e $guest/kernel ]] || choose_kernel
  kernel=${kernel:-$(cat "$guest/kernel")}
  kernel_tree=$cache/uml-$kernel-$recipe
  exec {setup_lock}>&-
}

# A newer kernel that cannot be fetched or does not boot here must not cost the test run: the older one does the same.
choose_kernel() {
  local candidate
  for candidate in 7 6.1; do
    if need_kernel "$candidate" && boots "$candidate"; then
      printf '%s\n' "$candidate" >"$guest/kernel"
      return
    fi
    say "User-Mode-Linux $candidate is no use here"
  done
  die 'no User-Mode-Linux boots on this machine'
}

boots() {
  (
    kernel=$1 kernel_tree=$cache/uml-$1-$recipe disks=() mem=512M udev=0 limit=60 tty=never command_line=(true)
    run_uml
  )
}

need_kernel() {
  local version=$1
  [[ -d $cache/uml-$version-$recipe ]] || build_in_place "$cache/uml-$version-$recipe" unpack_kernel "${kernel_suite[$version]}"
}

# build_in_place DIRECTORY FUNCTION ARGUMENTS...: the function fills a temporary directory, which is renamed when complete.
build_in_place() {
  local goal=$1 partial=$1.partial
  shift
  mkdir -p "$partial"
  if (
    set -e
    "$1" "$partial" "${@:2}"
  ) >"$cache/setup.log" 2>&1; then
    mv "$partial" "$goal"
    rm -f "$cache/setup.log"
  else
    say "$1 failed:"
    tail -n 20 "$cache/setup.log" >&2
    rm -rf "$partial"
    return 1
  fi
}

# Only called under the lock: whatever is partial has no builder any more.
remove_leftovers() {
  rm -rf "$cache"/*.partial
}

build_guest() {
  say "building the guest's files (about 20 s)"
  install_missing mmdebstrap
  local source
  source="deb [signed-by=$(keyring)] $(mirror) $guest_suite main"
  mmdebstrap --mode=root --variant=minbase --include="$guest_packages" --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$guest_suite" "$1/tree" "$source"
  # Mount points; a guest sees its own tree read-only.
  mkdir -p "$1/tree/vm/"{kernel,repo,run}
  truncate -s "$scratch_size" "$1/scratch.img"
  # Few inodes and a small journal keep the image at a few MB; pools want one big file each.
  touch "$1/tree/tmp/scratch.img"
  mount --bind "$1/scratch.img" "$1/tree/tmp/scratch.img"
  chroot "$1/tree" mkfs.ext4 -q -F -m 0 -N 65536 -J size=64 -E nodiscard,lazy_itable_init=1,lazy_journal_init=1 /tmp/scratch.img
  umount "$1/tree/tmp/scratch.img"
  rm "$1/tree/tmp/scratch.img"
}

# The package is unpacked, never installed: its libc may be newer than the host's.
unpack_kernel() {
  local directory=$1 suite=$2 apt=$1/apt options
  say "fetching User-Mode-Linux from $suite"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  printf 'deb [signed-by=%s] %s %s main\n' "$(keyring)" "$(mirror)" "$suite" >"$apt/sources.list"
  options=(-o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$apt/lists"
    -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3)
  apt-get "${options[@]}" -q update
  (cd "$apt" && apt-get "${options[@]}" -q download user-mode-linux)
  dpkg-deb -x "$apt"/user-mode-linux_*.deb "$directory"
  rm -rf "$apt"
}

# install_missing PACKAGES...: apt's lists are refreshed only when something is missing.
install_missing() {
  local package missing=()
  for package; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "installing ${missing[*]}"
  apt-get -q update
  DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}"
}

# The mirror this machine already uses; security and updates live elsewhere or lack whole releases.
mirror() {
  local found
  found=$(debian_mirrors | head -n 1)
  if [[ -z $found ]]; then
    apt-get -q update >&2
    found=$(debian_mirrors | head -n 1)
  fi
  [[ -n $found ]] || die 'apt knows no Debian mirror'
  printf '%s\n' "$found"
}

# shellcheck disable=SC2016 # apt expands these
debian_mirrors() {
  apt-get indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "Debian" && $2 == "Debian" && $3 == "main" && $4 !~ /-/ { print $5 }'
}

keyring() {
  local file
  for file in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
    [[ -e $file ]] && printf '%s\n' "$file" && return
  done
  die 'package debian-archive-keyring is missing'
}

# Progress goes to the terminal even while a builder's output is kept in the log.
say() {
  printf 'vm: %s\n' "$*" >&"${say_fd:-2}"
}
exec {say_fd}>&2
