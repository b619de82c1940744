#!/usr/bin/env bash
# Prints the paths of the definitions of all that the chart can make and Kubernetes lacks, a line each: snapshot classes, and what
# the Prometheus operator has. They stay in Go's module cache, where this brings them.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
what=chart-crds
# shellcheck source=test/tools/go-module.sh
source "$here/go-module.sh"

"$here/snapshot-crds.sh" | grep /crd/

need_go
operator=$("$go" mod download -json "github.com/prometheus-operator/prometheus-operator@v$PROMETHEUS_OPERATOR_VERSION" |
  sed -nE 's/^\t"Dir": "(.*)",?$/\1/p')
ls "$operator"/example/prometheus-operator-crd/monitoring.coreos.com_{podmonitors,prometheusrules}.yaml
