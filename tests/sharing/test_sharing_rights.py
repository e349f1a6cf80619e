"""Who may do what: one engine a name, readers that cannot write, and a place for the files on each system."""

import os
import tempfile
from pathlib import Path

import pytest

from depthactors import DepthEngine, DepthReader
from depthactors.errors import SharingError
from depthactors.sharing import place

NAME = f"rights-{os.getpid()}"


def test_a_second_engine_of_a_name_is_refused_until_the_first_has_ended():
    with DepthEngine(name=NAME):
        with pytest.raises(SharingError, match=f"expected a name that no running engine has, was '{NAME}'"):
            DepthEngine(name=NAME).start()
        with DepthReader(NAME) as reader:
            assert reader.alive
    with DepthEngine(name=NAME):
        pass


def test_what_a_reader_maps_cannot_be_written(local_exchange):
    with DepthEngine(name=NAME) as engine, DepthReader(NAME) as reader:
        engine.subscribe("BTCUSDT", depth=5).wait_live(timeout=20)
        reader.view("BTCUSDT")
        attached = reader._attached
        for memory in (attached._pulse._memory, attached.slot("BTCUSDT", None, None)._memory):
            with pytest.raises(TypeError, match="readonly"):
                memory[0] = 1


def test_without_dev_shm_an_engine_and_its_readers_meet_whatever_tmpdir_says(local_exchange, monkeypatch, tmp_path):
    monkeypatch.setattr(place, "_MEMORY", Path("/nonexistent"))
    monkeypatch.setattr(place, "_ELSE", tmp_path)
    with DepthEngine(name=NAME) as engine:
        engine.subscribe("BTCUSDT", depth=5).wait_live(timeout=20)
        assert [path.name for path in tmp_path.iterdir()] == [f"depthactors-{NAME}"]
        monkeypatch.setattr(tempfile, "tempdir", "/somewhere/else")
        with DepthReader(NAME) as reader:
            assert reader.wait_live("BTCUSDT", timeout=20).bids
    assert [*tmp_path.iterdir()] == []
