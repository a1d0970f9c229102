"""State that does not fit the pipeline, and state directories and ports that cannot be had."""

import functools
import socket
import subprocess

from bad_input.bench import READY_LIMIT, Row, Sender, admin_of, purchase, read_line
from support import wait_until

EPOCH_KEY = b"\x02"  # Of an epoch record in the changelog.
CUSTOMERS = 50


def run_once(bench, pipeline, customers, process=None):
    """Has a purchase of each customer processed and stops cleanly."""
    process = process or bench.start(pipeline)
    before = pipeline.metric("ebb_records_in_total")
    sender = Sender(bench.kafka)
    for customer in customers:
        sender.post(f"{pipeline.name}.purchases", customer.encode(), purchase(customer, customer))
    sender.flush()
    wait_until(lambda: pipeline.metric("ebb_records_in_total") == before + len(customers), READY_LIMIT, "all processed")
    code = bench.stop(process)
    assert code == 0, f"exit code {code}:\n{pipeline.log()}"


def known(pipeline, customer):
    """Whether the process keeps any state of that customer."""
    answer = pipeline.get(f"/state/{customer}")
    return answer is not None and "profile" in answer


def intact(bench, pipeline, customer, done, words="live at epoch"):
    """A row for a process that starts again, says these words, and knows what it knew."""
    mark = len(pipeline.log())
    process = bench.start(pipeline)
    remembered = known(pipeline, customer)
    code = bench.stop(process)
    log = pipeline.log()[mark:]
    row = Row(done, f"ready; exit code {code}", read_line(log, words))
    row.expect(remembered, f"{customer} is forgotten; the log:\n{log[-2000:]}")
    return row.expect(code == 0, "expected exit code 0").expect_words(words)


def other_pipeline(bench):
    """state of another pipeline under one name"""
    bench.create("fit.purchases", "fit.browses")
    pipeline = bench.pipeline("fit")
    run_once(bench, pipeline, ["ann"])
    right = pipeline.file.read_text()
    edits = [("an operator has another id than the stored state",
              [("id: profile", "id: customers"), ("[profile]", "[customers]")], ["profile/", "is gone"]),
             ("an operator id is now of another type",
              [("type: customer-profile", "type: intake"), ("intake, type: intake", "gate, type: intake"),
               ("[intake]", "[gate]"), ("CustomerFeatures", "Purchase")],
              ["profile/", "is gone"]),
             ("a source has another name", [("  purchases:", "  sales:"), ("[purchases, ", "[sales, ")],
              ["stored browses, purchases", "browses, sales"]),
             ("a source is new", [("sources:", "sources:\n  members: {topic: fit.members, type: ebb.v1.Member}"),
                                  ("[purchases, ", "[members, purchases, ")],
              ["stored browses, purchases", "browses, members, purchases"])]
    bench.create("fit.members")
    rows = []
    for done, changes, words in edits:
        text = right
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        pipeline.file.write_text(text)
        rows.append(bench.refused(done, pipeline, "does not fit", "another name", *words, log_from=len(pipeline.log())))
    pipeline.file.write_text(right)
    rows.append(intact(bench, pipeline, "ann", "… and the right pipeline again"))
    return rows


def other_state(bench):
    """the state directory of another application"""
    bench.create("owner.purchases", "owner.browses", "guest.purchases", "guest.browses")
    owner = bench.pipeline("owner")
    run_once(bench, owner, ["olga"])
    guest = bench.pipeline("guest")
    # So that the changelog of the guest is the longer one.
    for i in range(3):
        run_once(bench, guest, [f"gus-{i}-{j}" for j in range(CUSTOMERS)])
    guest.environment["EBB_STATE_DIR"] = owner.environment["EBB_STATE_DIR"]
    row = intact(bench, guest, "gus-0-0", "the state directory of another application", "rebuilt from the changelog")
    process = bench.start(guest)
    row.expect(not known(guest, "olga"), "it has taken over a customer of the other application")
    bench.stop(process)
    return [row, intact(bench, owner, "olga", "… and the other application again on it", "rebuilt from the changelog")]


def other_version(bench):
    """state written by another version"""
    bench.create("version.purchases", "version.browses")
    pipeline = bench.pipeline("version")
    run_once(bench, pipeline, ["vera"])
    records = [record for record in bench.kafka.read("version.changelog") if record[1].startswith(EPOCH_KEY)]
    partition, key, _, value = records[-1]
    assert value.startswith(b"\x08\x02"), "field 1 of an epoch record is its format"
    sender = Sender(bench.kafka)
    sender.send("version.changelog", key, b"\x08\x63" + value[2:], partition)
    rows = [bench.refused("state that another version has written", pipeline, "format 99", "expected 2",
                          "another version", "another name", log_from=len(pipeline.log()))]
    sender.send("version.changelog", key, value, partition)
    rows.append(intact(bench, pipeline, "vera", "… and the right record again"))
    return rows


