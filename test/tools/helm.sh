#!/usr/bin/env bash
# Brings helm of the pinned version into the cache and prints its path on stdout, everything else on stderr. Fast when it is
# there; built from nothing it takes some three minutes of one processor.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
what=helm
# shellcheck source=test/tools/go-module.sh
source "$here/go-module.sh"

tool="$cache/bin/helm-$HELM_VERSION"
module="helm.sh/helm/v${HELM_VERSION%%.*}"

build() {
  need_go
  say "building $HELM_VERSION"
  enter_staging
  quietly requires "$module" "v$HELM_VERSION" ''
  quietly "$go" build -o helm -ldflags "-s -w -X $module/internal/version.version=v$HELM_VERSION" "$module/cmd/helm"
  # Two builds at once end in the same file.
  mv -f helm "$tool"
}

[ -x "$tool" ] || (build)
echo "$tool"
