#!/usr/bin/env bash
# Brings a program into the cache from a Debian package, unpacked and never installed: installed, daemons would start.
# Prints its path on stdout, everything else on stderr. Fast when it is there: from-debian.sh PROGRAM PACKAGE
set -euo pipefail

program=$1 package=$2
cache="${DMTHIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmthin}"
tool="$cache/bin/$program"

say() { echo "$program: $*" >&2; }

download() { apt-get -q download "$package" >"$1" 2>&1; }

fetch() {
  local staging
  say "fetching it from Debian's package $package"
  mkdir -p "$cache/bin"
  staging=$(mktemp -d "$cache/bin/.$program.XXXXXX")
  # shellcheck disable=SC2064 # the directory of now
  trap "rm -rf '$staging'" EXIT
  chmod 755 "$staging" # apt downloads as a user of its own
  cd "$staging"
  # apt's lists may be missing, or older than what the mirror has.
  download log || { apt-get -q update >log 2>&1 || true; download log; } || { cat log >&2; exit 1; }
  dpkg-deb -x "$package"_*.deb tree
  "tree/usr/bin/$program" --version >log 2>&1 || { cat log >&2; exit 1; }
  # Two fetches at once end in the same file.
  mv -f "tree/usr/bin/$program" "$tool"
}

[ -x "$tool" ] || fetch
echo "$tool"
