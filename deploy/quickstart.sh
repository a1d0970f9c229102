#!/usr/bin/env bash
# From a fresh clone on Debian to a running demo, in one command.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly root

usage() {
  cat <<'EOF'
Usage: deploy/quickstart.sh [OPTION OF ebb demo...]

Installs what building Ebb needs and this machine lacks (Debian 12 or 13, as root or with sudo),
builds build/release/ebb, and runs `ebb demo` with the given options. A second run installs and
builds nothing and goes straight to the demo.
EOF
}

supported() (
  # shellcheck source=/dev/null
  . /etc/os-release 2>/dev/null && [[ "${ID:-}" == debian && "${VERSION_ID:-}" =~ ^1[23]$ ]]
)

if [[ "${1:-}" == -h || "${1:-}" == --help ]]; then
  usage
  exit 0
fi
if ! supported; then
  {
    echo "quickstart.sh: this installs packages of Debian 12 or 13, and the system here is another."
    echo "Ebb needs a C++20 compiler and what these packages of Debian hold:"
    sed -e '/^#/d' -e 's/^/  /' "$root/deploy/packages-build.txt"
    echo "With those in place: cmake --preset release && cmake --build --preset release"
    echo "and then: build/release/ebb demo"
  } >&2
  exit 1
fi

"$root/deploy/install-packages.sh" "$root/deploy/packages-build.txt"
(
  cd "$root"
  cmake --preset release >/dev/null  # its errors go to standard error
  cmake --build --preset release --target ebb
) >&2
exec "$root/build/release/ebb" demo "$@"
