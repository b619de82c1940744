#!/usr/bin/env bash
# Brings csi-sanity of the pinned version into the cache and prints its path on stdout, everything else on stderr.
# Fast when it is there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
what=csi-sanity
# shellcheck source=test/tools/go-module.sh
source "$here/go-module.sh"

tool="$cache/bin/csi-sanity-$CSI_SANITY_VERSION"

build() {
  need_go
  say "building $CSI_SANITY_VERSION with $(GOTOOLCHAIN=local "$go" env GOVERSION)"
  enter_staging
  # A static binary, so that it runs in any guest root. Two builds at once end in the same file.
  GOFLAGS=-trimpath GOBIN="$staging" quietly "$go" install "github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity@v$CSI_SANITY_VERSION"
  mv -f csi-sanity "$tool"
}

[ -x "$tool" ] || build
echo "$tool"
