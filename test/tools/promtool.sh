#!/usr/bin/env bash
# Prints the path of promtool, which is brought into the cache if it is not there.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/from-debian.sh" promtool prometheus
