"""A TCP proxy between `ebb` and the brokers that understands as much of Kafka's protocol as it takes to know which
transactions are open, to act at a chosen step of one, and to cut or hold back connections.

It runs in a thread of its own; public methods may be called from any thread.

Source: the request headers and the schemas of Produce, InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn and
TxnOffsetCommit in Kafka's protocol guide.
"""

import asyncio
import os
import struct
import threading
import time

PRODUCE, INIT, ADD_PARTITIONS, ADD_OFFSETS, END, OFFSETS = 0, 22, 24, 25, 26, 28
FLEXIBLE_FROM = {PRODUCE: 9, INIT: 2, ADD_PARTITIONS: 3, ADD_OFFSETS: 3, END: 3, OFFSETS: 3}
# The steps of a transaction at which something can be made to happen.
STEPS = {"partitions": (ADD_PARTITIONS, "request"), "produce": (PRODUCE, "request"), "offsets": (OFFSETS, "request"),
         "end": (END, "request"), "ended": (END, "reply")}

HELD_POLL_S = 0.02
AWAY_POLL_S = 0.1


class Request:
    """What is known of a request that waits for its reply."""

    def __init__(self, frame):
        self.key, self.version, self.correlation, client = struct.unpack_from(">hhih", frame)
        at = 10 + max(client, 0)
        self.transactional_id = None
        if self.key not in FLEXIBLE_FROM:
            return
        if self.version >= FLEXIBLE_FROM[self.key]:
            at += 1  # No tagged fields in the header.
            length = frame[at] - 1  # A varint, but ids are short.
            at += 1
        else:
            length = struct.unpack_from(">h", frame, at)[0]
            at += 2
        if length > 0:
            self.transactional_id = bytes(frame[at:at + length]).decode()

    def succeeded(self, reply):
        """Of END: whether the reply has no error."""
        at = 4 + (1 if self.version >= FLEXIBLE_FROM[END] else 0) + 4
        return struct.unpack_from(">h", reply, at)[0] == 0


class Transaction:
    def __init__(self, pid):
        self.pid = pid
        self.brokers = set()
        self.phase = "open"  # Then "ending".
        self.since = time.monotonic()


class Connection:
    def __init__(self, broker, pid, client, server):
        self.broker, self.pid = broker, pid
        self.client, self.server = client, server
        self.waiting = {}

    def cut(self):
        for writer in (self.client, self.server):
            writer.transport.abort()


class Trap:
    """Something to do when a transaction comes to a step."""

    def __init__(self, step, action, pid, forward):
        self.key, self.direction = STEPS[step]
        self.action, self.pid, self.forward = action, pid, forward
        self.sprung = threading.Event()


