#!/usr/bin/env bash
# Compares reported customer features with what SQL computes from the events; `check.sh --help` says how.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec "$here/../../deploy/data/venv.sh" "$here/requirements.txt" "$here/check_features.py" "$@"
