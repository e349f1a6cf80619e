from depthactors.recording.names import is_of, name_of, names_of
from tests.recording.recorded import BEGIN


def test_a_file_has_the_name_of_its_symbol_and_of_its_beginning():
    names = [name_of("BTCUSDT", BEGIN), name_of("BTC-261225-90000-C", 0), name_of("BTCUSD_PERP", BEGIN)]
    assert names[:2] == ["btcusdt-20261129T154700.123Z.gz", "btc-261225-90000-c-19700101T000000.000Z.gz"]
    others = ["btcusdt.gz", "xbtcusdt-20261129T154700.123Z.gz", "btcusdt-20261129T154700.123Z.notes.jsonl"]
    for symbol, name in zip(("BTCUSDT", "BTC-261225-90000-C", "BTCUSD_PERP"), names, strict=True):
        assert names_of(symbol, [*others, *names]) == [name]
    assert [is_of(name, "BTCUSDT") for name in [*names, *others]] == [True, False, False, None, False, None]
