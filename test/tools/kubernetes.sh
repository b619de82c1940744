#!/usr/bin/env bash
# Brings programs of Kubernetes of the pinned version into the cache and prints their paths, a line each, on stdout, everything
# else on stderr: kubernetes.sh kube-apiserver kubelet. Fast when they are there; kube-apiserver alone, built from nothing, takes
# some ten minutes of two processors, the others less because they share most packages.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
what=kubernetes
# shellcheck source=test/tools/go-module.sh
source "$here/go-module.sh"

path_of() { echo "$cache/bin/$1-$KUBERNETES_VERSION"; }

build() {
  local program
  need_go
  say "building $* $KUBERNETES_VERSION with $(GOTOOLCHAIN=local "$go" env GOVERSION)"
  enter_staging
  quietly requires k8s.io/kubernetes "v$KUBERNETES_VERSION" "v0.${KUBERNETES_VERSION#1.}"
  mkdir out
  quietly "$go" build -o out/ -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$KUBERNETES_VERSION" \
    "${@/#/k8s.io/kubernetes/cmd/}"
  for program; do mv -f "out/$program" "$(path_of "$program")"; done
}

missing=()
for program; do [ -x "$(path_of "$program")" ] || missing+=("$program"); done
((${#missing[@]} == 0)) || (build "${missing[@]}") 
for program; do path_of "$program"; done
