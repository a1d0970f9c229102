#!/usr/bin/env bash
# Makes build/venv, with the Python packages of requirements.txt, unless it holds those already.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly root
readonly venv="$root/build/venv"

cmp -s "$root/tests/requirements.txt" "$venv/requirements.txt" && exit
rm -rf "$venv"
/usr/bin/python3 -m venv "$venv"
# pip trusts a list of authorities of its own; the system's may also know that of a proxy.
PIP_CERT="${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}" "$venv/bin/pip" install \
  --quiet --disable-pip-version-check -r "$root/tests/requirements.txt"
cp "$root/tests/requirements.txt" "$venv/"
