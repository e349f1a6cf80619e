from depthactors.sharing import running_engines
from depthactors.sharing.place import folder_of
from tests.sharing.publisher import Publisher


def test_the_engines_that_run_are_listed_and_no_other(name, publisher):
    publisher.follow("BTCUSDT", 1)
    assert name in running_engines()
    publisher.close()
    assert name not in running_engines()


def test_a_folder_that_is_no_engines_is_left_out(name):
    folder = folder_of(name)
    folder.mkdir(mode=0o700)
    try:
        assert name not in running_engines()
    finally:
        folder.rmdir()


def test_an_engine_without_books_is_listed(name):
    publisher = Publisher(name)
    publisher.open()
    assert name in running_engines()
    publisher.close()
