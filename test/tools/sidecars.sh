#!/usr/bin/env bash
# Brings the CSI sidecars and the snapshot-controller of the pinned versions into the cache and prints "NAME VERSION PATH", a line
# each, on stdout, everything else on stderr. VERSION is that of the image, with its v. They are static programs.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
what=sidecars
# shellcheck source=test/tools/go-module.sh
source "$here/go-module.sh"

# Programs of a module: sidecar MODULE VERSION PROGRAM... All answer with the version that they were linked with; a driver's
# GetPluginInfo fails on an empty one.
sidecar() {
  local module=$1 version=$2 program missing=()
  shift 2
  for program; do
    [ -x "$cache/bin/$program-$version" ] || missing+=("$program")
  done
  ((${#missing[@]} == 0)) || (build_sidecar "$module" "$version" "${missing[@]}")
  for program; do echo "$program v$version $cache/bin/$program-$version"; done
}

build_sidecar() {
  local module=$1 version=$2 program
  shift 2
  need_go
  say "building $* $version"
  enter_staging
  mkdir out
  case $module in
    *external-resizer*)
      # The module proxy may lack 2.2.1, whose sources are those of 2.2.0 with a newer x/crypto.
      quietly requires "$module" "v$EXTERNAL_RESIZER_SOURCE" ''
      quietly "$go" mod edit -require "golang.org/x/crypto@$EXTERNAL_RESIZER_CRYPTO"
      ;;
    *) quietly requires "$module" "v$version" "v$version" ;;
  esac
  quietly "$go" build -o out/ -ldflags "-s -w -X main.version=v$version" "${@/#/$module/cmd/}"
  for program; do mv -f "out/$program" "$cache/bin/$program-$version"; done
}

sidecar github.com/kubernetes-csi/external-provisioner/v6 "$EXTERNAL_PROVISIONER_VERSION" csi-provisioner
sidecar github.com/kubernetes-csi/external-snapshotter/v8 "$EXTERNAL_SNAPSHOTTER_VERSION" csi-snapshotter snapshot-controller
sidecar github.com/kubernetes-csi/external-resizer/v2 "$EXTERNAL_RESIZER_VERSION" csi-resizer

# What the test bed has in place of sidecars that the module proxy lacks, and its pause: sources in programs/ beside this file.
build_own() {
  need_go
  say "building $* of test/tools/programs"
  enter_staging
  cp -r "$here/programs" programs
  cd programs
  mkdir out
  GOFLAGS='-trimpath -buildvcs=false' quietly "$go" build -o out/ -ldflags '-s -w' "${@/#/./}"
  local program
  for program; do mv -f "out/$program" "$cache/bin/$program-$own"; done
}

own=$(cd "$here/programs" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-12)
programs=(csi-node-driver-registrar livenessprobe pause)
for program in "${programs[@]}"; do
  [ -x "$cache/bin/$program-$own" ] || { (build_own "${programs[@]}"); break; }
done
for program in "${programs[@]}"; do
  # Who has the real ones names a directory with them.
  if [ -x "${DMTHIN_SIDECARS:-/nonexistent}/$program" ]; then
    echo "$program own $DMTHIN_SIDECARS/$program"
  else
    echo "$program own $cache/bin/$program-$own"
  fi
done

# Another driver, to be compared with. Only there where somebody has built it, as it says of itself: "hostpathplugin v1.18.0".
other="${DMTHIN_SIDECARS:-/nonexistent}/hostpathplugin"
if [ -x "$other" ]; then
  read -r _ version < <("$other" --version)
  echo "hostpathplugin $version $other"
fi
