#!/usr/bin/env bash
# Prints the path of an archive of Debian 13 with the packages of the image in it, made from the mirror that apt uses and kept in the
# cache for a week: then Debian may have mended something. Everything else goes to stderr.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../../test/tools
cache=${DMTHIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmthin}
recipe=$(cat "${BASH_SOURCE[0]}" "$here/packages" | sha256sum)
archive=$cache/image-base-${recipe:0:12}.tar

build() {
  command -v mmdebstrap >/dev/null || "$tools/apt-install.sh" image mmdebstrap
  echo 'image: making a Debian tree' >&2
  mkdir -p "$cache"
  local staging
  staging=$(mktemp -d "$cache/.image.XXXXXX")
  # shellcheck disable=SC2064 # the directory of now
  trap "rm -rf '$staging'" EXIT
  # shellcheck disable=SC2016 # the hook is run by mmdebstrap
  mmdebstrap --mode=root --variant=minbase --include="$(paste -sd, "$here/packages")" --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='rm -f "$1/etc/hostname" "$1/etc/resolv.conf"' \
    trixie "$staging/base.tar" "$("$tools/debian-source.sh" trixie)" >"$staging/log" 2>&1 || { tail -n 20 "$staging/log" >&2; exit 1; }
  mv -f "$staging/base.tar" "$archive"
}

[ -n "$(find "$archive" -mtime -7 2>/dev/null)" ] || build
echo "$archive"
