#!/usr/bin/env bash
# Process 1 of a guest's namespaces on the host: arranges what User-Mode-Linux sees, boots it, hands back output and exit code.
# When this process ends, the kernel kills everything it started and drops every mount made here.
# shellcheck disable=SC2154
set -euo pipefail

root=$VM_TREE
run=$root/vm/run

mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
# The guest's memory is a file in its /tmp: it counts only as far as it is touched.
mount -t tmpfs -o mode=1777,size=100% tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$run"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$VM_KERNEL_TREE" "$root/vm/kernel"
repo=$(cd "$VM_DIR/../.." && pwd -P)
mount --rbind "$repo" "$root/vm/repo"
mount --bind "$VM_CACHE" "$root/vm/cache"
mount -o remount,bind,ro "$root/vm/cache"

# The guest sources this file; bash quotes what it reads back.
write_settings() {
  local name
  for name in $(compgen -e); do
    case $name in
      DMTHIN_VM_*) ;;
      DMTHIN_* | CI | TERM | SEED | KEEP_POOL | NODE_OPTIONS | NODE_COMPILE_CACHE | VITEST* | FORCE_COLOR | NO_COLOR) printf 'export %s=%q\n' "$name" "${!name}" ;;
    esac
  done
  printf 'export DMTHIN_DISKS=%q DMTHIN_CACHE=%q DMTHIN_SCRATCH=/var/lib/dmthin-test\n' "$VM_DISKS" "$VM_CACHE"
  printf 'repo=%q udev=%q interactive=%q\n' "$repo" "$VM_UDEV" "$VM_INTERACTIVE"
  ((VM_INTERACTIVE)) && printf 'terminal_size=%q\n' "$(stty size <&0)"
  printf 'command_line=(%s)\n' "$(printf '%q ' "$@")"
}
write_settings "$@" >"$run/settings"

# User-Mode-Linux makes its descriptors non-blocking: it gets its own, never the ones shared with our caller.
if ((VM_INTERACTIVE)); then
  exec {tty}<>/proc/self/fd/0
  serial=("ssl0=fd:$tty,fd:$tty" ssl1=null)
  readers=()
else
  exec {stdout}> >(exec cat) && readers=($!)
  exec {stderr}> >(exec {stdout}>&-; exec cat >&2) && readers+=($!)
  serial=("ssl0=null,fd:$stdout" "ssl1=null,fd:$stderr")
fi

letters=(b c d e f g h)
disks=()
for fd in $VM_DISK_FDS; do
  # d: plain data, whatever the first block may look like.
  disks+=("ubd${letters[${#disks[@]}]}d=/proc/1/fd/$fd")
done

arguments=("mem=$VM_MEM" root=/dev/root rootfstype=hostfs ro "init=/vm/repo/test/vm/lib/guest-init.sh"
  con=null "con0=null,fd:1" "${serial[@]}" console=tty0 panic=-1 pty.legacy_count=0 log_buf_len=1M uml_dir=/tmp/uml umid=guest "${disks[@]}")
[[ $VM_KERNEL == 6.1 ]] || arguments+=(seccomp=on)

# Its own session keeps the terminal's Ctrl-C away: the guest ends with this process instead.
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp TMPDIR=/tmp setsid chroot "$root" /vm/kernel/usr/bin/linux.uml "${arguments[@]}" \
  </dev/null >&"$VM_LOG_FD" 2>&1 &
uml=$!
[[ -z ${stdout:-} ]] || exec {stdout}>&- {stderr}>&-
# Quietly: bash would report a guest that was killed.
wait "$uml" 2>/dev/null || true
for reader in "${readers[@]}"; do wait "$reader" || true; done

[[ -s $run/exit-code ]] || {
  printf 'vm: the guest ended without an exit code\n' >&2
  exit 125
}
exit "$(cat "$run/exit-code")"
