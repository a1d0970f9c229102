"""One run of one system over one input, measured and judged."""

import os
import shutil
import signal
import string
import subprocess
import time

import systems
import watch
from support import free_port, wait_until

PAUSE_S = 0.1
STALL_S = 300  # Without progress for so long a run has failed.
STOP_S = 120
SETTLE_S = 60


class Run:
    def __init__(self, stage, system, workload, events, prefix, application, commit_ms):
        self.stage, self.system, self.workload = stage, system, workload
        self.events, self.prefix, self.application, self.commit_ms = events, prefix, application, commit_ms
        self.output = f"{application}.alerts"
        self.results = workload.job.results(self.output)
        self.state = stage.directory / f"{application}-state"
        self.log = stage.directory / f"{application}.log"

    def measure(self):
        """What was measured, as a dictionary; `wrong` says why there is nothing, if there is nothing."""
        self._prepare()
        process = None
        try:
            broker_before = watch.cpu_seconds(self.stage.pid)
            process = self._start()
            samples = self._follow(process)
            self._settle()
            result = self._figures(process, samples, watch.cpu_seconds(self.stage.pid) - broker_before)
            result["stop_cpu_s"] = self._stop(process) - samples[-1].cpu
            result["judged"] = self.workload.job.judge(self.stage, self.prefix, self.output)
            return result
        except (RuntimeError, AssertionError) as failure:
            return {"wrong": f"{failure}; see {self.log}"}
        finally:
            if process and process.returncode is None:
                process.kill()
                process.wait()
            self._clean()

    def _environment(self):
        own = {"BENCH_APPLICATION": self.application, "BENCH_BOOTSTRAP": self.stage.bootstrap,
               "BENCH_INPUT": self.prefix, "BENCH_OUTPUT": self.output, "BENCH_STATE_DIR": str(self.state),
               "BENCH_COMMIT_MS": str(self.commit_ms), "BENCH_COMMIT_INTERVAL": f"{self.commit_ms}ms",
               "BENCH_ADMIN": f"127.0.0.1:{free_port()}"}
        told = {name: string.Template(value).substitute(own) for name, value in self.system.environment.items()}
        return {**os.environ, **own, **told}

    def _prepare(self):
        self.state.mkdir(parents=True)
        topics = [topic.replace("APP", self.application) for topic in self.system.topics]
        self.stage.topics("reset", *(f"{topic}:{watch.PARTITIONS}" for topic in self.results), *topics)

    def _start(self):
        environment = self._environment()
        command = [string.Template(word).safe_substitute(environment) for word in self.system.command]
        with open(self.log, "ab") as log:
            self.started = time.monotonic()
            return subprocess.Popen(systems.bound(*command), env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log)

    def _follow(self, process):
        """Samples from the start until all input is committed."""
        samples = [watch.Sample(self.started, 0, 0.0)]
        moved = self.started
        group = watch.Group(self.stage.bootstrap, self.application, self.workload.job.inputs(self.prefix))
        try:
            while samples[-1].events < self.events:
                time.sleep(PAUSE_S)
                if watch.has_ended(process):
                    raise RuntimeError(f"{self.system.name} has ended by itself")
                committed = group.committed()
                now = time.monotonic()
                if committed > samples[-1].events:
                    moved = now
                elif now - moved > STALL_S:
                    raise RuntimeError(f"{self.system.name} has stood still for {STALL_S} s")
                samples.append(watch.Sample(now, committed, watch.cpu_seconds(process.pid)))
        finally:
            group.close()
        return samples

    def _settle(self):
        """Waits until readers of committed records see everything that was written."""
        def settled():
            return (watch.ends(self.stage.bootstrap, self.results, "read_committed") ==
                    watch.ends(self.stage.bootstrap, self.results, "read_uncommitted"))
        wait_until(settled, SETTLE_S, "every result is committed")

    def _figures(self, process, samples, broker_cpu):
        last = samples[-1]
        half = next(sample for sample in samples if sample.events >= self.events / 2)
        # Where one commit covers the rest there is no second half to speak of.
        rest = last.events - half.events
        millions = self.events / 1e6
        return {
            "cpu_s_per_million": last.cpu / millions,
            "warm_cpu_s_per_million": (last.cpu - half.cpu) / rest * 1e6 if rest else None,
            "events_per_s": self.events / (last.time - self.started),
            "warm_events_per_s": rest / (last.time - half.time) if rest else None,
            "longest_stall_s": watch.longest_stall(samples),
            "peak_rss_bytes": watch.peak_rss_bytes(process.pid),
            "changelog_bytes": self.stage.topic_bytes(self.system.changelog_topic(self.application)),
            "state_bytes": watch.bytes_below(self.state),
            "broker_cpu_s_per_million": broker_cpu / millions,
        }

    def _stop(self, process):
        """A clean stop; the CPU-seconds of the whole life."""
        process.send_signal(signal.SIGTERM)

        def reaped():
            pid, *end = os.wait4(process.pid, os.WNOHANG)
            return end if pid else None

        status, usage = wait_until(reaped, STOP_S, f"an end of {self.system.name}")
        process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_utime + usage.ru_stime

    def _clean(self):
        topics = [*self.results, f"{self.application}.dead-letters", self.system.changelog_topic(self.application)]
        self.stage.topics("delete", *filter(None, topics))
        shutil.rmtree(self.state, ignore_errors=True)
