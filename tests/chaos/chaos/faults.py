"""The faults: each picks a victim, strikes, and mends what it broke."""

import contextlib
import os
import signal
import time

from cluster import BROKERS
from proxy import STEPS
from support import wait_until

SESSION_S = 6  # As chaos.yaml has it.
AIM_LIMIT_S = 8
WHOLE_LIMIT_S = 60


class Strike:
    """What one fault did."""

    def __init__(self, kind, victim, at, inside, step):
        self.kind, self.victim, self.at, self.inside, self.step = kind, victim, at, inside, step
        self.resumed_after = None


class Faults:
    """Strikes and returns. `strikes` has what was done; the driver watches what came of it."""

    def __init__(self, cluster, proxy, processes, extra, chance, say):
        self.cluster, self.proxy, self.chance, self.say = cluster, proxy, chance, say
        self.processes, self.extra = processes, extra
        self.strikes = []

    KINDS = ["kill", "terminate", "zombie", "broker-kill", "coordinator-kill", "broker-freeze", "cut-end-request",
             "cut-end-reply", "network-pause", "state-deleted", "state-old", "disk-full", "process-added",
             "process-removed"]

    def strike(self, kind):
        """One fault from beginning to end, but for what comes after."""
        getattr(self, kind.replace("-", "_"))()

    # ---- aiming --------------------------------------------------------------------------------------------------

    def note(self, kind, victim, phases, step):
        """Called at the very moment. A fault is inside a transaction when one of the victim's is open, or is being
        ended and the reply has not come back."""
        self.strikes.append(Strike(kind, victim, time.monotonic(), bool(phases), step if phases else None))
        state = f"inside, at {step}: {', '.join(phases)}" if phases else "between transactions"
        self.say(f"{kind:<18} {victim:<9} {state}")

    def aim(self, kind, ebb, act, steps=None, forward=True):
        """Acts when a transaction of the process comes to a step, or anyhow when none does for a while."""
        step = self.chance.choice(steps or sorted(STEPS))

        def spring():
            self.note(kind, ebb.name, self.proxy.open_transactions(pid=ebb.pid), step)
            act()

        if not self.proxy.at(step, spring, ebb.pid, forward, AIM_LIMIT_S):
            step = "no step"
            spring()

    def anyone(self):
        return self.chance.choice([e for e in self.processes + [self.extra] if e.wanted])

    def pause(self, least_s, most_s):
        time.sleep(self.chance.uniform(least_s, most_s))

    # ---- processes -----------------------------------------------------------------------------------------------

    def kill(self):
        ebb = self.anyone()
        forward = self.chance.random() < 0.5
        stays_away = self.chance.random() < 0.4
        self.aim("kill", ebb, lambda: (stays_away and ebb.hold_down(), ebb.kill()), forward=forward)
        if stays_away:
            self.down(ebb, lambda: self.pause(1, SESSION_S + 3))

    def down(self, ebb, meanwhile):
        """Starts a process that was ended again, when `meanwhile` is over."""
        ebb.hold_down()
        ebb.await_end()
        meanwhile()
        ebb.start()

    def terminate(self):
        ebb = self.anyone()
        self.aim("terminate", ebb, ebb.terminate)
        ebb.hold_down()
        code = ebb.await_end()
        if code != 0:
            self.say(f"{ebb.name} has answered SIGTERM with {code}")
        ebb.start()

    def zombie(self):
        ebb = self.anyone()
        self.aim("zombie", ebb, lambda: ebb.signal(signal.SIGSTOP), forward=self.chance.random() < 0.7)
        self.pause(SESSION_S + 2, SESSION_S + 8)
        ebb.signal(signal.SIGCONT)

    def process_added(self):
        self.note("process-added", "p4", self.proxy.open_transactions(), "any step")
        if self.extra.wanted:
            self.remove()
        self.extra.start()

    def process_removed(self):
        if not self.extra.wanted:
            self.extra.start()
            self.pause(6, 9)
        self.remove(noted=True)

    def remove(self, noted=False):
        end = self.chance.choice([self.extra.kill, self.extra.terminate])
        self.extra.hold_down()
        if noted:
            self.aim("process-removed", self.extra, end)
        else:
            end()
        self.extra.await_end()

    # ---- brokers and network -------------------------------------------------------------------------------------

    def whole(self):
        """Waits for all replicas: with two of three brokers away, nothing could go on."""
        with contextlib.suppress(AssertionError):
            wait_until(self.cluster.whole, WHOLE_LIMIT_S, "every replica in sync")

    def aim_at_broker(self, kind, broker, act, step):
        def spring():
            self.note(kind, f"broker {broker}", self.proxy.open_transactions(broker=broker), step)
            act(broker)

        if not self.proxy.at(step, spring, timeout=AIM_LIMIT_S):
            step = "no step"
            spring()

    def broker_down(self):
        self.pause(1, 6)
        self.cluster.restart()

    def broker_kill(self):
        self.whole()
        broker = self.chance.randrange(1, BROKERS + 1)
        self.aim_at_broker("broker-kill", broker, self.cluster.kill, self.chance.choice(sorted(STEPS)))
        self.broker_down()

    def coordinator_kill(self):
        """Kills the broker that coordinates a transaction when the transaction comes to its end."""
        self.whole()
        ebb = self.anyone()

        def spring():
            broker = self.proxy.coordinator(ebb.pid) or 1
            phases = self.proxy.open_transactions(pid=ebb.pid)
            self.cluster.kill(broker)
            self.note("coordinator-kill", f"broker {broker}", phases, "end")

        if not self.proxy.at("end", spring, ebb.pid, timeout=AIM_LIMIT_S):
            spring()
        self.broker_down()

    def broker_freeze(self):
        self.whole()
        broker = self.chance.randrange(1, BROKERS + 1)
        pid = self.cluster.pid(broker)
        self.aim_at_broker("broker-freeze", broker, lambda _: os.kill(pid, signal.SIGSTOP), "produce")
        self.pause(2, 8)
        os.kill(pid, signal.SIGCONT)

    def cut_end_request(self):
        ebb = self.anyone()
        self.aim("cut-end-request", ebb, lambda: self.proxy.cut(ebb.pid), ["end"], forward=False)

    def cut_end_reply(self):
        ebb = self.anyone()
        self.aim("cut-end-reply", ebb, lambda: self.proxy.cut(ebb.pid), ["ended"], forward=False)

    def network_pause(self):
        ebb = self.anyone()
        pid = ebb.pid
        self.aim("network-pause", ebb, lambda: self.proxy.hold(pid))
        self.pause(2, SESSION_S + 8)
        self.proxy.release(pid)

    # ---- disks ---------------------------------------------------------------------------------------------------

    def killed(self, kind, ebb, meanwhile):
        self.aim(kind, ebb, lambda: (ebb.hold_down(), ebb.kill()))
        self.down(ebb, meanwhile)

    def state_deleted(self):
        ebb = self.anyone()
        self.killed("state-deleted", ebb, ebb.delete_state)

    def state_old(self):
        """Puts back a copy of the state that was taken at an earlier kill."""
        ebb = self.chance.choice(self.processes)
        if not ebb.copy.exists():
            self.killed("kill", ebb, ebb.copy_state)
            self.pause(6, 9)
        self.killed("state-old", ebb, ebb.restore_state)
        if self.chance.random() < 0.5:
            self.killed("kill", ebb, ebb.copy_state)

    def disk_full(self):
        ebb = self.chance.choice(self.processes)
        self.aim("disk-full", ebb, ebb.fill_disk, ["partitions", "produce"])
        self.pause(4, 10)
        ebb.empty_disk()
