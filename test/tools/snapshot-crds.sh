#!/usr/bin/env bash
# Prints the paths of the definitions and rights that the snapshot-controller of the pinned version comes with, a line each. They
# stay in Go's module cache, where this brings them.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
what=snapshot-crds
# shellcheck source=test/tools/go-module.sh
source "$here/go-module.sh"

# Prints the directory of a module: directory_of MODULE.
directory_of() {
  "$go" mod download -json "$1@v$EXTERNAL_SNAPSHOTTER_VERSION" | sed -nE 's/^\t"Dir": "(.*)",?$/\1/p'
}

need_go
client=$(directory_of github.com/kubernetes-csi/external-snapshotter/client/v8)
controller=$(directory_of github.com/kubernetes-csi/external-snapshotter/v8)
ls "$client"/config/crd/*snapshot*.yaml "$controller/deploy/kubernetes/snapshot-controller/rbac-snapshot-controller.yaml"
