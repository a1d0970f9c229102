#!/usr/bin/env bash
# Installs with apt the packages that the given lists name and this machine lacks. Asks nothing.
# Usage: deploy/install-packages.sh LIST...
set -euo pipefail

say() { printf 'install-packages.sh: %s\n' "$*" >&2; }

mapfile -t wanted <<<"$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@")"
missing=()
for package in "${wanted[@]}"; do
  [[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] ||
    missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || {
    say "not root, and no sudo here; as root run: apt-get install ${missing[*]}"
    exit 1
  }
  as_root=(sudo)
fi
apt_get=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get
  -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 --quiet=2)
say "installing ${missing[*]}"
"${apt_get[@]}" update
"${apt_get[@]}" install --yes --no-install-recommends "${missing[@]}" >/dev/null
