#!/usr/bin/env bash
# Runs a local Apache Kafka from its own jars: one or three brokers in KRaft mode, each of them
# broker and controller, all on 127.0.0.1.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/ebb/kafka-4.1.0"
readonly here root cache
readonly start_limit_s=60  # two to ten seconds on an idle machine
readonly stop_limit_s=20   # after this a broker that was asked to stop is killed
readonly kill_limit_s=5
readonly started_line='Kafka Server started'

usage() {
  cat <<'EOF'
Usage: deploy/kafka/kafka.sh COMMAND [--brokers 1|3] [--port PORT] [--dir DIR] [--proxied L:A]

Commands
  start    starts the brokers of DIR that are not running, waits until each answers, and prints
           the bootstrap address, alone, on standard output
  stop     stops them: SIGTERM, after 20 s SIGKILL; the data stays in DIR
  status   prints the bootstrap address and one line for each broker; exit code 0 if all run,
           3 if not
  fetch    fetches Kafka's jars, unless they are there (54 MB, needs Maven), and prints their
           directory; start does this by itself

Options
  --brokers 1|3  number of brokers                                          (default: 1)
  --port PORT    of the first broker; the others take the next ports, the controllers those
                 from PORT + 10                                             (default: 9092)
  --dir DIR      data, settings, process ids and logs; an existing DIR keeps the brokers and
                 the port it was started with    (default: build/kafka-PORT of the source tree)
  --proxied L:A  brokers also listen on the ports from L on, and tell whoever comes there to come
                 to the ports from A on, where a proxy of yours leads back to L

Files
  DIR/N/pid, DIR/N/kafka.log, DIR/N/server.properties, DIR/N/data      of broker N, N from 1

  kill -9 "$(cat DIR/2/pid)" fails broker 2; start brings it back on the same data.
  To forget everything: stop, then rm -r DIR.
EOF
}

