"""Whose file it is, whether its engine lives, and by which clock."""

import mmap
import time
from types import SimpleNamespace

import pytest

from depthactors.book import BookState
from depthactors.errors import SharingError
from depthactors.sharing import DepthReader, pulse
from depthactors.sharing.pulse import SIZE, Pulse, PulseReader
from depthactors.version import VERSION


@pytest.fixture
def memory():
    return mmap.mmap(-1, SIZE)


def test_it_lives_is_stuck_and_ends(memory):
    writer, reader = Pulse(memory), PulseReader(memory, "books")
    assert (reader.stuck, reader.ended, reader.listed) == (False, False, 0)
    writer.beat(time.monotonic() - 2 * pulse.PULSE_LIMIT)
    assert (reader.stuck, reader.ended) == (True, False)
    writer.beat(time.monotonic())
    writer.list_changed()
    assert (reader.stuck, reader.listed) == (False, 1)
    writer.close()
    assert reader.ended


def test_one_that_is_just_being_made_is_not_there_yet(memory):
    with pytest.raises(ValueError, match="just being made"):
        PulseReader(memory, "books")


def test_another_layout_is_told_with_both_versions(memory, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(pulse, "LAYOUT", 7)
        patch.setattr(pulse, "VERSION", "9.8.7")
        Pulse(memory)
    with pytest.raises(SharingError) as caught:
        PulseReader(memory, "books")
    assert f"books: expected books in the layout 1 of depthactors {VERSION}" in str(caught.value)
    assert "was the layout 7 of depthactors 9.8.7" in str(caught.value)


def test_a_version_from_before_there_were_layouts_is_told_too(memory):
    Pulse(memory)
    memory[16:] = bytes(SIZE - 16)
    with pytest.raises(SharingError, match="was the layout 0 of depthactors an earlier version"):
        PulseReader(memory, "books")


def test_an_engine_of_another_layout_that_has_ended_is_gone(memory, monkeypatch):
    monkeypatch.setattr(pulse, "LAYOUT", 7)
    writer = Pulse(memory)
    writer.beat(time.monotonic() - 2 * pulse.PULSE_LIMIT)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="it has ended"):
        PulseReader(memory, "books")
    writer.beat(time.monotonic())
    writer.close()
    with pytest.raises(ValueError, match="it has ended"):
        PulseReader(memory, "books")


def test_a_reader_does_not_read_the_books_of_another_layout(name, monkeypatch, publisher):
    monkeypatch.setattr(pulse, "LAYOUT", 2)
    for attach in (DepthReader, DepthReader.wait_for_engine):
        with pytest.raises(SharingError, match="the engine and its readers need the same version"):
            attach(name)


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0])
def test_with_another_clock_it_lives_from_its_second_sign_of_life_on(memory, monkeypatch, ahead):
    clock = SimpleNamespace(now=10_000.0)
    writer = Pulse(memory)
    writer.beat(clock.now + ahead - 60.0)
    monkeypatch.setattr(pulse, "_namespace", lambda: -1)
    monkeypatch.setattr(pulse, "time", SimpleNamespace(monotonic=lambda: clock.now))
    reader = PulseReader(memory, "books")
    assert reader.stuck, "how old that sign is nobody knows"
    clock.now += 0.5
    writer.beat(clock.now + ahead)
    assert not reader.stuck
    # It gives one more, and is looked at long after that.
    writer.beat(clock.now + ahead + 0.5)
    clock.now += 0.5 + pulse.PULSE_LIMIT + 0.1
    assert reader.stuck
    writer.beat(clock.now + ahead)
    assert not reader.stuck
    writer.close()
    assert reader.ended


def test_a_reader_with_another_clock_waits_for_a_sign_of_life(publisher, monkeypatch):
    publisher.follow("BTCUSDT")
    monkeypatch.setattr(pulse, "_namespace", lambda: -1)
    with DepthReader(publisher.folder.name) as reader:
        assert reader.view("BTCUSDT").state is BookState.STALE
        publisher.beat()
        assert reader.wait_live("BTCUSDT", timeout=10).last_update_id == 1


def test_where_clocks_cannot_be_told_apart_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr(pulse, "_NAMESPACE", tmp_path / "none")
    assert pulse._namespace() == 0
