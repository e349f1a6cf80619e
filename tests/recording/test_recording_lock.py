import os
from contextlib import suppress

import pytest

from depthactors.errors import RecordingError
from depthactors.recording.lock import lock


def test_one_recorder_at_a_time_has_a_file(tmp_path):
    path = tmp_path / "a.gz"
    with path.open("wb") as first, path.open("r+b") as second:
        lock(first, path)
        with pytest.raises(RecordingError, match="expected a file that no other recorder has open"):
            lock(second, path)
        first.close()
        lock(second, path)


@pytest.mark.parametrize("buffering", [0, -1])
def test_a_fork_neither_keeps_a_file_locked_nor_writes_to_it(tmp_path, buffering):
    path = tmp_path / "a.gz"
    (ready, is_ready), (over, is_over) = os.pipe(), os.pipe()
    with path.open("wb", buffering=buffering) as file:
        lock(file, path)
        file.write(b"line\n")
        child = os.fork()
        if not child:
            with suppress(BaseException):
                os.close(is_over)
                file.flush()
                os.write(is_ready, b"x")
                os.read(over, 1)
            os._exit(0)
        os.read(ready, 1)
    try:
        with path.open("r+b") as file:
            lock(file, path)
            assert file.read() == b"line\n"
    finally:
        os.close(is_over)
        os.waitpid(child, 0)
        for each in (ready, is_ready, over):
            os.close(each)