def changelog_gone(bench):
    """offsets are committed, but the changelog is gone"""
    bench.create("gone.purchases", "gone.browses")
    pipeline = bench.pipeline("gone")
    run_once(bench, pipeline, ["greta"])
    admin = admin_of(bench.kafka)
    for future in admin.delete_topics(["gone.changelog"]).values():
        future.result(30)
    subprocess.run(["rm", "-r", pipeline.environment["EBB_STATE_DIR"]], check=True)
    return [bench.refused("the changelog and the local state are gone", pipeline, "gone.changelog", "is empty",
                          log_from=len(pipeline.log()))]


def locked(bench):
    """a state directory in use"""
    bench.create("locked.purchases", "locked.browses")
    pipeline = bench.pipeline("locked")
    process = bench.start(pipeline)
    second = bench.pipeline("locked-second", edit=lambda text: text.replace("locked-second", "locked"),
                            state=pipeline.environment["EBB_STATE_DIR"])
    rows = [bench.refused("the state directory of a running process", second, "state directory", "is in use",
                          "name another directory")]
    rows[0].expect(process.poll() is None and pipeline.get("/healthz"), "the first process did not stay")
    bench.stop(process)
    return rows


@functools.cache
def own_mounts():
    """The `unshare` that gives a process mounts of its own here: as any user, as root, as root in a changed root."""
    ways = (["--user", "--map-root-user", "--mount"], ["--mount"], ["--mount", "--propagation", "unchanged"])
    for way in ways:
        if subprocess.run(["unshare", *way, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return ["unshare", *way]
    raise RuntimeError("expected to be allowed a mount namespace, by user namespaces or as root; neither is")


def on_disk(size, directory, options=""):
    """A command before that of a process, which then has a file system of its own in `directory`."""
    script = f'mount -t tmpfs -o size={size}{options} ebb "{directory}" && exec "$@"'
    return [*own_mounts(), "sh", "-c", script, "sh"]


def unwritable(bench):
    """state directories that cannot be written"""
    bench.create("unwritable.purchases", "unwritable.browses")
    pipeline = bench.pipeline("unwritable", state="/dev/null/ebb")
    rows = [bench.refused("a state directory that cannot be made", pipeline, "/dev/null/ebb", "cannot be written",
                          "another directory")]
    directory = bench.directory / "read-only"
    directory.mkdir()
    pipeline.environment["EBB_STATE_DIR"] = str(directory)
    process = bench.start(pipeline, command=on_disk("64m", directory, ",ro"), ready=False)
    rows.append(bench.refused("a state directory on a read-only disk", pipeline, str(directory), "cannot be written",
                              "Read-only", process=process, log_from=len(pipeline.log())))
    return rows


def full(bench):
    """a full disk under the state directory"""
    bench.create("full.purchases", "full.browses")
    directory = bench.directory / "small-disk"
    directory.mkdir()
    pipeline = bench.pipeline("full", state=directory)
    process = bench.start(pipeline, command=on_disk("8m", directory), ready=False)
    rows = [bench.refused("a state directory on a disk with 8 MiB", pipeline, str(directory), "full", "make room",
                          "expected", "found", process=process)]

    process = bench.start(pipeline, command=on_disk("96m", directory))
    mark = len(pipeline.log())
    subprocess.run(["dd", "if=/dev/zero", f"of=/proc/{process.pid}/root{directory}/filler", "bs=1M"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # Until there is no room.
    sender = Sender(bench.kafka)
    customers = [f"full-{i}" for i in range(CUSTOMERS)]
    for customer in customers:
        sender.post("full.purchases", customer.encode(), purchase(customer, customer))
    sender.flush()
    rows.append(bench.refused("the disk fills up while it runs", pipeline, str(directory), "full", "make room",
                              process=process, log_from=mark))
    mark = len(pipeline.log())
    process = bench.start(pipeline, command=on_disk("96m", directory))
    wait_until(lambda: all(known(pipeline, customer) for customer in customers), READY_LIMIT, "all customers known")
    code = bench.stop(process)
    told = sorted(key.decode() for _, key, _, _ in bench.kafka.read("full.features"))
    row = Row("… and started again with room", f"ready; exit code {code}; {len(told)} features, each once",
              read_line(pipeline.log()[mark:], "live at epoch"))
    row.expect(told == sorted(customers), f"expected one feature of each of {CUSTOMERS} customers")
    rows.append(row.expect(code == 0, "expected exit code 0"))
    return rows


def port_taken(bench):
    """an admin port that is taken"""
    bench.create("port.purchases", "port.browses")
    pipeline = bench.pipeline("port")
    host, port = pipeline.admin.split(":")
    with socket.socket() as taken:
        taken.bind((host, int(port)))
        taken.listen()
        return [bench.refused("the admin port is taken", pipeline, pipeline.admin, "admin.listen", "another address")]


CASES = [other_pipeline, other_state, other_version, changelog_gone, locked, unwritable, full, port_taken]
