"""What stands over the tables of a benchmark: the command, the machine, the commit and the day."""

import datetime
import os
import pathlib
import platform
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def cpu():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def commit():
    return subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True,
                          check=False).stdout.strip()


def heading():
    """Of the script that runs."""
    script = pathlib.Path(sys.argv[0]).resolve().relative_to(ROOT)
    return (f"`{' '.join([str(script), *sys.argv[1:]])}`, {cpu()}, {os.cpu_count()} cores, {commit()}, "
            f"{datetime.date.today()}\n")
