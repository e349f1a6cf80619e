"""A slot: the latest whole record, whatever happens to the writer and to the bytes."""

import mmap
import multiprocessing
import threading
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.errors import SharingError
from depthactors.sharing import DepthReader
from depthactors.sharing import slot as slot_module
from depthactors.sharing.slot import SlotReader, SlotWriter, slot_size
from tests.sharing.publisher import PATIENCE, Program

ROOM = 40
HEAD = 16
RECORDS = st.lists(st.binary(max_size=ROOM), min_size=1, max_size=6)


class Memory(bytearray):
    """Memory of one process that gives bytes, as mapped files do."""

    def __getitem__(self, place):
        part = super().__getitem__(place)
        return bytes(part) if isinstance(place, slice) else part


def new_slot(room=ROOM):
    memory = Memory(slot_size(room))
    return memory, SlotWriter(memory, room), SlotReader(memory, room)


class Film:
    """Memory that remembers how it looked after each store."""

    def __init__(self, begin):
        self.now = bytearray(begin)
        self.frames = []

    def __len__(self):
        return len(self.now)

    def __getitem__(self, place):
        return bytes(self.now[place])

    def __setitem__(self, place, value):
        """Copy a byte at a time, as a processor might be stopped in the middle."""
        for offset, byte in enumerate(value):
            self.now[place.start + offset] = byte
            self.frames.append(bytes(self.now))


@pytest.fixture
def filmed(monkeypatch):
    """A writer whose every store, byte by byte, is on film."""

    def film(records, room=ROOM, begin=None):
        memory = Film(slot_size(room) if begin is None else begin)

        class Filming:
            def __init__(self, plain):
                self._plain = plain
                self.size = plain.size

            def pack(self, *values):
                return self._plain.pack(*values)

            def unpack_from(self, memory, offset):
                return self._plain.unpack_from(memory.now, offset)

            def pack_into(self, _memory, offset, *values):
                memory[offset : offset + self.size] = self._plain.pack(*values)

        with monkeypatch.context() as patch:
            for name in ("_HEAD", "_SERIAL", "_LAYOUT"):
                patch.setattr(slot_module, name, Filming(getattr(slot_module, name)))
            writer = SlotWriter(memory, room)
            marks = []
            memory.frames.clear()
            for record in records:
                writer.write(record)
                marks.append(len(memory.frames))
        return memory.frames, marks

    return film


@given(RECORDS)
def test_a_reader_sees_the_latest(records):
    memory, writer, reader = new_slot()
    for serial, record in enumerate(records, start=1):
        writer.write(record)
        assert reader.read() == (serial, record)
        assert SlotReader(memory, ROOM).read() == (serial, record)
        assert reader.serial() == serial
    assert reader.torn == 0


def test_an_empty_slot_has_nothing_to_read():
    _, _, reader = new_slot()
    with pytest.raises(SharingError, match="no whole record in 1000 reads"):
        reader.read()


def test_a_record_that_is_too_long_leaves_the_one_before():
    _, writer, reader = new_slot()
    writer.write(b"x" * ROOM)
    with pytest.raises(SharingError, match=f"a record of at most {ROOM} bytes, was one of {ROOM + 1}"):
        writer.write(b"y" * (ROOM + 1))
    assert reader.read() == (1, b"x" * ROOM)
    writer.write(b"z")
    assert reader.read() == (2, b"z")


def test_the_mark_is_apart_from_the_records():
    _, writer, reader = new_slot()
    assert not reader.behind
    writer.mark(behind=True)
    writer.write(b"record")
    assert reader.behind
    assert reader.read() == (1, b"record")
    writer.mark(behind=False)
    assert not reader.behind