say() { printf 'kafka.sh: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# ---- jars ----------------------------------------------------------------------------------------

# Fetches the jars, unless those of this pom.xml are there. They appear at once, under their final
# name, so that an interrupted fetch leaves nothing half done.
fetch() {
  command -v java >/dev/null || fail "no java found; on Debian: apt-get install default-jdk-headless"
  mkdir -p "$cache"
  (
    flock 9
    cmp -s "$here/pom.xml" "$cache/jars/pom.xml" && exit 0
    command -v mvn >/dev/null || fail "no mvn found; on Debian: apt-get install maven"
    say "fetching Kafka's jars into $cache/jars"
    rm -rf "$cache/jars" "$cache/incoming"
    mvn --batch-mode --quiet -Dstyle.color=never -f "$here/pom.xml" \
      dependency:copy-dependencies -DoutputDirectory="$cache/incoming" >&2 ||
      fail "Maven could not fetch Kafka's jars; its message is above"
    cp "$here/pom.xml" "$cache/incoming/pom.xml"
    mv "$cache/incoming" "$cache/jars"
  ) 9>"$cache/lock"
}

# ---- one broker ----------------------------------------------------------------------------------

# Prints the process id of broker $1, or fails if it does not run. A pid file alone proves nothing
# after a reboot, and a dead process may wait to be reaped; so the process itself must name this
# broker's settings.
running() {
  local pid
  pid="$(cat "$dir/$1/pid" 2>/dev/null)" || return 1
  grep -qzxF "$dir/$1/server.properties" "/proc/$pid/cmdline" 2>/dev/null && echo "$pid"
}

write_settings() {
  local node="$1" voters='' in_sync=$((brokers / 2 + 1)) extra='' extra_advertised='' i
  for ((i = 1; i <= brokers; ++i)); do
    voters+="${voters:+,}$i@127.0.0.1:$((port + 9 + i))"
  done
  if [[ -n "$proxied" ]]; then
    extra=",PROXIED://127.0.0.1:$((${proxied%:*} + node - 1))"
    extra_advertised=",PROXIED://127.0.0.1:$((${proxied#*:} + node - 1))"
  fi
  cat >"$dir/$node/server.properties" <<EOF
process.roles=broker,controller
node.id=$node
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$((port + node - 1)),CONTROLLER://127.0.0.1:$((port + 9 + node))$extra
advertised.listeners=PLAINTEXT://127.0.0.1:$((port + node - 1))$extra_advertised
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/$node/data

# A misspelt topic is an error, not a new topic.
auto.create.topics.enable=false
default.replication.factor=$brokers
min.insync.replicas=$in_sync

offsets.topic.replication.factor=$brokers
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$brokers
transaction.state.log.min.isr=$in_sync
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=$brokers
share.coordinator.state.topic.min.isr=$in_sync
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0

# Retention goes by the time of a record. Histories are loaded with the times of their events, which
# may be decades old; the default of seven days would delete them within minutes.
log.retention.ms=-1

# A small machine.
num.network.threads=2
num.io.threads=4
background.threads=4
log.cleaner.dedupe.buffer.size=33554432

# After kill -9 a broker comes back only when the controllers have given up on its old session.
broker.heartbeat.interval.ms=1000
broker.session.timeout.ms=4000
EOF
}

format_storage() {
  local node="$1"
  [[ -f "$dir/$node/data/meta.properties" ]] && return 0
  java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx128m \
    -Dlog4j2.configurationFile="$here/log4j2.xml" -Debb.kafka.log="$dir/$node/format.log" \
    -cp "$cache/jars/*" kafka.tools.StorageTool format \
    --cluster-id "$(cat "$dir/cluster-id")" --config "$dir/$node/server.properties" \
    >"$dir/$node/format.out" 2>&1 ||
    fail "broker $node could not format its storage: $(tail -n 3 "$dir/$node/format.out")"
}

# Leaves a process behind that holds nothing of its starter: no terminal, no pipe, no lock.
launch() {
  local node="$1" log="$dir/$1/kafka.log" fd
  rm -f "$dir/$node/started"
  [[ -f "$log" ]] && mv "$log" "$log.previous"
  (
    ulimit -n "$(ulimit -Hn)" || true
    exec </dev/null >"$dir/$node/output" 2>&1
    for fd in /proc/"$BASHPID"/fd/*; do
      fd="${fd##*/}"
      ((fd > 2)) && eval "exec $fd>&-"
    done
    exec setsid java -Xms512m -Xmx512m -XX:+ExitOnOutOfMemoryError \
      -Dlog4j2.configurationFile="$here/log4j2.xml" -Debb.kafka.log="$log" \
      -cp "$cache/jars/*" kafka.Kafka "$dir/$node/server.properties"
  ) &
  echo "$!" >"$dir/$node/pid"
}

# Waits until broker $1 has said that it serves; explains itself and ends the script if the broker
# ends, or $deadline passes, before that.
await_started() {
  local node="$1" log="$dir/$1/kafka.log" pid
  [[ -f "$dir/$node/started" ]] && return 0
  pid="$(cat "$dir/$node/pid")"
  until grep -q "$started_line" "$log" 2>/dev/null; do
    local trouble=''
    kill -0 "$pid" 2>/dev/null || trouble="ended while starting"
    ((SECONDS < deadline)) || trouble="does not serve after $start_limit_s s"
    if [[ -n "$trouble" ]]; then
      say "broker $node $trouble; more in $log:"
      cat "$log" "$dir/$node/output" 2>/dev/null | grep -E 'WARN|ERROR|FATAL|Exception' | tail -n 5 >&2
      exit 1
    fi
    sleep 0.1
  done
  touch "$dir/$node/started"
}

# ---- commands ------------------------------------------------------------------------------------

bootstrap() {
  local addresses='' i
  for ((i = 0; i < brokers; ++i)); do addresses+="${addresses:+,}127.0.0.1:$((port + i))"; done
  echo "$addresses"
}

start() {
  fetch
  local node pid formats=()
  for ((node = 1; node <= brokers; ++node)); do mkdir -p "$dir/$node"; done
  exec 8>"$dir/lock"
  flock -w "$start_limit_s" 8 || fail "another start of $dir has not ended for $start_limit_s s"
  echo "$brokers $port $proxied" >"$dir/cluster"
  [[ -s "$dir/cluster-id" ]] ||
    head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | cut -c 1-22 >"$dir/cluster-id"

  for ((node = 1; node <= brokers; ++node)); do
    write_settings "$node"
    format_storage "$node" &
    formats+=("$!")
  done
  for pid in "${formats[@]}"; do wait "$pid" || exit 1; done

  local deadline=$((SECONDS + start_limit_s))
  for ((node = 1; node <= brokers; ++node)); do running "$node" >/dev/null || launch "$node"; done
  for ((node = 1; node <= brokers; ++node)); do await_started "$node"; done
  bootstrap
}

