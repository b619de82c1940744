# Starts one User-Mode-Linux guest. Its files are unlinked before they are used: no end of this process can leave them behind.
# shellcheck shell=bash disable=SC2034,SC2154

# Reads command_line, disks, mem, udev, limit, tty, guest, kernel, kernel_tree. Returns the command's exit code.
run_uml() {
  local store=${DMTHIN_VM_DIR:-/var/tmp} log disk_fds=() disk_names=() interactive=0 code=0
  open_unlinked log
  open_disks
  [[ $tty == auto && -t 0 && -t 1 ]] && interactive=1
  # shellcheck disable=SC2317 # called by supervise
  after_abandon() { :; }
  VM_DIR=$vm_dir VM_CACHE=$cache VM_TREE=$guest/tree VM_KERNEL_TREE=$kernel_tree VM_KERNEL=$kernel VM_MEM=$mem VM_UDEV=$udev \
    VM_INTERACTIVE=$interactive VM_LOG_FD=$log VM_DISK_FDS="${disk_fds[*]}" VM_DISKS="${disk_names[*]}" \
    supervise bash "$vm_dir/lib/inside.sh" "${command_line[@]}" || code=$?
  if ((code)) || [[ -n ${DMTHIN_VM_LOG:-} ]]; then keep_log; fi
  close_files "$log" "${disk_fds[@]}"
  return "$code"
}

# open_unlinked VARIABLE: a read-write descriptor of a file that has no name any more.
open_unlinked() {
  local -n descriptor=$1
  local file
  file=$(mktemp "$store/dmthin-vm.XXXXXXXXXX")
  exec {descriptor}<>"$file"
  rm "$file"
}

close_files() {
  local descriptor
  for descriptor; do exec {descriptor}>&-; done
}

# The first disk is the scratch filesystem; the others are raw, /dev/ubdc onward.
open_disks() {
  local letters=(c d e f g h) disk fd
  ((${#disks[@]} <= ${#letters[@]})) || die "at most ${#letters[@]} disks"
  open_unlinked fd
  cp --sparse=always "$guest/scratch.img" "/proc/$BASHPID/fd/$fd" || die "the scratch disk cannot be made in $store"
  disk_fds+=("$fd")
  for disk in "${disks[@]}"; do
    if [[ $disk == new\ * ]]; then
      open_unlinked fd
      truncate -s "${disk#* }" "/proc/$BASHPID/fd/$fd" || die "no disk of ${disk#* } can be made in $store"
    else
      exec {fd}<>"${disk#* }"
    fi
    disk_names+=("/dev/ubd${letters[${#disk_names[@]}]}")
    disk_fds+=("$fd")
  done
}

# The kernel's log of a failed run. Without DMTHIN_VM_LOG it lies in the cache, where the newest five are kept.
keep_log() {
  local file=${DMTHIN_VM_LOG:-}
  if [[ -z $file ]]; then
    mkdir -p "$cache/logs"
    find "$cache/logs" -name 'kernel-*.log' -printf '%T@ %p\n' | sort -rn | tail -n +5 | cut -d' ' -f2- | xargs -r -d '\n' rm -f
    file=$cache/logs/kernel-$(date +%Y%m%d-%H%M%S)-$BASHPID.log
  fi
  cat "/proc/$BASHPID/fd/$log" >"$file"
  ((code == 0)) || printf 'vm: exit code %s; kernel log: %s\n' "$code" "$file" >&2
}
