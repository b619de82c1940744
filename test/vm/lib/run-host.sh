# Runs the command on this machine's own kernel, in private namespaces, with a scratch directory and loop disks.
# Device-mapper and loop devices belong to the whole machine: those that lie on our scratch directory are removed afterwards.
# shellcheck shell=bash disable=SC2154

# True where dm-thin, its device nodes and a filesystem fit for loop pools are at hand.
host_has_thin() {
  modprobe -q -a loop dm-thin-pool 2>/dev/null || true
  [[ -d /sys/module/dm_thin_pool && -c /dev/mapper/control && -c /dev/loop-control ]] || return 1
  # A container's own /dev would not show new devices.
  [[ $(findmnt -n -o FSTYPE --target /dev) == devtmpfs ]] || return 1
  scratch_parent >/dev/null
}

# The first directory on a filesystem that can hold loop pools.
scratch_parent() {
  local directory
  for directory in "${DMTHIN_VM_DIR:-/var/tmp}" /var/lib "$HOME"; do
    case $(stat -f -c %T "$directory" 2>/dev/null) in
      ext2/ext3 | xfs | btrfs)
        printf '%s\n' "$directory"
        return
        ;;
    esac
  done
  return 1
}

# Reads command_line, disks, limit. Returns the command's exit code.
run_host() {
  local scratch disk loop names=() code=0
  scratch=$(mktemp -d "$(scratch_parent || die 'no directory on ext4, xfs or btrfs: set DMTHIN_VM_DIR')/dmthin-vm.XXXXXXXXXX")
  # shellcheck disable=SC2317 # called by supervise
  after_abandon() { clean_host; }
  for disk in "${disks[@]}"; do
    if [[ $disk == new\ * ]]; then
      loop=$scratch/disk-${#names[@]}
      truncate -s "${disk#* }" "$loop"
    else
      loop=${disk#* }
    fi
    names+=("$(losetup --find --show --direct-io=on "$loop")")
  done
  export DMTHIN_SCRATCH=$scratch DMTHIN_DISKS="${names[*]}" PATH="$repo/node_modules/.bin:$PATH"
  if [[ $tty == auto && -t 0 ]]; then
    supervise_on_host || code=$?
  else
    supervise_on_host </dev/null || code=$?
  fi
  clean_host
  return "$code"
}

supervise_on_host() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  supervise --mount-proc --propagation private \
    bash -c 'mount --make-rshared / && cd "$1" && exec "${@:2}"' vm "$repo" "${command_line[@]}"
}

# Mounts went with the namespace. Holders are listed after what they lie on, so the reverse order takes them down.
clean_host() {
  local loop holder
  for loop in $(losetup --noheadings --output NAME,BACK-FILE | awk -v under="$scratch/" 'index($2, under) == 1 { print $1 }') "${names[@]}"; do
    for holder in $(lsblk --noheadings --raw --output NAME,TYPE "$loop" 2>/dev/null | awk '$2 != "loop" { print $1 }' | tac); do
      dmsetup resume "$holder" 2>/dev/null || true
      dmsetup remove --retry "$holder" 2>/dev/null || true
    done
    losetup --detach "$loop" 2>/dev/null || true
  done
  rm -rf "$scratch"
}
