"""Runs a program with EBB_KAFKA naming a broker of its own: with_kafka.py PROGRAM [ARGUMENT...]"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from support import Kafka

directory = pathlib.Path(tempfile.mkdtemp(prefix="ebb-kafka-"))
kafka = Kafka(directory)
try:
    kafka.start()
    sys.exit(subprocess.run(sys.argv[1:], env=dict(os.environ, EBB_KAFKA=kafka.bootstrap), check=False).returncode)
finally:
    kafka.stop()
    shutil.rmtree(directory, ignore_errors=True)
