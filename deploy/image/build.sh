#!/usr/bin/env bash
# Builds the image with no container engine and no daemon, as an archive in the format of OCI: build.sh DIRECTORY
# Debian's buildah runs the steps of deploy/Dockerfile in a chroot; its storage is below DIRECTORY and gone afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

out=$(mkdir -p "$1" && cd "$1" && pwd)
node=node_modules/.bin/node
version=$("$node" -p 'require("./package.json").version')
name=ghcr.io/dmthin/dmthin:$version
revision=$(git describe --always --abbrev=40 --dirty --exclude="*" 2>/dev/null || echo unknown)
# One commit, one base: one image, to the last byte.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

[ "$(id -u)" -eq 0 ] || { echo 'image: needs root' >&2; exit 1; }
command -v buildah >/dev/null || test/tools/apt-install.sh image buildah
base=$(deploy/image/base.sh)

store=$(mktemp -d "$out/.storage.XXXXXX")
storage() { buildah --storage-driver vfs --root "$store/root" --runroot "$store/run" "$@"; }
# shellcheck disable=SC2317,SC2329 # called by the trap
clean() {
  storage rm --all >/dev/null 2>&1 || true
  rm -rf "$store" "$out/context"
}
trap clean EXIT

echo "image: building $name" >&2
"$node" deploy/image/context.ts "$out/context" "amd64=$(deploy/image/node.sh amd64)"
container=$(storage from scratch)
storage add --quiet "$container" "$base" / >/dev/null
storage commit --quiet --timestamp "$SOURCE_DATE_EPOCH" "$container" localhost/base >/dev/null
storage rm "$container" >/dev/null
storage build --quiet --identity-label=false --isolation chroot --network host --pull-never --format oci --timestamp "$SOURCE_DATE_EPOCH" \
  --build-arg BASE=localhost/base --build-arg TARGETARCH=amd64 --build-arg VERSION="$version" --build-arg REVISION="$revision" \
  --build-arg SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" --file deploy/Dockerfile --tag "$name" "$out/context" >&2

archive=$out/dmthin-$version
container=$(storage from --pull-never "$name")
cp "$(storage mount "$container")/usr/share/doc/dmthin/sbom.spdx.json" "$archive.spdx.json"
# In one piece or not at all.
rm -f "$archive.tar" "$archive.tar.part"
storage push --quiet "$name" "oci-archive:$archive.tar.part:$name" >&2
mv "$archive.tar.part" "$archive.tar"
echo "image: $archive.tar ($(du -h "$archive.tar" | cut -f1)), $archive.spdx.json" >&2
