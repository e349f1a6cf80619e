"""Records that one process writes and others read, in shared memory, without a lock.

A slot has two places, which are written in turn. So the last record stays whole while the next one is written: a reader
never waits for the writer, and a writer that dies in the middle leaves a whole record. A record's head has its serial
number, its length, and a checksum over both and the bytes. A reader takes the record with the higher serial number if
its checksum is right, else the other one. So it notices a torn record, in whatever order a processor makes stores
visible (the checksum has 32 bits: of four thousand million torn records one would pass).
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
"""Bytes before the first place: the mark, the layout, and the rest of their cache line, since another thread writes the
mark. The mark is one byte, so it is never torn. It is a hint, and written twice a second: a processor that reorders
stores may show it some nanoseconds before or after the record to which it belongs."""
_LAYOUT: Final = Struct("=I")
_LAYOUT_AT: Final = 4
_TRIES: Final = 1_000
"""Reads of a slot while both of its places are being written; a second read is rare."""


def slot_size(room: int) -> int:
    """Return the bytes of a slot for records of at most `room` bytes."""
    return _MARKS + 2 * _place_size(room)


def _place_size(room: int) -> int:
    return -(-(_HEAD.size + room) // 64) * 64


class SlotWriter:
    """The writing end of a slot. One thread writes records; any thread sets the mark."""

    def __init__(self, memory: mmap, room: int, begin: int = 0) -> None:
        """Write to the `slot_size(room)` bytes of `memory` at `begin`: a slot that was written before, or zeros.

        Raises:
            SharingError: a version with another layout has written it.
        """
        if not _LAYOUT.unpack_from(memory, begin + _LAYOUT_AT)[0]:
            _LAYOUT.pack_into(memory, begin + _LAYOUT_AT, LAYOUT)
        self._memory = memory
        self._room = room
        self._begin = begin
        # The serial of the last whole record: a torn one is overwritten, and not the whole one in the other place.
        self._serial = self.reader().whole()

    def again(self) -> SlotWriter:
        """Return a writing end that goes on where another process has stopped."""
        return SlotWriter(self._memory, self._room, self._begin)

    def reader(self) -> SlotReader:
        """Return a reading end of the same memory."""
        return SlotReader(self._memory, self._room, self._begin)

    def write(self, record: bytes) -> None:
        """Make `record` the latest; O(length).

        Raises:
            SharingError: it is larger than the slot; the former record stays.
        """
        if len(record) > self._room:
            msg = f"expected a record of at most {self._room} bytes, was one of {len(record)}"
            raise SharingError(msg)
        self._serial += 1
        serial, memory = self._serial, self._memory
        place = self._begin + _MARKS + (serial & 1) * _place_size(self._room)
        begin = place + _HEAD.size
        # From here on no reader takes the old record in this place for whole.
        _SERIAL.pack_into(memory, place, 0)
        memory[begin : begin + len(record)] = record
        _HEAD.pack_into(memory, place, serial, len(record), _checksum(serial, record))

    def mark(self, *, behind: bool) -> None:
        """Mark the slot's record as behind its book, or take the mark back."""
        self._memory[self._begin] = behind


class SlotReader:
    """A reading end of a slot; there may be any number of them, in any process. Thread: any.

    Attributes:
        torn: number of records that were being written when they were read; another one was read instead.
    """

    def __init__(self, memory: mmap, room: int, begin: int = 0) -> None:
        """Read from the `slot_size(room)` bytes of `memory` at `begin`, which are a slot.

        Raises:
            SharingError: the slot has another layout.
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
        """Whether the writer has marked the record as behind its book."""
        return self._memory[self._begin] != 0

    def serial(self) -> int:
        """Return the serial number of the latest record, which may not be whole yet; it changes with the record."""
        latest: int = max(_SERIAL.unpack_from(self._memory, place)[0] for place in self._places)
        return latest

    def whole(self) -> int:
        """Return the serial number of the latest whole record, 0 if there is none; O(length)."""
        looks = map(self._look, self._places)
        return max((serial for serial, record in looks if record is not None), default=0)

    def read(self) -> tuple[int, bytes]:
        """Return the serial number of the latest whole record, and the record; O(length).

        Raises:
            SharingError: no record was whole in many reads: this is not a slot, or its memory was overwritten.
        """
        for _ in range(_TRIES):
            even, odd = (_SERIAL.unpack_from(self._memory, place)[0] for place in self._places)
            for place in self._places if even > odd else self._places[::-1]:
                serial, record = self._look(place)
                if record is not None:
                    return serial, record
                self.torn += 1
            # The writer has written twice meanwhile; let another thread run.
            time.sleep(0)
        msg = f"expected a slot, was none, or its memory was overwritten: no whole record in {_TRIES} reads"
        raise SharingError(msg)

    def _look(self, place: int) -> tuple[int, bytes | None]:
        """Return the serial number and the record of a place, `None` for a record that is not whole."""
        serial, length, checksum = _HEAD.unpack_from(self._memory, place)
        begin = place + _HEAD.size
        record: bytes = self._memory[begin : begin + min(length, self._room)]
        return serial, record if serial and _checksum(serial, record) == checksum else None


def _checksum(serial: int, record: bytes) -> int:
    return crc32(record, crc32(_HEAD.pack(serial, len(record), 0)))
