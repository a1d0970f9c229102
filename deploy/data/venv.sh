#!/usr/bin/env bash
# Runs Python in an environment that holds exactly the pinned packages of a requirements file:
#   venv.sh REQUIREMENTS SCRIPT [ARGUMENT...]
# The environment is made once per content of the file, under ${XDG_CACHE_HOME:-~/.cache}/ebb.
set -euo pipefail

requirements=$1
shift
name=$({ python3 --version; cat "$requirements"; } | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ebb
venv=$cache/python-$name
mkdir -p "$cache"

(
  flock 9
  if [[ ! -e $venv/complete ]]; then
    echo "Making a Python environment in $venv" >&2
    python3 -m venv --clear "$venv" >&2 ||
      { echo "venv.sh: python3 cannot make an environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
    # pip trusts a list of authorities of its own; the system's may also know that of a proxy.
    authorities=/etc/ssl/certs/ca-certificates.crt
    [[ ! -e $authorities ]] || export PIP_CERT="${PIP_CERT:-$authorities}"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$requirements" >&2
    touch "$venv/complete"
  fi
) 9> "$venv.lock"

exec "$venv/bin/python" "$@"
