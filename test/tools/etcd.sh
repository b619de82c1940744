#!/usr/bin/env bash
# Prints the path of etcd, which is brought into the cache if it is not there. kube-apiserver takes that of Debian 12, too.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/from-debian.sh" etcd etcd-server
