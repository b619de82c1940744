# Programs of Go modules that cannot be installed by name because of their replace lines: they are built from a small module of
# our own that repeats those lines with versions. Sourced by the scripts beside this file, which set "here" and "what" first.
# shellcheck shell=bash disable=SC2154

# shellcheck source=test/tools/versions.env
source "$here/versions.env"

cache="${DMTHIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmthin}"

say() { echo "$what: $*" >&2; }

# Prints the minor version of the Go at $1: 19 for go1.19.8.
go_minor() { GOTOOLCHAIN=local "$1" env GOVERSION | sed -nE 's/^go1\.([0-9]+).*/\1/p'; }

# Prints the go of the pinned toolchain, fetched with the older Go at $1, checksums verified as for any module.
toolchain_go() {
  local module="golang.org/toolchain@v0.0.1-go$GO_TOOLCHAIN.linux-$("$1" env GOARCH)" dir
  say "fetching Go $GO_TOOLCHAIN through the module proxy"
  dir=$("$1" mod download -json "$module" | sed -nE 's/^\t"Dir": "(.*)",?$/\1/p')
  # A module's files are not executable.
  chmod -R u+rwX,a+x "$dir/bin" "$dir/pkg/tool"
  echo "$dir/bin/go"
}

# Sets go: one that can fetch the newer one which a module asks for. Where Go is missing it comes by apt; before 1.21 it cannot.
need_go() {
  command -v go >/dev/null || "$here/apt-install.sh" "$what" golang-go ca-certificates
  go=$(command -v go)
  if [ "$(go_minor "$go")" -lt 21 ]; then
    go=$(toolchain_go "$go")
    unset GOROOT # it would be the older one's
  fi
  export CGO_ENABLED=0 GOTOOLCHAIN=auto GOFLAGS='-trimpath -mod=mod -buildvcs=false'
}

# Enters a new directory that goes when the script ends; what is built there is moved to its place when it is whole.
enter_staging() {
  mkdir -p "$cache/bin"
  staging=$(mktemp -d "$cache/bin/.build.XXXXXX")
  # shellcheck disable=SC2064 # the directory of now
  trap "chmod -R u+w '$staging'; rm -rf '$staging'" EXIT
  cd "$staging"
}

# requires MODULE VERSION STAGING_VERSION: go.mod of our own for it. Replacements by a folder of its repository become
# STAGING_VERSION of the module that the folder holds.
requires() {
  local modfile line
  "$go" mod init dmthin.invalid/build
  modfile=$("$go" mod download -json "$1@$2" | sed -nE 's/^\t"GoMod": "(.*)",?$/\1/p')
  sed -nE 's#^(replace)?[[:space:]]+([^ ]+)( v[^ ]+)? => ([^ ]+)( (v[^ ]+))?$#\2 \4 \6#p' "$modfile" | while read -r line; do
    # shellcheck disable=SC2086 # two or three words
    set -- $line "$3"
    case $2 in
      ./*) "$go" mod edit -replace "$1=$1@$3" ;;
      *) "$go" mod edit -replace "$1=$2@$3" ;;
    esac
  done
  "$go" mod edit -go="$(sed -nE 's#^go (.*)#\1#p' "$modfile")" -require "$1@$2"
}

# quietly COMMAND...: what it says is shown only when it fails.
quietly() { "$@" >>"$staging/log" 2>&1 || { cat "$staging/log" >&2; exit 1; }; }
