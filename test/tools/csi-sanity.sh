#!/usr/bin/env bash
# Brings csi-sanity of the pinned version into the cache and prints its path on stdout, everything else on stderr.
# Fast when it is there. Where Go is missing it comes by apt; a Go before 1.21 cannot fetch the newer one that
# csi-sanity asks for, so it gets it here as the module golang.org/toolchain, checksums verified as for any module.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/tools/versions.env
source "$here/versions.env"

cache="${DMTHIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmthin}"
tool="$cache/bin/csi-sanity-$CSI_SANITY_VERSION"

say() { echo "csi-sanity: $*" >&2; }

# Prints the minor version of the Go at $1: 19 for go1.19.8.
go_minor() { GOTOOLCHAIN=local "$1" env GOVERSION | sed -nE 's/^go1\.([0-9]+).*/\1/p'; }

# Prints the go of the pinned toolchain, fetched with the older Go at $1.
toolchain_go() {
  local module="golang.org/toolchain@v0.0.1-go$GO_TOOLCHAIN.linux-$("$1" env GOARCH)" dir
  say "fetching Go $GO_TOOLCHAIN through the module proxy"
  dir=$("$1" mod download -json "$module" | sed -nE 's/^\t"Dir": "(.*)",?$/\1/p')
  # A module's files are not executable.
  chmod -R u+rwX,a+x "$dir/bin" "$dir/pkg/tool"
  echo "$dir/bin/go"
}

build() {
  local go staging
  command -v go >/dev/null || "$here/apt-install.sh" csi-sanity golang-go ca-certificates
  go=$(command -v go)
  if [ "$(go_minor "$go")" -lt 21 ]; then
    go=$(toolchain_go "$go")
    unset GOROOT # it would be the older one's
  fi
  say "building $CSI_SANITY_VERSION with $(GOTOOLCHAIN=local "$go" env GOVERSION)"
  mkdir -p "$cache/bin"
  staging=$(mktemp -d "$cache/bin/.build.XXXXXX")
  # shellcheck disable=SC2064 # the directory of now
  trap "rm -rf '$staging'" EXIT
  # A static binary, so that it runs in any guest root. Two builds at once end in the same file.
  CGO_ENABLED=0 GOTOOLCHAIN=auto GOFLAGS=-trimpath GOBIN="$staging" \
    "$go" install "github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity@v$CSI_SANITY_VERSION" 2>"$staging/log" ||
    { cat "$staging/log" >&2; exit 1; }
  mv -f "$staging/csi-sanity" "$tool"
}

[ -x "$tool" ] || build
echo "$tool"
