"""The `ebb run` processes, and what starts them again when they end."""

import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from cluster import BROKERS, PROXY

PIPELINE = pathlib.Path(__file__).resolve().parents[1] / "chaos.yaml"
ADMIN = 22060
STATE_MIB = 256  # Of each state directory's own file system, where one can be mounted.
RESTART_AFTER_S = 0.5
STOP_LIMIT_S = 40
KEPT_LINES = 4  # Of the log, when it ends by itself.

# By slot: settings that make the processes differ. Two have a name of their own and are static members.
SETTINGS = {1: {"EBB_INSTANCE": "one"}, 2: {"EBB_INSTANCE": "two", "EBB_WORKERS": "2"}, 3: {}, 4: {}}


class Ebb:
    """One process under supervision: it is started again whenever it ends while it is wanted."""

    def __init__(self, slot, binary, directory, proxy, say):
        self.slot, self.binary, self.proxy, self.say = slot, binary, proxy, say
        self.name = f"p{slot}"
        self.log = directory / f"{self.name}.log"
        self.state = directory / f"{self.name}.state"
        self.copy = directory / f"{self.name}.copy"
        self.state.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={STATE_MIB}m", "tmpfs", str(self.state)]
        self.mounted = subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode == 0
        bootstrap = ",".join(f"127.0.0.1:{PROXY + i}" for i in range(BROKERS))
        self.environment = {**os.environ, **SETTINGS[slot], "KAFKA_BOOTSTRAP": bootstrap,
                            "EBB_STATE_DIR": str(self.state / "db"), "EBB_ADMIN_LISTEN": f"127.0.0.1:{ADMIN + slot}"}
        self.process = None
        self.wanted = False
        self.planned = True  # Whether somebody has just ended it on purpose.
        self.ends = []  # (exit code, last lines) of those that ended by themselves
        self.lock = threading.RLock()
        threading.Thread(target=self.supervise, daemon=True).start()

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def start(self, *arguments):
        with self.lock:
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen([self.binary, "run", str(PIPELINE), *arguments],
                                                env=self.environment, stdout=log, stderr=log)
            self.proxy.pids.add(self.process.pid)
            self.planned = False
            self.wanted = not arguments

    def supervise(self):
        while True:
            time.sleep(RESTART_AFTER_S / 5)
            with self.lock:
                if not self.wanted or self.process.poll() is None:
                    continue
                if not self.planned:
                    self.note_end()
            time.sleep(RESTART_AFTER_S)
            with self.lock:
                if self.wanted and self.process.poll() is not None:
                    self.start()

    def note_end(self):
        lines = self.log.read_text(errors="replace").splitlines()[-KEPT_LINES:]
        self.ends.append((self.process.returncode, lines))
        self.planned = True
        self.say(f"{self.name} has ended by itself with {self.process.returncode}: {lines[-1] if lines else ''}")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """From any thread, at once; the supervisor starts it again unless it is held down first."""
        self.planned = True
        self.signal(signal.SIGKILL)
        self.proxy.pids.discard(self.pid)

    def terminate(self):
        self.planned = True
        self.signal(signal.SIGTERM)

    def ask(self, path):
        """What its admin endpoint answers."""
        try:
            with urllib.request.urlopen(f"http://{self.environment['EBB_ADMIN_LISTEN']}{path}", timeout=3) as answer:
                return answer.read().decode().strip()
        except urllib.error.HTTPError as error:
            return error.read().decode().strip()
        except OSError as error:
            return str(error)

    def diagnose(self, moment, with_threads):
        """Leaves beside its log what may tell why it stands still."""
        self.log.with_suffix(f".{moment}.metrics").write_text(self.ask("/metrics"))
        if with_threads and shutil.which("gdb"):
            with open(self.log.with_suffix(f".{moment}.threads"), "wb") as out:
                subprocess.run(["gdb", "-p", str(self.pid), "-batch", "-ex", "thread apply all backtrace 20"],
                               check=False, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)

    def hold_down(self):
        """Keeps the supervisor from starting it again."""
        with self.lock:
            self.wanted = False

    def await_end(self):
        try:
            code = self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.say(f"{self.name} has not stopped within {STOP_LIMIT_S} s of SIGTERM: killed")
            self.kill()
            return self.process.wait()
        self.proxy.pids.discard(self.pid)
        return code

    # ---- state ---------------------------------------------------------------------------------------------------

    def copy_state(self):
        if (self.state / "db").exists():
            shutil.rmtree(self.copy, ignore_errors=True)
            shutil.copytree(self.state / "db", self.copy)

    def delete_state(self):
        shutil.rmtree(self.state / "db", ignore_errors=True)

    def restore_state(self):
        if self.copy.exists():
            self.delete_state()
            shutil.copytree(self.copy, self.state / "db")

    def fill_disk(self):
        """Takes all the room of its file system; without one of its own, forbids it to write files instead."""
        if not self.mounted:
            return subprocess.run(["prlimit", "--pid", str(self.pid), "--fsize=0"], check=True)
        with open(self.state / "filler", "wb", buffering=0) as filler:
            try:
                while filler.write(bytes(1 << 16)):
                    pass
            except OSError:
                pass

    def empty_disk(self):
        (self.state / "filler").unlink(missing_ok=True)

    def close(self):
        self.hold_down()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.mounted:
            subprocess.run(["umount", str(self.state)], check=False)
