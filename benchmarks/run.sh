#!/usr/bin/env bash
# Compares Ebb with a hand-written loop, Kafka Streams and Flink on one job: installs what is missing, builds all of
# them, and runs them by turns.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly root

usage() {
  cat <<'EOF'
Usage: benchmarks/run.sh [--quick | --full] [OPTION...]

Installs Debian packages, Kafka's jars and Python packages that are missing, builds Ebb and the job in
build/benchmarks and the peers in build/peers, starts a broker on port 23092, fills its topics, runs
each system over them forth and back, checks every result against the oracle, and prints tables. They
are also in build/comparison, report.md and report.json. Broken off, it goes on where it was; remove
build/comparison to begin anew. Nothing else should run beside it.

EOF
}

install_what_is_missing() {
  "$root/deploy/install-packages.sh" "$root"/deploy/packages-{build,benchmarks}.txt
  "$root/tests/install-python-packages.sh"
}

build() {
  cmake --preset release -B "$root/build/benchmarks" -DEBB_BENCHMARKS=ON
  cmake --build "$root/build/benchmarks" --target ebb ebb-bench bench-floor bench-generate bench-oracle
  mvn --batch-mode --quiet -Dstyle.color=never -Dpeers.build="$root/build/peers" -f "$root/benchmarks/peers/pom.xml" \
    package
}

cd "$root"
install_what_is_missing >&2
export PATH="$root/build/venv/bin:$PATH"
if [[ " $* " == *' --help '* || " $* " == *' -h '* ]]; then
  usage
else
  build >&2
fi
exec python3 "$root/benchmarks/compare" "$@"
