# Brings what the test kernel needs. The guest's tree and User-Mode-Linux are made once and cached.
# shellcheck shell=bash disable=SC2034,SC2154

cache=${DMTHIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmthin}
host_packages=(dmsetup fdisk thin-provisioning-tools xfsprogs e2fsprogs btrfs-progs util-linux mount kmod procps libatomic1)
# Version 7 has the seccomp mode, 4 to 5 times faster than 6.1.
declare -A kernel_suite=([7]=sid [6.1]=bookworm)

setup_host() {
  install_missing "${host_packages[@]}"
}

# Sets guest (tree and scratch image), kernel (version) and kernel_tree (unpacked package).
setup_uml() {
  recipe=$(sha256sum "$vm_dir/lib/build.sh")
  recipe=${recipe:0:12}
  guest=$cache/guest-$recipe
  if [[ -z $kernel && -e $guest/kernel ]]; then kernel=$(<"$guest/kernel"); fi
  kernel_tree=$cache/uml-$kernel-$recipe
  if [[ -e $guest/kernel && -n $kernel && -d $kernel_tree ]]; then
    touch "$guest" "$kernel_tree"
    return
  fi
  mkdir -p "$cache"
  # Builders inherit the descriptor: the lock is held until the last of them is gone.
  exec {setup_lock}>"$cache/lock"
  flock "$setup_lock"
  fill_cache
  exec {setup_lock}>&-
  kernel=${kernel:-$(<"$guest/kernel")}
  kernel_tree=$cache/uml-$kernel-$recipe
}

fill_cache() {
  rm -rf "$cache"/*.partial
  find "$cache" -maxdepth 1 \( -name 'guest-*' -o -name 'uml-*' \) -mtime +14 -exec rm -rf {} +
  if [[ ! -d $guest ]]; then
    install_missing mmdebstrap
    build guest "$guest" || die 'the files of the guest cannot be built'
  fi
  [[ -z $kernel ]] || need_kernel "$kernel" || die "User-Mode-Linux $kernel cannot be had"
  [[ -e $guest/kernel ]] || choose_kernel
}

# A version that cannot be fetched, or does not boot here, must not cost the test run: the older one does the same work.
choose_kernel() {
  local candidate
  for candidate in 7 6.1; do
    if need_kernel "$candidate" && boots "$candidate"; then
      printf '%s\n' "$candidate" >"$guest/kernel"
      return
    fi
    printf 'vm: User-Mode-Linux %s is of no use here\n' "$candidate" >&2
  done
  die 'no User-Mode-Linux boots on this machine'
}

need_kernel() {
  [[ -d $cache/uml-$1-$recipe ]] || build kernel "$cache/uml-$1-$recipe" "${kernel_suite[$1]}"
}

boots() (
  kernel=$1 kernel_tree=$cache/uml-$1-$recipe disks=() mem=512M udev=0 limit=60 tty=never command_line=(true)
  run_uml
)

# build PART DIRECTORY ARGUMENT...: the directory appears only when complete.
build() {
  local part=$1 goal=$2
  mkdir -p "$goal.partial"
  if ! bash "$vm_dir/lib/build.sh" "$part" "$goal.partial" "${@:3}" 3>&2 </dev/null >"$cache/setup.log" 2>&1; then
    tail -n 20 "$cache/setup.log" >&2
    rm -rf "$goal.partial"
    return 1
  fi
  rm "$cache/setup.log"
  mv "$goal.partial" "$goal"
}

# install_missing PACKAGE...: apt's lists are refreshed only when something is missing.
install_missing() {
  local package missing=()
  for package; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  printf 'vm: installing %s\n' "${missing[*]}" >&2
  local output
  # A foreign source of this machine may fail to answer; whether Debian's did, the next command shows.
  output=$(apt-get -q update 2>&1) || true
  output+=$(DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" 2>&1) || {
    printf '%s\n' "$output" | tail -n 20 >&2
    die "these packages cannot be installed: ${missing[*]}"
  }
}