# Waits until broker $1 is gone; fails if it still runs at second $2 of this script.
await_gone() {
  while running "$1" >/dev/null; do
    ((SECONDS < $2)) || return 1
    sleep 0.1
  done
}

stop() {
  local node pid deadline=$((SECONDS + stop_limit_s))
  for ((node = 1; node <= brokers; ++node)); do
    if pid="$(running "$node")"; then kill -TERM "$pid" || true; fi
  done
  for ((node = 1; node <= brokers; ++node)); do
    if ! await_gone "$node" "$deadline"; then
      say "broker $node has not stopped after $stop_limit_s s: killed"
      kill -KILL "$(cat "$dir/$node/pid")" || true
      await_gone "$node" $((SECONDS + kill_limit_s)) || fail "broker $node survives SIGKILL"
    fi
    rm -f "$dir/$node/pid"
  done
}

status() {
  local node pid code=0
  bootstrap
  for ((node = 1; node <= brokers; ++node)); do
    if pid="$(running "$node")"; then
      echo "broker $node runs as process $pid on 127.0.0.1:$((port + node - 1))"
    else
      echo "broker $node does not run"
      code=3
    fi
  done
  return "$code"
}

# ---- command line --------------------------------------------------------------------------------

# Sets brokers, port, proxied and dir from the options, or from what DIR was started with.
read_options() {
  local asked_brokers='' asked_port='' asked_proxied=''
  dir=''
  while (($#)); do
    [[ "$1" == -h || "$1" == --help ]] && usage && exit 0
    (($# >= 2)) || fail "expected an option and its value, got '$1'; see --help"
    case "$1" in
      --brokers) asked_brokers="$2" ;;
      --port) asked_port="$2" ;;
      --dir) dir="$2" ;;
      --proxied) asked_proxied="$2" ;;
      *) fail "unknown option '$1'; see --help" ;;
    esac
    shift 2
  done
  [[ "${asked_brokers:-1}" =~ ^[13]$ ]] || fail "--brokers must be 1 or 3, got '$asked_brokers'"
  [[ "${asked_port:-9092}" =~ ^[1-9][0-9]{0,4}$ && "${asked_port:-9092}" -le 65500 ]] ||
    fail "--port must be a number from 1 to 65500, got '$asked_port'"
  [[ "${asked_proxied:-1:1}" =~ ^[1-9][0-9]{0,4}:[1-9][0-9]{0,4}$ ]] ||
    fail "--proxied must be two ports with a colon between them, got '$asked_proxied'"

  dir="$(realpath -m "${dir:-$root/build/kafka-${asked_port:-9092}}")"
  [[ "$dir" != *[[:space:]]* ]] || fail "DIR must not contain spaces, got '$dir'"
  brokers="${asked_brokers:-1}" port="${asked_port:-9092}" proxied="$asked_proxied"
  if [[ -f "$dir/cluster" ]]; then
    read -r brokers port proxied <"$dir/cluster"
    [[ "${asked_brokers:-$brokers} ${asked_port:-$port} ${asked_proxied:-$proxied}" == "$brokers $port $proxied" ]] ||
      fail "$dir has $brokers broker(s) from port $port${proxied:+, proxied $proxied}; leave those options out, or rm -r it"
  elif [[ "$command" != start ]]; then
    fail "nothing was ever started in $dir; give the --dir or --port of the start"
  fi
}

command="${1:-}"
case "$command" in
  start | stop | status)
    read_options "${@:2}"
    "$command"
    ;;
  fetch)
    fetch
    echo "$cache/jars"
    ;;
  -h | --help) usage ;;
  '') usage >&2 && exit 1 ;;
  *) fail "unknown command '$command'; see --help" ;;
esac
