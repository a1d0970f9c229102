"""One case: a step, an action, and the lives of an application around it."""

import dataclasses
import shutil
import signal
import time

from confluent_kafka import ConsumerGroupState, Producer

from bench import EBB_CRASH, PATIENCE_S
from scenarios import Crash, Scenario, scenario_of
from support import EBB, wait_until

HEARTBEAT_S = 1.5    # A quarter of session_timeout.
SOONER = (1, 3, 9)   # By what the times of late crashes are divided in one attempt and the next.


@dataclasses.dataclass(frozen=True)
class Cell:
    step: str
    action: str
    scenario: Scenario

    @property
    def name(self):
        return f"{self.step}:{self.action}"


@dataclasses.dataclass
class Outcome:
    cell: Cell
    course: str = ""   # What the process did.
    fault: str = ""    # What is wrong with that; empty when nothing is.
    seconds: float = 0


class Fault(Exception):
    """What a case must not come to."""


class NotTaken(Fault):
    """A step was not taken, or not so often."""


class Case:
    """The lives of one application. `one` is its process and the next starts of it; `two` is another process."""

    def __init__(self, bench, cell, application, sooner):
        self.bench, self.cell, self.application, self.sooner = bench, cell, application, sooner
        self.scenario = cell.scenario
        self.pipeline = bench.pipeline(self.scenario.pipeline, application)
        self.state_dirs = {name: bench.directory / f"{application}-state-{name}" for name in ("one", "two")}
        self.lives = []
        self.other = None

    def start(self, binary, name="one", plan=""):
        life = self.bench.life(binary, self.pipeline, f"{self.application}-{len(self.lives) + 1}-{name}", name,
                               self.state_dirs[name], plan)
        self.lives.append(life)
        return life

    def start_other(self):
        if self.other is None:
            self.other = self.start(EBB, "two")

    def hold_other(self):
        """Starts `two` up to where it is about to join, so that it takes no time when it shall."""
        step = "start.stores-opened"
        self.other = self.start(EBB_CRASH, "two", Crash(step, "hang").plan(1))
        if not self.other.await_frozen(step):
            raise Fault(f"the other process ended: {last_error(self.other.log())}")

    def prepare(self):
        for crash in self.scenario.before:
            life = self.start(EBB_CRASH, plan=crash.plan(self.sooner))
            code = life.await_end()
            if not life.taken(crash.step):
                raise NotTaken(f"{crash.plan(self.sooner)} was never taken by a life before; exit code {code}")
        one = self.state_dirs["one"]
        if self.scenario.state != "kept":
            shutil.rmtree(one)
        if self.scenario.state == "foreign":
            shutil.copytree(self.bench.states[self.scenario.pipeline], one)

    def pass_pause(self, life):
        """Freezes the process amid its work, lets something happen to it, and has it go on."""
        step = self.scenario.pause.step
        if not life.await_frozen(step, self.cell.step):
            raise NotTaken(f"{step}, the pause, was never taken; exit code {life.process.returncode}")
        event = self.scenario.event
        if event == "join":
            self.other.resume()
            self.await_rebalance(time.monotonic() + HEARTBEAT_S)
        elif event == "replace":
            self.start_other()
            self.await_taken_over()
        elif event == "fence":
            usurper = Producer({"bootstrap.servers": self.bench.kafka.bootstrap,
                                "transactional.id": f"{self.application}/one/0", "log_level": 4})
            usurper.init_transactions(PATIENCE_S)
        elif event == "stop":
            life.signal(signal.SIGTERM)
        life.resume()

    def await_rebalance(self, earliest):
        """Waits until the group wants `one` to let go, and `one` will ask as soon as it goes on."""
        def rebalances():
            groups = self.bench.admin.describe_consumer_groups([self.application])
            state = groups[self.application].result(PATIENCE_S).state
            return state == ConsumerGroupState.PREPARING_REBALANCING and time.monotonic() > earliest
        wait_until(rebalances, PATIENCE_S, "a rebalance")

    def await_taken_over(self):
        """Waits until `two` has all tasks, in full work, or is through with them."""
        wait_until(lambda: " ready tasks=2" in self.other.log() or self.other.process.poll() is not None, PATIENCE_S,
                   "another has taken over")

    def crash(self):
        """Brings a process to the step, and sees it through what happens there. Says what that was."""
        step, action = self.cell.step, self.cell.action
        if self.scenario.event == "join":
            self.hold_other()
        crashes = [self.scenario.provoke, self.scenario.pause, Crash(step, action, self.scenario.nth)]
        life = self.start(EBB_CRASH, plan=",".join(crash.plan(self.sooner) for crash in crashes if crash))
        if self.scenario.pause:
            self.pass_pause(life)
        if action == "hang":
            if not life.await_frozen(step):
                raise NotTaken(f"{step} was never taken; exit code {life.process.returncode}")
            self.start_other()
            self.await_taken_over()
            life.resume()
        code = life.await_end()
        for crash in crashes:
            if crash and not life.taken(crash.step):
                raise NotTaken(f"{crash.step} was never taken; exit code {code}")
        if action == "kill":
            if code != -signal.SIGKILL:
                raise Fault(f"not killed, but exit code {code}")
            return "killed"
        if code not in (0, 1):
            raise Fault(f"exit code {code}")
        if action == "error" and code == 1 and f"crash point {step}" not in last_error(life.log()):
            raise Fault(f"failed with another error: {last_error(life.log())}")
        return "went on" if code == 0 else f"ended: {last_error(life.log())}"

    def run(self):
        self.prepare()
        course = self.crash()
        if self.other is not None and (code := self.other.await_end()) != 0:
            raise Fault(f"the other process ended with {code}: {last_error(self.other.log())}")
        last = self.start(EBB)
        if (code := last.await_end()) != 0:
            raise Fault(f"the last life ended with {code}: {last_error(last.log())}")
        if wrong := self.bench.compare(self.scenario.pipeline, self.application):
            raise Fault(wrong)
        return course

    def close(self):
        for life in self.lives:
            life.end()
        self.bench.forget(self.scenario.pipeline, self.application, *self.state_dirs.values())


def last_error(log):
    """The last error that a process has logged."""
    return next((line.split(" error ", 1)[1] for line in reversed(log.splitlines()) if " error " in line), "no error")


def run_cell(bench, cell, application):
    """Runs a case, and once more with earlier crashes when its process was through before they came."""
    outcome = Outcome(cell)
    began = time.monotonic()
    for sooner in SOONER:
        name = f"{application}-{sooner}"
        case = Case(bench, cell, name, sooner)
        try:
            outcome.course, outcome.fault = case.run(), ""
            break
        except NotTaken as fault:
            outcome.fault = f"{fault} ({name})"
        except (Fault, AssertionError, OSError) as fault:
            outcome.fault = f"{fault} ({name})"
            break
        finally:
            case.close()
    outcome.seconds = time.monotonic() - began
    return outcome


def cells_of(listing):
    """The cases of the lines that EBB_CRASH_LIST prints: STEP ACTION..."""
    for line in listing.splitlines():
        step, *actions = line.split()
        for action in actions:
            yield Cell(step, action, scenario_of(step))
