#!/bin/bash
# shellcheck disable=SC2154 # variables of the settings file
# Process 1 of the guest. First call: puts a writable overlay on the read-only tree. Second call: prepares the system as a node
# would find it, runs the command, leaves its exit code behind and powers off.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root

power_off() {
  echo o >/proc/sysrq-trigger
  sleep 60
}

# hostfs DIRECTORY-OF-HOST MOUNTPOINT: kernel 7 wants a named option, 6.1 the bare path.
mount_hostfs() {
  mount -t hostfs -o "hostfs=$1" none "$2" 2>/dev/null || mount -t hostfs -o "$1" none "$2"
}

enter_overlay() {
  mount -t proc proc /proc
  mkdir -p /lib/modules 2>/dev/null
  insmod "$(find /vm/kernel/usr/lib/uml/modules -name overlay.ko)"
  mount -t tmpfs tmpfs /mnt
  mkdir /mnt/upper /mnt/work /mnt/root
  mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
  mount --bind /vm/repo/test/vm/lib /mnt/root/vm/repo
  exec switch_root /mnt/root /vm/repo/guest-init.sh overlay
}

# switch_root brought /proc and /dev along.
mount_system() {
  mount -t sysfs sysfs /sys
  mkdir -p /dev/pts /dev/shm
  mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
  mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  ln -sf /proc/self/fd /dev/fd
  ln -sf /proc/self/fd/0 /dev/stdin
  ln -sf /proc/self/fd/1 /dev/stdout
  ln -sf /proc/self/fd/2 /dev/stderr
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mount -t tmpfs -o mode=1777 tmpfs /tmp
  mount -t tmpfs -o mode=755 tmpfs /run
  mount --make-rshared /
}

mount_repo() {
  mkdir -p "$repo"
  mount_hostfs /vm/repo "$repo"
  mkdir -p "$DMTHIN_CACHE"
  mount_hostfs /vm/cache "$DMTHIN_CACHE"
}

mount_scratch() {
  mkdir -p "$DMTHIN_SCRATCH"
  # The image is sparse: its inode tables are never zeroed, and what is deleted gives its space back.
  mount -t ext4 -o noatime,discard,noinit_itable /dev/ubdb "$DMTHIN_SCRATCH"
}

load_modules() {
  mkdir -p /lib/modules
  ln -sfn "/vm/kernel/usr/lib/uml/modules/$(uname -r)" "/lib/modules/$(uname -r)"
  modprobe -a loop dm-mod dm-thin-pool dm-flakey dm-delay dm-log-writes dm-dust dm-snapshot
}

set_limits() {
  # libuv's io_uring breaks User-Mode-Linux 7 (bad page map, then an endless loop).
  [[ ! -e /proc/sys/kernel/io_uring_disabled ]] || echo 2 >/proc/sys/kernel/io_uring_disabled
  ulimit -n 65536
  hostname dmthin-vm
  ip link set lo up
}

start_udev() {
  /usr/lib/systemd/systemd-udevd --daemon
  udevadm trigger --action=add --subsystem-match=block --subsystem-match=misc
  udevadm settle
}

# Copies through a pipe: the command sees no terminal, and the raw serial line carries every byte as it is.
run_piped() {
  stty -F /dev/ttyS0 raw -echo
  stty -F /dev/ttyS1 raw -echo
  mkfifo /run/vm-stdout /run/vm-stderr
  cat </run/vm-stdout >/dev/ttyS0 &
  local writers=($!)
  cat </run/vm-stderr >/dev/ttyS1 &
  writers+=($!)
  (cd "$repo" && exec setsid "${command_line[@]}") </dev/null >/run/vm-stdout 2>/run/vm-stderr &
  wait $!
  code=$?
  end_processes "${writers[@]}"
  local writer
  for writer in "${writers[@]}"; do drain "$writer"; done
}

# A process that hangs on a suspended device cannot be killed and keeps the pipe open: an idle copier has nothing left to copy.
drain() {
  while kill -0 "$1" 2>/dev/null; do
    grep -q pipe_read "/proc/$1/stack" 2>/dev/null && kill "$1"
    sleep 0.02
  done
}

run_interactive() {
  # shellcheck disable=SC2086 # two numbers
  set -- $terminal_size
  stty -F /dev/ttyS0 sane rows "$1" columns "$2"
  (cd "$repo" && exec setsid --ctty --wait "${command_line[@]}") </dev/ttyS0 >/dev/ttyS0 2>&1 &
  wait $!
  code=$?
}

# A daemon left by the command must not hold the pipes open.
end_processes() {
  local process
  for process in /proc/[0-9]*; do
    process=${process#/proc/}
    [[ $process == 1 || " $* " == *" $process "* ]] || kill -KILL "$process" 2>/dev/null
  done
}

[[ ${1:-} == overlay ]] || enter_overlay
mount_system
# shellcheck disable=SC1091
. /vm/run/settings
set_limits
load_modules
mount_repo
mount_scratch
export PATH="$repo/node_modules/.bin:$PATH"
if ((udev)); then start_udev; else export DM_DISABLE_UDEV=1; fi
if ((interactive)); then run_interactive; else run_piped; fi
mount_hostfs /vm/run /vm/run
echo "$code" >/vm/run/exit-code
# Only this file: a full sync would wait for devices that a test left suspended.
sync /vm/run/exit-code
power_off
