#!/usr/bin/env bash
# Fetches public purchase histories and writes them as Ebb events; `fetch.sh --help` says how.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case " $* " in
  *" --help "* | *" -h "* | "  ") exec python3 "$here/fetch.py" "${@:---help}" ;;
esac
exec "$here/venv.sh" "$here/requirements.txt" "$here/fetch.py" "$@"
