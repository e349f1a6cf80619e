from depthactors.binance.error_body import excerpt_of, parse_error


def test_code_and_words():
    error = parse_error({"code": -1121, "msg": "Invalid symbol."})
    assert (error.code, error.words, str(error)) == (-1121, "Invalid symbol.", "-1121: Invalid symbol.")
    assert str(parse_error({"msg": "odd"})) == "odd"


def test_whatever_is_said_is_printable_and_of_bounded_length():
    assert parse_error({"code": True, "msg": "two\nlines\x1b"}) == (None, "two\\nlines\\x1b")
    assert parse_error({"code": 1.5, "msg": ["a"] * 500}).words.count("a") < 10
    assert parse_error({"msg": "x" * 500}).words == "x" * 200 + "..."
    assert parse_error({}) == (None, "")
    assert excerpt_of(b"\xff\n" + b"x" * 500) == "\ufffd\\n" + "x" * 198 + "..."
    assert excerpt_of(b"") == ""
