"""Reads the engine's changelog with a protobuf decoder of its own: only the fields that are looked at."""

import struct

META, EPOCH, CUSTOMER = 1, 2, 3  # First byte of a key.


def fields(data):
    """Yields (number, value) of a serialised message: whole numbers, or bytes for what has a length."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, varint()
        elif kind == 1:
            yield tag >> 3, struct.unpack_from("<q", data, at)[0]
            at += 8
        elif kind == 2:
            size = varint()
            yield tag >> 3, data[at:at + size]
            at += size
        else:
            raise ValueError(f"wire type {kind}")


def packed(data):
    """Whole numbers of a packed repeated field."""
    numbers, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
    return numbers


class Slice:
    def __init__(self, data):
        found = dict(fields(data))
        self.start, self.records = found.get(1, 0), found.get(2, 0)
        self.max_event_time_ms = found.get(4, 0)


class Round:
    def __init__(self, data):
        found = dict(fields(data))
        self.advance = packed(found.get(1, b""))
        self.idle, self.floor_ms = found.get(2, 0), found.get(3, 0)


class Epoch:
    """An epoch record, with when it was written and how many entries of the changelog came before it."""

    def __init__(self, data, timestamp_ms, entries_found):
        every = list(fields(data))
        found = dict(every)
        self.epoch, self.low_water, self.entries = found.get(3, 0), found.get(4, 0), found.get(5, 0)
        self.owner = found.get(6, b"").decode()
        self.slices = [Slice(value) for number, value in every if number == 8]
        self.rounds = [Round(value) for number, value in every if number == 9]
        self.watermark_ms, self.outputs = found.get(10, 0), found.get(11, 0)
        self.is_full = 17 in found  # It had no room for all timers that were due.
        self.timestamp_ms, self.entries_found = timestamp_ms, entries_found

    def ends(self):
        """Where each source stands after it."""
        ends = [piece.start for piece in self.slices]
        for one in self.rounds:
            for i, advance in enumerate(one.advance):
                ends[i] += advance
        return ends


def sources_of(manifest):
    """The sources, in the order in which epoch records list them."""
    return [value.decode() for number, value in fields(manifest) if number == 3]
