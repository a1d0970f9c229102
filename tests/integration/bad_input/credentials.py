"""Credentials that are refused: said soon, and without telling the password."""

import pathlib
import subprocess

from bad_input.bench import Row, read_line
from support import ROOT, Kafka, free_port, wait_until

RIGHT, WRONG = "open-sesame", "open-barley"
PATIENCE_S = 30  # What a start waits for a broker: a broken handshake may be one on its way down.
LIMIT_S = 20  # A refusal needs no patience.


class SaslKafka(Kafka):
    """A broker that also listens for the user "ebb" with a password, on the port after its own."""

    def __init__(self, directory):
        super().__init__(directory)
        self.port = free_port(span=2)
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.guarded = f"127.0.0.1:{self.port + 1}"
        self._process = None

    def start(self):
        # Once as every other, which leaves its storage and its settings.
        super().start()
        super().stop()
        settings = (pathlib.Path(self.directory) / "1/server.properties").read_text()
        for name in ("listeners", "advertised.listeners"):
            settings = settings.replace(f"\n{name}=PLAINTEXT://{self.bootstrap}",
                                        f"\n{name}=PLAINTEXT://{self.bootstrap},SASL_PLAINTEXT://{self.guarded}")
        settings = settings.replace("map=PLAINTEXT:PLAINTEXT", "map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT")
        settings += ("\nsasl.enabled.mechanisms=PLAIN\nlistener.name.sasl_plaintext.plain.sasl.jaas.config="
                     f'org.apache.kafka.common.security.plain.PlainLoginModule required user_ebb="{RIGHT}";\n')
        file = pathlib.Path(self.directory) / "sasl.properties"
        file.write_text(settings)
        jars = subprocess.run(["bash", str(ROOT / "deploy/kafka/kafka.sh"), "fetch"], check=True, capture_output=True,
                              text=True).stdout.strip()
        with open(f"{self.directory}/sasl.log", "wb") as log:
            self._process = subprocess.Popen(
                ["java", "-Xms256m", "-Xmx256m", f"-Dlog4j2.configurationFile={ROOT}/deploy/kafka/log4j2.xml",
                 f"-Debb.kafka.log={self.directory}/sasl-kafka.log", "-cp", f"{jars}/*", "kafka.Kafka", str(file)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._serves, 60, "a broker with passwords")

    def stop(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _serves(self):
        assert self._process.poll() is None, f"the broker ended; see {self.directory}/sasl-kafka.log"
        log = pathlib.Path(self.directory) / "sasl-kafka.log"
        return log.exists() and "Kafka Server started" in log.read_text()


def with_password(password):
    properties = ("properties: {security.protocol: sasl_plaintext, sasl.mechanisms: PLAIN, sasl.username: ebb, "
                  f"sasl.password: {password}}}")
    return lambda text: text.replace('"${KAFKA_BOOTSTRAP}"', f'"${{KAFKA_BOOTSTRAP}}", {properties}')


def hidden(row, pipeline, password):
    return row.expect(password not in pipeline.log(), "the password is in the log")


def wrong_password(bench):
    """a password that the broker refuses"""
    kafka = bench.broker("sasl-kafka", SaslKafka)
    kafka.start()
    bench.create("sasl.purchases", "sasl.browses", broker=kafka)
    pipeline = bench.pipeline("sasl", edit=with_password(WRONG))
    pipeline.environment["KAFKA_BOOTSTRAP"] = kafka.guarded
    rows = [hidden(bench.refused("a password that the broker refuses", pipeline, "refuse these credentials",
                                 "Invalid username or password", "sasl properties",
                                 within=LIMIT_S), pipeline, WRONG)]
    mark = len(pipeline.log())
    pipeline.file.write_text(pipeline.file.read_text().replace(WRONG, RIGHT))
    code = bench.stop(bench.start(pipeline))
    row = Row("… and with the right one", f"ready; exit code {code}", read_line(pipeline.log()[mark:], "ready"))
    rows.append(hidden(row.expect(code == 0, "expected exit code 0"), pipeline, RIGHT))
    return rows


def unasked_password(bench):
    """a password where the broker wants none"""
    bench.create("unasked.purchases", "unasked.browses")
    pipeline = bench.pipeline("unasked", edit=with_password(WRONG))
    return [hidden(bench.refused("a password for a broker that takes none", pipeline, "SASL",
                                 "refuse these credentials", bench.kafka.bootstrap, within=LIMIT_S), pipeline, WRONG)]


def no_encryption(bench):
    """TLS for a broker that speaks none"""
    bench.create("ssl.purchases", "ssl.browses")
    edit = lambda text: text.replace('"${KAFKA_BOOTSTRAP}"',
                                     '"${KAFKA_BOOTSTRAP}", properties: {security.protocol: ssl}')
    return [bench.refused("TLS for a broker that speaks plaintext", bench.pipeline("ssl", edit=edit), "SSL_HANDSHAKE",
                          bench.kafka.bootstrap, within=PATIENCE_S + 10)]


no_encryption.waits_long = True
wrong_password.waits_long = True
CASES = [wrong_password, unasked_password, no_encryption]
