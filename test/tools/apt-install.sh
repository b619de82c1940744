#!/usr/bin/env bash
# Installs Debian packages, quietly: apt-install.sh "what for" PACKAGE...
set -euo pipefail

if [ "$(id -u)" -ne 0 ]; then
  echo "$1 needs the Debian packages ${*:2}: install them, or run as root to have them installed" >&2
  exit 1
fi
echo "$1: installing ${*:2} by apt" >&2
shift
export DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes
apt-get update -qq >/dev/null
apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >/dev/null
