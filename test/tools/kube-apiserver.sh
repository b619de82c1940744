#!/usr/bin/env bash
# Brings kube-apiserver of the pinned version into the cache and prints its path on stdout, everything else on stderr.
# Fast when it is there; built from nothing it takes some ten minutes of two processors. Kubernetes cannot be installed as a
# Go module because of its replace lines: here is a small module of our own that repeats them with versions.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/tools/versions.env
source "$here/versions.env"

cache="${DMTHIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmthin}"
tool="$cache/bin/kube-apiserver-$KUBERNETES_VERSION"

say() { echo "kube-apiserver: $*" >&2; }

build() {
  local staging go
  command -v go >/dev/null || "$here/apt-install.sh" kube-apiserver golang-go ca-certificates
  go=$(command -v go)
  say "building $KUBERNETES_VERSION with $(GOTOOLCHAIN=local "$go" env GOVERSION)"
  mkdir -p "$cache/bin"
  staging=$(mktemp -d "$cache/bin/.build.XXXXXX")
  # shellcheck disable=SC2064 # the directory of now
  trap "chmod -R u+w '$staging'; rm -rf '$staging'" EXIT
  cd "$staging"
  export CGO_ENABLED=0 GOTOOLCHAIN=auto GOFLAGS='-trimpath -mod=mod -buildvcs=false'
  {
    "$go" mod init dmthin.invalid/kubernetes
    # Which modules those are stands in Kubernetes' own go.mod.
    local modfile
    modfile=$("$go" mod download -json "k8s.io/kubernetes@v$KUBERNETES_VERSION" | sed -nE 's/^\t"GoMod": "(.*)",?$/\1/p')
    sed -nE 's#^\t(k8s\.io/[a-z0-9-]+) => \./staging/.*#\1#p' "$modfile" | while read -r module; do
      "$go" mod edit -replace "$module=$module@v0.${KUBERNETES_VERSION#1.}"
    done
    sed -nE 's#^go (.*)#\1#p' "$modfile" | xargs -I{} "$go" mod edit -go={}
    "$go" mod edit -require "k8s.io/kubernetes@v$KUBERNETES_VERSION"
    "$go" build -o kube-apiserver -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v$KUBERNETES_VERSION" \
      k8s.io/kubernetes/cmd/kube-apiserver
  } >log 2>&1 || { cat log >&2; exit 1; }
  mv -f kube-apiserver "$tool"
}

[ -x "$tool" ] || build
echo "$tool"
