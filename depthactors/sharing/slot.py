"""Records that one process writes and others read, in memory that they share, without a lock.

A slot has two places. Each record goes into the place of the one before the last, so the last one stays whole while
the next is written: no reader waits for a writer, and none sees nothing because the writer died in the middle. A
record's head has its serial number, its length and a checksum over both and the bytes. A reader takes the place of the
higher serial if its checksum holds, else the other one; so it cannot miss a torn record, in whatever order a processor
makes stores visible (a checksum of 32 bits: one torn record in four thousand million would pass).
"""

from __future__ import annotations

import time
from struct import Struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

from depthactors.errors import SharingError
from depthactors.sharing.pulse import LAYOUT
from depthactors.version import VERSION

if TYPE_CHECKING:
    from mmap import mmap

_HEAD: Final = Struct("=QII")
"""Serial number, length, checksum."""
_SERIAL: Final = Struct("=Q")
_MARKS: Final = 64
"""Bytes before the first place: the mark, the layout, and the rest of their cache line, for the mark is written by
another thread. The mark is one byte, so it is never torn. It is a hint that is renewed twice a second: on a processor
that shows stores in another order a reader may see it some nanoseconds before or after the record that it came with."""
_LAYOUT: Final = Struct("=I")
_LAYOUT_AT: Final = 4
_TRIES: Final = 1_000
"""Looks at a slot of which both places were being written; a second one is rare."""


def slot_size(room: int) -> int:
    """Return the bytes of a slot for records of at most `room` bytes."""
    return _MARKS + 2 * _place_size(room)


def _place_size(room: int) -> int:
    return -(-(_HEAD.size + room) // 64) * 64


class SlotWriter:
    """The writing end of a slot. One thread writes records; any thread sets the mark."""

    def __init__(self, memory: mmap, room: int, begin: int = 0) -> None:
        """Write to the `slot_size(room)` bytes of `memory` at `begin`: a slot that was written to before, or zeros.

        Raises:
            SharingError: it was written to by a version whose slots are another.
        """
        if not _LAYOUT.unpack_from(memory, begin + _LAYOUT_AT)[0]:
            _LAYOUT.pack_into(memory, begin + _LAYOUT_AT, LAYOUT)
        self._memory = memory
        self._room = room
        self._begin = begin
        # Of the last whole record: one that was killed at its head is written over, and not what is in the other place.
        self._serial = self.reader().whole()

    def again(self) -> SlotWriter:
        """Return a writing end that goes on where another process left off."""
        return SlotWriter(self._memory, self._room, self._begin)

    def reader(self) -> SlotReader:
        """Return a reading end of the same memory."""
        return SlotReader(self._memory, self._room, self._begin)

    def write(self, record: bytes) -> None:
        """Make `record` the latest; O(length).

        Raises:
            SharingError: it is longer than the slot has room for; the one before stays.
        """
        if len(record) > self._room:
            msg = f"expected a record of at most {self._room} bytes, was one of {len(record)}"
            raise SharingError(msg)
        self._serial += 1
        serial, memory = self._serial, self._memory
        place = self._begin + _MARKS + (serial & 1) * _place_size(self._room)
        begin = place + _HEAD.size
        # From here on nobody takes the old record for whole.
        _SERIAL.pack_into(memory, place, 0)
        memory[begin : begin + len(record)] = record
        _HEAD.pack_into(memory, place, serial, len(record), _checksum(serial, record))

    def mark(self, *, behind: bool) -> None:
        """Say that what the slot shows is behind, or is not any more."""
        self._memory[self._begin] = behind


class SlotReader:
    """A reading end of a slot; any number of them, in any process and thread.

    Attributes:
        torn: how often a record was being written when it was looked at, and another was taken or awaited.
    """

    def __init__(self, memory: mmap, room: int, begin: int = 0) -> None:
        """Read from the `slot_size(room)` bytes of `memory` at `begin`, which are a slot.

        Raises:
            SharingError: it is one of another layout.
            ValueError: the memory ends before the slot does.
        """
        if begin + slot_size(room) > len(memory):
            msg = f"expected {begin + slot_size(room)} bytes of memory, was {len(memory)}"
            raise ValueError(msg)
        layout = _LAYOUT.unpack_from(memory, begin + _LAYOUT_AT)[0]
        if layout != LAYOUT:
            msg = f"expected a slot of the layout {LAYOUT} of depthactors {VERSION}, was the layout {layout}"
            raise SharingError(msg)
        self._memory = memory
        self._begin = begin
        self._places = (begin + _MARKS, begin + _MARKS + _place_size(room))
        self._room = room
        self.torn = 0

    @property
    def behind(self) -> bool:
        """Whether the writer says that what the slot shows is behind."""
        return self._memory[self._begin] != 0

    def serial(self) -> int:
        """Return the number of the latest record that was begun or is whole: another number, another record."""
        latest: int = max(_SERIAL.unpack_from(self._memory, place)[0] for place in self._places)
        return latest

    def whole(self) -> int:
        """Return the number of the latest record that is whole, 0 if none is; O(length)."""
        looks = map(self._look, self._places)
        return max((serial for serial, record in looks if record is not None), default=0)

    def read(self) -> tuple[int, bytes]:
        """Return the latest record that is whole, and its serial number; O(length).

        Raises:
            SharingError: there is none in any of many looks: this is not a slot, or its memory was overwritten.
        """
        for _ in range(_TRIES):
            even, odd = (_SERIAL.unpack_from(self._memory, place)[0] for place in self._places)
            for place in self._places if even > odd else self._places[::-1]:
                serial, record = self._look(place)
                if record is not None:
                    return serial, record
                self.torn += 1
            # The writer came round twice meanwhile; give up the rest of this thread's turn.
            time.sleep(0)
        msg = f"expected a slot with a whole record in it, was none in {_TRIES} looks"
        raise SharingError(msg)

    def _look(self, place: int) -> tuple[int, bytes | None]:
        """Return the serial number and the record of a place, `None` for one that is not whole."""
        serial, length, checksum = _HEAD.unpack_from(self._memory, place)
        begin = place + _HEAD.size
        record: bytes = self._memory[begin : begin + min(length, self._room)]
        return serial, record if serial and _checksum(serial, record) == checksum else None


def _checksum(serial: int, record: bytes) -> int:
    return crc32(record, crc32(_HEAD.pack(serial, len(record), 0)))
