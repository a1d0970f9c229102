#!/usr/bin/env bash
# Creates, deletes, resets and lists topics through Kafka's own AdminClient, with one JVM for any
# number of topics.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

usage() {
  cat <<'EOF'
Usage: deploy/kafka/topics.sh COMMAND [--bootstrap HOST:PORT[,HOST:PORT...]] [TOPIC...]

Commands
  create   creates the topics; fails if one of them exists
  delete   deletes them with their records; one that does not exist is no error
  reset    deletes and creates them: the same topics, empty
  list     prints the topics, except Kafka's own, as TOPIC: with the settings that differ from
           the broker's

TOPIC is NAME[:PARTITIONS[:KEY=VALUE,...]]; of delete only the name counts. One partition if not
said; the replication factor is the broker's default, which kafka.sh sets to its brokers.

  topics.sh create purchases:4 alerts:4:retention.ms=86400000 \
                   changelog:4:cleanup.policy=compact,min.cleanable.dirty.ratio=0.1

The default of --bootstrap is 127.0.0.1:9092.
EOF
}

fail() {
  printf 'topics.sh: %s\n' "$*" >&2
  exit 1
}

command="${1:-}"
case "$command" in
  -h | --help) usage && exit 0 ;;
  create | delete | reset | list) shift ;;
  *) fail "expected create, delete, reset or list, got '$command'; see --help" ;;
esac
bootstrap=127.0.0.1:9092
topics=()
while (($#)); do
  case "$1" in
    --bootstrap)
      (($# >= 2)) || fail "--bootstrap needs a value; see --help"
      bootstrap="$2"
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    -*) fail "unknown option '$1'; see --help" ;;
    *) topics+=("$1") ;;
  esac
  shift
done
[[ "$command" == list || ${#topics[@]} -gt 0 ]] || fail "$command needs a topic; see --help"

jars="$("$here/kafka.sh" fetch)"
classes="${jars%/jars}/topics"

# Compiled once: that halves the time of every later call.
compile() (
  flock 9
  cmp -s "$here/Topics.java" "$classes/Topics.java" && exit 0
  command -v javac >/dev/null || fail "no javac found; on Debian: apt-get install default-jdk-headless"
  rm -rf "$classes"
  javac -cp "$jars/*" -d "$classes" "$here/Topics.java"
  cp "$here/Topics.java" "$classes/"
) 9>"$classes.lock"

compile
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$classes:$jars/*" \
  Topics "$command" "$bootstrap" ${topics[@]+"${topics[@]}"}
