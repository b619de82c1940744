#!/usr/bin/env bash
# Installs exactly what package-lock.json names, Node 26 included. Any npm will do; a bare Debian gets one by apt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if ! command -v npm >/dev/null; then
  if [ "$(id -u)" -ne 0 ]; then
    echo "npm is missing: install it, or run as root to have it installed" >&2
    exit 1
  fi
  echo "installing npm by apt" >&2
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm ca-certificates >&2
fi

echo "installing the packages of package-lock.json" >&2
# Warnings would only say that the machine's node is too old, which is why node itself is among the packages.
npm ci --loglevel=error --no-progress >&2
