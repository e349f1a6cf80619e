"""Bytes that are nearly what the exchange sends: its grammar, with a part of it gone wrong."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.fuzz.targets import BTC, ETH

_ODD_NUMERALS = [
    *("", " ", "x", "-", ".", "0", "-0", "0.0", "0e5", "00", "1.", ".5", "+1", " 1 ", "1_0", "1__0", "1e1_0", "0x1p3"),
    *("-1", "1e400", "1e-400", "1e-320", "4e-324", "1e308", "1.7976931348623157e308", "9" * 400, "1." + "0" * 400),
    *("NaN", "nan", "-nan", "Infinity", "-inf", "infinity", "\u0661\u0662.\u0665", "\uff11", "1\u00a0", "\u2007" + "1"),
    *("1234567890123456", "0.1234567890123456", "123456789012345", "0.000000000000000000001", "100\\u0000"),
]
_ODD_VALUES = [
    *("null", "true", "false", "0", "-0", "-1", "1.5", "1e3", "1E400", "NaN", "Infinity", "-Infinity", "01", "1_0"),
    *(str(2**53), str(2**63), str(2**64 - 1), str(2**64), str(-(2**63)), "9" * 400, "", "x", "\u0661", '""'),
    *('"x"', '"' + "x" * 500 + '"', '"\\ud800"', '"\\u0000"', '"\u00e9\u2028\U0001f600"', "[]", "{}", '["1","2"]'),
    *('{"12":0}', "[[]]", "[" * 20 + "]" * 20, "[" * 500 + "]" * 500, "[" * 2000, '{"a":' * 30 + "1" + "}" * 30),
]

numerals = st.one_of(
    st.from_regex(r"\A(9[0-9]|10[0-9])(\.[0-9]{1,3})?\Z"),
    st.from_regex(r"\A-?[0-9]{1,16}(\.[0-9]{0,9})?([eE][+-]?[0-9]{1,2})?\Z"),
    st.sampled_from(_ODD_NUMERALS),
)
ids = st.integers(95, 110).map(str)
odd = st.sampled_from(_ODD_VALUES)


def _mostly(usual, rare):
    """Draw the usual, and now and then the rare."""
    return st.integers(0, 9).flatmap(lambda number: rare if number == 0 else usual)


_quoted = numerals.map(lambda text: f'"{text}"')
_level = _mostly(
    st.tuples(_quoted, _quoted).map(lambda pair: "[{},{}]".format(*pair)),
    st.lists(_quoted | odd, max_size=4).map(lambda parts: f"[{','.join(parts)}]") | odd,
)
_levels = _mostly(st.lists(_level, max_size=6).map(lambda parts: f"[{','.join(parts)}]"), odd)


@st.composite
def _object(draw, **members):
    """Make an object of these members: one may be lost, odd, there twice, or in another place."""
    pairs = [[f'"{name}"', draw(value)] for name, value in members.items()]
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        place = draw(st.integers(0, len(pairs) - 1)) if pairs else 0
        match draw(st.sampled_from(["lose", "spoil", "repeat", "move", "add"])):
            case "lose" if pairs:
                del pairs[place]
            case "spoil" if pairs:
                pairs[place][1] = draw(odd)
            case "repeat" if pairs:
                pairs.append([pairs[place][0], draw(odd | ids)])
            case "move" if pairs:
                pairs.append(pairs.pop(place))
            case _:
                pairs.append([draw(st.sampled_from(['"T"', '"\\u0065"', '"error"', '"result"', "x", "1"])), draw(odd)])
    blank = draw(st.sampled_from(["", "", "", " ", "\n"]))
    return "{" + f",{blank}".join(f"{name}:{blank}{value}" for name, value in pairs) + "}"


_event = st.sampled_from(['"depthUpdate"'] * 8 + ['"trade"', '"serverShutdown"'])
_symbol = st.sampled_from(['"BTCUSDT"'] * 8 + ['"ETHUSDT"', '"btcusdt"'])
events = _object(e=_event, E=ids, s=_symbol, U=ids, u=ids, pu=ids, b=_levels, a=_levels)
_streams = st.sampled_from([f'"{name.decode()}"' for name in (BTC, ETH)] + ['"!serverShutdown"', '"x"', "1"])
_combined = _object(stream=_streams, data=events)
_codes = _object(code=st.integers(-2000, 2000).map(str), msg=st.just('"Invalid request"'))
_replies = st.one_of(
    _object(result=st.just("null"), id=st.integers(-1, 4).map(str)),
    _object(error=_codes, id=st.integers(-1, 4).map(str)),
    _codes,
)
_snapshots = _object(lastUpdateId=ids, E=ids, symbol=_symbol, bids=_levels, asks=_levels)


@st.composite
def _damaged(draw, texts):
    """Encode a text; now and then some bytes of it are lost, doubled or others."""
    data = bytearray(draw(texts).encode())
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 3]))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["cut", "put", "drop", "double"])):
            case "cut":
                del data[place:]
            case "put":
                data[place : place + 1] = draw(st.binary(max_size=3))
            case "drop":
                del data[place : place + draw(st.integers(1, 9))]
            case "double":
                data[place:place] = data[place : place + draw(st.integers(1, 9))]
    return bytes(data)


frames = _damaged(st.one_of(events, _combined, _replies, odd))
bodies = _damaged(st.one_of(_snapshots, _snapshots, _snapshots, _codes, odd))
programs = st.builds(
    lambda setting, steps: bytes([setting]) + b"".join(steps),
    st.integers(0, 31),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 255)).map(bytes), max_size=60),
)
conversations = st.lists(
    _mostly(_damaged(st.one_of(_combined, _combined, _replies, events)), st.sampled_from([b"", b"x\n" * 60])),
    max_size=8,
).map(b"\n".join)


@st.composite
def _recordings(draw):
    """Make lines of stamp and message, and the file of them: as it is, packed, or packed and damaged."""
    stamps = _mostly(st.integers(0, 10**19 - 1).map(str), st.sampled_from(["", "-1", "1" * 20, "\u0661", "x", "1.5"]))
    ends = _mostly(st.just("\n"), st.sampled_from(["", "\r\n", "\n\n", "\x00"]))
    messages = st.one_of(_combined, _snapshots, odd)
    lines = draw(st.lists(st.tuples(stamps, messages, ends), max_size=3))
    return "".join(f"{stamp} {message}{end}" for stamp, message, end in lines)


recordings = _damaged(_recordings())
