"""Both ends of the list of books."""

from depthactors.sharing.listing import SharedBook, read_list, write_list


def test_what_is_written_is_read_in_its_order():
    books = {
        SharedBook("ETHUSDT", "spot", 1000, 5): "book-2@4096",
        SharedBook("BTCUSDT", "spot", 100, 20): "book-1@0",
        SharedBook("BTCUSDT", "usdm", 100, 20): "book-1@8192",
    }
    assert list(read_list(write_list(books.items())).items()) == list(books.items())
    assert read_list(write_list([])) == {}
