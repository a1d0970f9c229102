#!/usr/bin/env bash
# Installs what the tests need, builds, and runs all of them.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly root
readonly least_coverage_percent=85

usage() {
  cat <<'EOF'
Usage: tests/run.sh [--sanitize | --coverage]

Installs what is missing (Debian packages, Kafka's jars, Python packages in build/venv), builds
preset dev with the benchmarks in build/dev and runs all tests, those on a real Kafka included.
With CI=true in the environment a warning of the compiler is an error.

  --sanitize   instead builds the presets asan-ubsan and tsan, and runs the tests labelled unit or
               scenario in each
  --coverage   instead builds in build/coverage, runs the unit, scenario and integration tests, prints
               the covered lines of state, engine and operators, and fails below 85 %
EOF
}

# build_and_test PRESET DIRECTORY [CMAKE OPTION...] -- [CTEST OPTION...]
build_and_test() {
  local preset="$1" directory="$2" options=()
  shift 2
  while [[ "$1" != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  [[ "${CI:-}" != true ]] || options+=(-DEBB_WERROR=ON)
  cmake --preset "$preset" -B "$directory" "${options[@]}"
  cmake --build "$directory"
  ctest --test-dir "$directory" --output-on-failure --no-tests=error --parallel "$(nproc)" "$@"
}

mode="${1:-}"
case "$mode" in
  '' | --sanitize | --coverage) ;;
  -h | --help) usage && exit 0 ;;
  *) echo "run.sh: unknown option '$mode'; see --help" >&2 && exit 1 ;;
esac

cd "$root"
deploy/install-packages.sh deploy/packages-build.txt deploy/packages-test.txt
tests/install-python-packages.sh
export PATH="$root/build/venv/bin:$PATH"
case "$mode" in
  --sanitize)
    for preset in asan-ubsan tsan; do
      build_and_test "$preset" "build/$preset" -- --label-regex '^(unit|scenario)$'
    done
    ;;
  --coverage)
    deploy/kafka/kafka.sh fetch >/dev/null
    [[ ! -d build/coverage ]] || find build/coverage -name '*.gcda' -delete
    # Unoptimised: the optimiser merges lines, and those that never ran count as covered.
    build_and_test dev build/coverage -DEBB_COVERAGE=ON -DCMAKE_CXX_FLAGS_DEBUG='-O0 -g1' \
      -- --label-regex '^(unit|scenario|integration)$'
    gcovr --root . --filter state/ --filter engine/ --filter operators/ \
      --fail-under-line "$least_coverage_percent" build/coverage
    ;;
  *)
    deploy/kafka/kafka.sh fetch >/dev/null
    build_and_test dev build/dev -DEBB_BENCHMARKS=ON --
    ;;
esac
