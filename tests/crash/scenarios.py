"""Which situation leads to which step."""

import dataclasses
from typing import NamedTuple


class Crash(NamedTuple):
    """An action at the nth time that a step is taken."""
    step: str
    action: str
    nth: int = 1

    def plan(self, sooner):
        """As EBB_CRASH has it; so many times sooner when it is a late one."""
        nth = self.nth if self.nth < 3 else max(1, self.nth // sooner)
        return f"{self.step}:{self.action}:{nth}"


@dataclasses.dataclass(frozen=True)
class Scenario:
    """What leads a process to the step at which it is to crash.

    `before` are lives that come first, each given by the crash that ends it; they leave work to be recovered. `state`
    says what becomes of the local state after them: it is kept, lost, or that of a foreign application. `provoke` is a
    crash that the process survives. At `pause` it is frozen; then `event` happens, and it goes on:

      join      another process joins the group, and the group asks for the tasks
      replace   another process has waited the session out, and has taken the tasks over
      fence     another producer uses the transactional id
      stop      SIGTERM

    `nth` tells at which time that the step is taken it crashes. How often that is depends on the machine; who asks for
    too much is asked again for less.
    """
    name: str
    pipeline: str = "retail"
    before: tuple = ()
    state: str = "kept"
    provoke: Crash | None = None
    pause: Crash | None = None
    event: str = ""
    nth: int = 1


# By then there is something to redo, and customers who are ahead of it. One leaves a store as it was when it was opened,
# the other one closes it.
KILLED = Crash("epoch.commit-taken", "kill", 41)
FAILED = Crash("store.applied", "error", 45)
AMID = Crash("epoch.processed", "hang", 5)

FRESH = Scenario("fresh")
WORKING = Scenario("working", nth=21)
FORGETTING = Scenario("forgetting", pipeline="forgetful", nth=9)
RESTARTED = Scenario("restarted", before=(FAILED,))
STATE_LOST = Scenario("state lost", before=(KILLED,), state="lost")
STATE_FOREIGN = Scenario("state foreign", before=(KILLED,), state="foreign")
JOINED = Scenario("joined by another", pause=AMID, event="join")
REPLACED = Scenario("replaced", pause=AMID, event="replace")
ABORTED = Scenario("aborted", provoke=Crash("epoch.offsets-asked", "error", 9))
UNKNOWN = Scenario("outcome unknown", provoke=Crash("epoch.commit-known", "error", 9))
FENCED = Scenario("fenced", pause=Crash("epoch.commit-asked", "hang", 5), event="fence")
STOPPED = Scenario("stopped", pause=Crash("epoch.processed", "hang", 15), event="stop")

# By group of steps, and by step where the group's does not lead there.
OF_GROUP = {
    "start": FRESH,
    "restore": STATE_LOST,
    "wipe": STATE_FOREIGN,
    "redo": RESTARTED,
    "rebalance": JOINED,
    "epoch": WORKING,
    "write-back": WORKING,
    "store": WORKING,
    "abort": ABORTED,
    "unknown": UNKNOWN,
    "fenced": FENCED,
    "shutdown": STOPPED,
}
OF_STEP = {
    "rebalance.assigned": dataclasses.replace(JOINED, nth=2),            # The first time is at the start.
    "rebalance.lost": REPLACED,
    "write-back.tombstones": FORGETTING,
    "unknown.producer-opened": dataclasses.replace(UNKNOWN, nth=2),
    "unknown.producer-ready": dataclasses.replace(UNKNOWN, nth=2),
}


def scenario_of(step):
    """The scenario of a step, or None for a group that is not known here."""
    return OF_STEP.get(step) or OF_GROUP.get(step.split(".")[0])
