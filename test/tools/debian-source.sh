#!/usr/bin/env bash
# Prints the line of a sources.list for a release of Debian, with the mirror that this machine's apt uses: debian-source.sh trixie
set -euo pipefail

keyring() {
  local file
  for file in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
    [[ ! -e $file ]] || {
      printf '%s\n' "$file"
      return
    }
  done
  printf 'no keyring of the Debian archive\n' >&2
  return 1
}

# The mirror this machine already uses for whole Debian releases, as apt knows it.
mirror() {
  local found
  found=$(debian_mirrors)
  if [[ -z $found ]]; then
    apt-get -q update >&2
    found=$(debian_mirrors)
  fi
  [[ -n $found ]] || {
    printf 'apt knows no Debian mirror\n' >&2
    return 1
  }
  printf '%s\n' "${found%%$'\n'*}"
}

# shellcheck disable=SC2016 # apt expands these
debian_mirrors() {
  apt-get indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "Debian" && $2 == "Debian" && $3 == "main" && $4 !~ /-/ { print $5 }'
}

keyring=$(keyring)
mirror=$(mirror)
printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$1"
