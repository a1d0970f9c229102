#!/usr/bin/env bash
# Tests the oracle itself on events worked out by hand.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec "$here/../../deploy/data/venv.sh" "$here/requirements.txt" "$here/check_features_test.py" "$@"
