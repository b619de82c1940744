#!/usr/bin/env bash
# Brings promtool into the cache and prints its path on stdout, everything else on stderr. Fast when it is there. It comes
# from Debian's package prometheus, unpacked and never installed: installed, it would start a daemon.
set -euo pipefail

cache="${DMTHIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmthin}"
tool="$cache/bin/promtool"

say() { echo "promtool: $*" >&2; }

download() { apt-get -q download prometheus >"$1" 2>&1; }

fetch() {
  local staging
  say "fetching it from Debian's package prometheus"
  mkdir -p "$cache/bin"
  staging=$(mktemp -d "$cache/bin/.promtool.XXXXXX")
  # shellcheck disable=SC2064 # the directory of now
  trap "rm -rf '$staging'" EXIT
  chmod 755 "$staging" # apt downloads as a user of its own
  cd "$staging"
  # apt's lists may be missing, or older than what the mirror has.
  download log || { apt-get -q update >log 2>&1 || true; download log; } || { cat log >&2; exit 1; }
  dpkg-deb -x prometheus_*.deb tree
  tree/usr/bin/promtool --version >log 2>&1 || { cat log >&2; exit 1; }
  # Two fetches at once end in the same file.
  mv -f tree/usr/bin/promtool "$tool"
}

[ -x "$tool" ] || fetch
echo "$tool"
