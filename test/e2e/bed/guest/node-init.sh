#!/bin/bash
# shellcheck disable=SC2154 # variables of the kernel's command line
# Process 1 of a node, on its ext4 root: prepares the system as a distribution would, then containerd and the kubelet.
# bed_mode=import instead takes the images of /bed/archives into containerd's store, and powers off.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root

mount_system() {
  mountpoint -q /dev || mount -t devtmpfs devtmpfs /dev
  mount -t sysfs sysfs /sys
  mkdir -p /dev/pts /dev/shm
  mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
  mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  ln -sfn /proc/self/fd /dev/fd
  ln -sfn /proc/self/fd/0 /dev/stdin
  ln -sfn /proc/self/fd/1 /dev/stdout
  ln -sfn /proc/self/fd/2 /dev/stderr
  mount -t tmpfs -o mode=1777 tmpfs /tmp
  mount -t tmpfs -o mode=755 tmpfs /run
  mount --make-rshared /
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  # Processes stay in the root: kernel threads cannot leave it, and kubelet wants "cpu" there.
  local controller
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
    echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
  done
}

set_kernel() {
  # libuv's io_uring breaks User-Mode-Linux 7 (bad page map, then an endless loop).
  [[ ! -e /proc/sys/kernel/io_uring_disabled ]] || echo 2 >/proc/sys/kernel/io_uring_disabled
  echo 1 >/proc/sys/net/ipv4/ip_forward
  ulimit -n 1048576
  # cAdvisor wants a clock speed and a core, which User-Mode-Linux does not show.
  {
    grep -v '^$' /proc/cpuinfo
    printf 'cpu MHz\t\t: 2000.000\nphysical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\n\n'
  } >/run/cpuinfo
  mount --bind /run/cpuinfo /proc/cpuinfo
  modprobe -a overlay bridge veth loop
}

set_network() {
  hostname "$node_name"
  printf '127.0.0.1 localhost\n%s %s\n' "$node_address" "$node_name" >/etc/hosts
  ip link set lo up
  ip address add "$node_address/32" dev vec0
  ip link set vec0 up
  ip route add "$host_address" dev vec0 src "$node_address"
  ip route add default via "$host_address" dev vec0
  # What CNI remembers is of sandboxes that this boot ended. After a power cut it may be empty files, on which containerd hangs.
  rm -rf /var/lib/cni
  mkdir -p /etc/cni/net.d
  # Written without fsync: after a power cut some are empty, and the sandboxes that they are of could never be taken down.
  [[ ! -d /var/lib/cni/results ]] || find /var/lib/cni/results -type f -size 0 -delete
  sed "s#POD_CIDR#$pod_cidr#" /bed/cni.json >/etc/cni/net.d/10-bed.conflist
}

start_containerd() {
  containerd --config /bed/containerd.toml >>"$logs/containerd.log" 2>&1 &
  until ctr version >/dev/null 2>&1; do sleep 0.1; done
}

import_images() {
  local archive
  for archive in /bed/archives/*.tar; do
    echo "importing ${archive##*/}"
    ctr -n k8s.io images import "$archive" || exit_code=1
  done
  ctr -n k8s.io images ls -q
  kill "$!" && wait "$!"
}

# Starts it again when it ends, as systemd would; `bed kubelet NODE restart` ends it.
run_kubelet() {
  while :; do
    /bed/bin/kubelet --config=/bed/kubelet.json --kubeconfig="/bed/nodes/$node_name.kubeconfig" --hostname-override="$node_name" \
      --node-ip="$node_address" --v=2 >>"$logs/kubelet.log" 2>&1 &
    echo "$!" >/run/kubelet.pid
    wait "$!"
    sleep 0.5
  done
}

power_off() {
  sync
  mount -o remount,ro /
  echo o >/proc/sysrq-trigger
  sleep 60
}

exit_code=0
mount_system
set_kernel
case $bed_mode in
  import)
    logs=/run
    hostname import
    ip link set lo up
    start_containerd
    import_images
    echo "$exit_code" >/bed/import-result
    power_off
    ;;
  node)
    logs=/var/log
    set_network
    /bed/bin/node /bed/agent.ts "$node_address" >>$logs/agent.log 2>&1 &
    start_containerd
    run_kubelet
    ;;
esac