@given(RECORDS, st.data())
def test_whatever_byte_is_wrong_no_wrong_record_is_read(records, data):
    memory, writer, reader = new_slot()
    for record in records:
        writer.write(record)
    written = {(serial, record) for serial, record in enumerate(records[-2:], start=max(1, len(records) - 1))}
    # Any byte, any wrong bits.
    memory[data.draw(st.integers(0, len(memory) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        assert reader.read() in written
    except SharingError:
        assert len(records) == 1, "with two records there is always one that is whole"


@given(RECORDS.filter(lambda records: len(records) > 1), st.data())
def test_a_wrong_byte_in_the_latest_record_gives_the_one_before(records, data):
    memory, writer, reader = new_slot()
    for record in records:
        writer.write(record)
    place = reader._places[len(records) & 1]
    memory[place + data.draw(st.integers(0, HEAD + len(records[-1]) - 1))] ^= data.draw(st.integers(1, 255))
    assert reader.read() == (len(records) - 1, records[-2])


@pytest.mark.parametrize("lengths", [(5, 9, 7, 8), (40, 0, 40, 1), (0, 40, 1, 40)])
def test_a_writer_that_is_stopped_at_any_byte_leaves_the_record_before(filmed, lengths):
    records = [bytes([65 + number]) * length for number, length in enumerate(lengths)]
    frames, whole = filmed(records)
    assert whole[-1] == len(frames) > 100
    for number, memory in enumerate(frames[whole[0] - 1 :], start=whole[0]):
        latest = sum(number >= each for each in whole)
        # The last bytes of a head may be what they were already: then the record is whole a little sooner.
        allowed = {(latest, records[latest - 1]), (latest + 1, records[min(latest, len(records) - 1)])}
        seen = SlotReader(memory, ROOM).read()
        assert seen in allowed
        assert number not in whole or seen[0] == latest


def test_a_successor_of_a_writer_that_was_stopped_at_any_byte_leaves_the_last_whole_record_too(filmed):
    before, _ = filmed([b"one", b"two", b"a record that is not whole"])
    for memory in before[-2 * HEAD :]:
        kept = SlotReader(memory, ROOM).read()
        after, _ = filmed([b"four"], begin=memory)
        assert after, "the successor is stopped at each of its bytes, too"
        for each in after:
            assert SlotReader(each, ROOM).read() in {kept, (kept[0] + 1, b"four")}
        assert SlotReader(after[-1], ROOM).read() == (kept[0] + 1, b"four")


def test_a_slot_of_another_layout_is_neither_read_nor_written():
    memory, writer, _ = new_slot()
    writer.write(b"record")
    memory[4] += 1
    for end in (SlotReader, SlotWriter):
        with pytest.raises(SharingError, match=r"expected a slot of the layout 1 of depthactors .*, was the layout 2"):
            end(memory, ROOM)


def test_a_slot_that_does_not_fit_into_its_memory_is_none():
    memory = Memory(slot_size(ROOM) + 100)
    SlotWriter(memory, ROOM, 100)
    with pytest.raises(ValueError, match="bytes of memory"):
        SlotReader(memory, ROOM, 101)


@given(st.data())
def test_the_mark_in_whatever_order_stores_are_seen_shows_what_was_so_a_moment_before_or_after(data):
    """On other processors than x86 a reader may see the mark before the record that it came with, or after it."""
    memory, writer, _ = new_slot()
    writer.write(b"LIVE one")
    writer.mark(behind=True)
    before = bytes(memory)
    writer.write(b"LIVE two")
    writer.mark(behind=False)
    after = bytes(memory)
    changed = [place for place in range(len(after)) if before[place] != after[place]]
    seen = bytearray(before)
    for place in data.draw(st.sets(st.sampled_from(changed))):
        seen[place] = after[place]
    # Whichever mark is seen beside it, the record is one of the two that were there.
    assert SlotReader(Memory(seen), ROOM).read() in {(1, b"LIVE one"), (2, b"LIVE two")}


def test_before_the_first_record_is_whole_nothing_is_read(filmed, monkeypatch):
    monkeypatch.setattr(slot_module, "_TRIES", 2)
    frames, whole = filmed([b"first record"])
    for memory in frames[: whole[0] - 1 :]:
        if memory == frames[-1]:
            continue
        with pytest.raises(SharingError):
            SlotReader(memory, ROOM).read()


@given(st.permutations(range(HEAD + 20)), st.integers(0, HEAD + 20))
def test_in_whatever_order_stores_are_seen_no_torn_record_is_read(order, seen):
    """Only part of the bytes of the third record are seen, any of them: on other processors than x86."""
    memory, writer, reader = new_slot()
    for record in (b"a" * 20, b"b" * 20):
        writer.write(record)
    before = bytes(memory)
    writer.write(b"c" * 20)
    after = bytes(memory)
    place = reader._places[1]
    memory[:] = before
    for offset in order[:seen]:
        memory[place + offset] = after[place + offset]
    assert reader.read() in {(2, b"b" * 20), (3, b"c" * 20)}


def test_a_writer_that_overtakes_a_reader_is_noticed(monkeypatch):
    _, writer, reader = new_slot()
    for record in (b"one", b"two"):
        writer.write(record)
    checksum = slot_module._checksum

    def overtaken(serial, record):
        """Between the reader's copy of a record and its look at the checksum the writer is quick."""
        monkeypatch.setattr(slot_module, "_checksum", checksum)
        for each in (b"three", b"four", b"five"):
            writer.write(each)
        return checksum(serial, record) ^ 1

    monkeypatch.setattr(slot_module, "_checksum", overtaken)
    assert reader.read() == (5, b"five")
    assert reader.torn == 1


def record_of(number):
    """A record of a length of its own, every part of which tells its number."""
    return number.to_bytes(8, "little") * (1 + number % 40)


def test_a_thread_that_writes_as_fast_as_it_can_is_read_without_a_torn_record():
    _, writer, reader = new_slot(400)
    writer.write(record_of(1))
    over = threading.Event()

    def write():
        number = 1
        while not over.is_set():
            number += 1
            writer.write(record_of(number))

    thread = threading.Thread(target=write)
    thread.start()
    last = 0
    try:
        for _ in range(20_000):
            serial, record = reader.read()
            assert record == record_of(serial)
            assert serial >= last
            last = serial
    finally:
        over.set()
        thread.join(10)
    assert last > 1


def _write_for_ever(name, ready, over):
    with open(name, "r+b") as file:  # noqa: PTH123
        memory = mmap.mmap(file.fileno(), slot_size(4_000))
    writer = SlotWriter(memory, 4_000)
    random = Random(1)
    number = 0
    while not over.is_set():
        for _ in range(200):
            number += 1
            writer.write(number.to_bytes(8, "little") * random.randint(1, 500))
        ready.set()


def test_a_process_that_writes_as_fast_as_it_can_is_read_without_a_torn_record(tmp_path):
    path = tmp_path / "slot"
    path.write_bytes(bytes(slot_size(4_000)))
    context = multiprocessing.get_context("spawn")
    ready, over = context.Event(), context.Event()
    child = context.Process(target=_write_for_ever, args=(str(path), ready, over))
    child.start()
    try:
        assert ready.wait(PATIENCE)
        with path.open("rb") as file:
            reader = SlotReader(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), 4_000)
        last = 0
        for _ in range(50_000):
            serial, record = reader.read()
            assert record == serial.to_bytes(8, "little") * (len(record) // 8)
            assert serial >= last
            last = serial
    finally:
        over.set()
        child.join(PATIENCE)
        if child.is_alive():
            child.kill()
            child.join()
    assert last > 1_000


def test_the_process_of_the_writer_may_be_killed_at_any_time(name):
    with Program(name) as program:
        program.do("follow", "BTCUSDT", 7)
        with DepthReader(name) as reader:
            program.kill()
            assert reader.view("BTCUSDT").last_update_id == 7