class Proxy:
    def __init__(self, ports):
        """`ports`: (where it listens, where the broker listens) for each broker."""
        self.ports = ports
        self.servers = {}  # That listen, by broker.
        self.pids = set()  # Whose connections they may be.
        self.transactions = {}  # By transactional id.
        self.coordinators = {}  # The broker that ended a transaction of the id last.
        self.connections = set()
        self.held = set()  # Process ids, and brokers as ("broker", number).
        self.traps = []
        self.lock = threading.Lock()
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait()

    def run(self, ready):
        asyncio.set_event_loop(self.loop)
        for broker in range(1, len(self.ports) + 1):
            self.loop.run_until_complete(self.listen(broker))
        ready.set()
        self.loop.run_forever()

    # ---- what the faults ask and do ------------------------------------------------------------------------------

    def open_transactions(self, pid=None, broker=None):
        """Phases of the open transactions of a process, or of those that a broker has a part in, or of all."""
        with self.lock:
            return [t.phase for t in self.transactions.values()
                    if t.pid in self.pids and pid in (None, t.pid) and (broker is None or broker in t.brokers)]

    def coordinator(self, pid):
        """The broker that coordinates the transactions of a process, as far as one has been seen."""
        with self.lock:
            ids = [i for i, t in self.transactions.items() if t.pid == pid]
            return next((self.coordinators[i] for i in ids if i in self.coordinators), None)

    def at(self, step, action, pid=None, forward=True, timeout=5):
        """Calls `action` when a transaction (of the process) comes to the step, before the frame is passed on; with
        `forward` false, the connection is cut instead of passing it on. False when none came in time."""
        trap = Trap(step, action, pid, forward)
        with self.lock:
            self.traps.append(trap)
        if trap.sprung.wait(timeout):
            return True
        with self.lock:
            if trap in self.traps:
                self.traps.remove(trap)
                return False
        return trap.sprung.wait(timeout)

    def hold(self, who):
        self.held.add(who)

    def release(self, who):
        self.held.discard(who)

    def cut(self, pid):
        """Cuts all connections of a process."""
        for connection in [c for c in self.connections if c.pid == pid]:
            self.loop.call_soon_threadsafe(connection.cut)

    # ---- connections ---------------------------------------------------------------------------------------------

    async def listen(self, broker):
        self.servers[broker] = await asyncio.start_server(
            lambda reader, writer: self.serve(reader, writer, broker), "127.0.0.1", self.ports[broker - 1][0],
            limit=1 << 20)

    async def connect(self, broker):
        return await asyncio.open_connection("127.0.0.1", self.ports[broker - 1][1], limit=1 << 20)

    async def close_until_back(self, broker):
        """Refuses connections for as long as the broker does."""
        server = self.servers.pop(broker, None)
        if server is None:
            return
        server.close()
        while True:
            await asyncio.sleep(AWAY_POLL_S)
            try:
                (await self.connect(broker))[1].close()
                return await self.listen(broker)
            except OSError:
                continue

    async def serve(self, reader, writer, broker):
        pid = self.owner(writer.get_extra_info("peername")[1])
        try:
            server_reader, server_writer = await self.connect(broker)
        except OSError:
            writer.transport.abort()
            await self.close_until_back(broker)
            return
        connection = Connection(broker, pid, writer, server_writer)
        self.connections.add(connection)
        pipes = [asyncio.create_task(self.pipe(connection, reader, server_writer, self.request)),
                 asyncio.create_task(self.pipe(connection, server_reader, writer, self.reply))]
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.connections.discard(connection)
            connection.cut()
            for pipe in pipes:
                pipe.cancel()

    async def pipe(self, connection, reader, writer, look):
        try:
            while True:
                size = await reader.readexactly(4)
                frame = await reader.readexactly(struct.unpack(">i", size)[0])
                while connection.pid in self.held or ("broker", connection.broker) in self.held:
                    await asyncio.sleep(HELD_POLL_S)
                if not look(connection, frame):
                    return
                writer.write(size + frame)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return

    def owner(self, port):
        """The process that has the connection from this port."""
        local = f"0100007F:{port:04X}"
        with open("/proc/net/tcp", encoding="ascii") as table:
            inode = next((row.split()[9] for row in table if row.split()[1] == local), None)
        if inode is None:
            return None
        for pid in list(self.pids):
            try:
                for entry in os.scandir(f"/proc/{pid}/fd"):
                    if os.readlink(entry.path) == f"socket:[{inode}]":
                        return pid
            except OSError:
                continue
        return None

    # ---- frames --------------------------------------------------------------------------------------------------

    def request(self, connection, frame):
        request = Request(frame)
        connection.waiting[request.correlation] = request
        identity = request.transactional_id
        if identity is None:
            return True
        with self.lock:
            if request.key == INIT:
                self.transactions.pop(identity, None)
            else:
                transaction = self.transactions.get(identity)
                if transaction is None or transaction.pid != connection.pid:
                    transaction = self.transactions[identity] = Transaction(connection.pid)
                transaction.brokers.add(connection.broker)
                if request.key == END:
                    self.coordinators[identity] = connection.broker
                    transaction.phase = "ending"
        return self.spring(connection, request.key, "request")

    def reply(self, connection, frame):
        request = connection.waiting.pop(struct.unpack_from(">i", frame)[0], None)
        if request is None or request.transactional_id is None:
            return True
        passed = self.spring(connection, request.key, "reply")
        if request.key == END and passed and request.succeeded(frame):
            with self.lock:
                self.transactions.pop(request.transactional_id, None)
        return passed

    def spring(self, connection, key, direction):
        with self.lock:
            trap = next((t for t in self.traps if (t.key, t.direction) == (key, direction)
                         and t.pid in (None, connection.pid)), None)
            if trap is None:
                return True
            self.traps.remove(trap)
        trap.action()
        trap.sprung.set()
        return trap.forward
