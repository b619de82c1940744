# Starts one User-Mode-Linux guest in its own process and mount namespaces. Nothing of it outlives this process:
# temporary files are unlinked before they are used, mounts are private, and the kernel kills the namespace with its parent.
# shellcheck shell=bash disable=SC2154

# Reads command_line, disks, mem, udev, limit, tty, guest, kernel, kernel_tree. Returns the command's exit code.
run_uml() {
  local store log disk_fds=() disk_names=() letter child code=0
  store=${DMTHIN_VM_DIR:-/var/tmp}
  open_unlinked log "$store"
  open_disks
  local interactive=0
  [[ $tty == auto && -t 0 && -t 1 ]] && interactive=1
  local saved_tty=''
  ((interactive)) && saved_tty=$(stty -g)

  trap 'end_guest 143' TERM
  trap 'end_guest 130' INT
  trap 'end_guest 129' HUP
  VM_DIR=$vm_dir VM_TREE=$guest/tree VM_KERNEL_TREE=$kernel_tree VM_KERNEL=$kernel VM_MEM=$mem VM_UDEV=$udev VM_LIMIT=$limit \
    VM_INTERACTIVE=$interactive VM_LOG_FD=$log VM_DISK_FDS="${disk_fds[*]}" VM_DISKS="${disk_names[*]}" \
    setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child \
    bash "$vm_dir/lib/inside.sh" "${command_line[@]}" <&0 &
  child=$!
  wait "$child" || code=$?
  [[ -z $saved_tty ]] || stty "$saved_tty"
  trap - TERM INT HUP
  ((code == 0)) || keep_log
  return "$code"
}

end_guest() {
  trap '' TERM INT HUP
  kill -KILL "$child" 2>/dev/null || true
  wait "$child" 2>/dev/null || true
  [[ -z $saved_tty ]] || stty "$saved_tty"
  exit "$1"
}

# open_unlinked VARIABLE DIRECTORY: a read-write descriptor of a file that has no name any more.
open_unlinked() {
  local -n descriptor=$1
  local file
  file=$(mktemp "$2/dmthin-vm.XXXXXXXXXX")
  exec {descriptor}<>"$file"
  rm "$file"
}

# The first disk is the scratch filesystem, the others are the raw ones, /dev/ubdc onward.
open_disks() {
  local letters=(c d e f g h) disk fd
  ((${#disks[@]} <= ${#letters[@]})) || die "at most ${#letters[@]} disks"
  open_unlinked fd "$store"
  cp --sparse=always "$guest/scratch.img" "/proc/$BASHPID/fd/$fd"
  disk_fds+=("$fd")
  for disk in "${disks[@]}"; do
    if [[ $disk == new\ * ]]; then
      open_unlinked fd "$store"
      truncate -s "${disk#* }" "/proc/$BASHPID/fd/$fd"
    else
      exec {fd}<>"${disk#* }"
    fi
    disk_fds+=("$fd")
    disk_names+=("/dev/ubd${letters[${#disk_names[@]}]}")
  done
}

# The kernel's log of a failed run; the newest five are kept.
keep_log() {
  local file=${DMTHIN_VM_LOG:-}
  if [[ -z $file ]]; then
    mkdir -p "$cache/logs"
    file=$cache/logs/kernel-$(date +%Y%m%d-%H%M%S)-$$.log
  fi
  cat "/proc/$BASHPID/fd/$log" >"$file"
  find "$cache/logs" -name 'kernel-*.log' -printf '%T@ %p\n' 2>/dev/null | sort -rn | tail -n +6 | cut -d' ' -f2- | xargs -r -d '\n' rm -f
  printf 'vm: exit code %s; kernel log: %s\n' "$code" "$file" >&2
}
