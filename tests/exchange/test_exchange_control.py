import json

import pytest

from depthactors.exchange import control


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('{"method":"SUBSCRIBE","params":["a@depth","b@depth"],"id":1}', ("SUBSCRIBE", ("a@depth", "b@depth"), 1)),
        ('{"method":"UNSUBSCRIBE","params":["a@depth"],"id":"x7"}', ("UNSUBSCRIBE", ("a@depth",), "x7")),
        ('{"method":"LIST_SUBSCRIPTIONS","id":null}', ("LIST_SUBSCRIPTIONS", (), None)),
        ('{"method":"SET_PROPERTY","params":["combined",true]}', ("SET_PROPERTY", ("combined", True), None)),
        (b'{"method":"GET_PROPERTY","params":["combined"],"id":0}', ("GET_PROPERTY", ("combined",), 0)),
    ],
)
def test_well_formed_requests(message, expected):
    assert control.parse(message) == expected


@pytest.mark.parametrize(
    ("message", "code", "text", "request_id"),
    [
        ("nonsense", 3, "Invalid JSON: expected value at line 1 column 1", None),
        ("[]", 2, "Invalid request: expected an object", None),
        ('{"id":4}', 2, "missing field `method` at line 1 column 8", 4),
        ('{"method":"NOT_A_METHOD","id":2}', 2, "unknown variant `NOT_A_METHOD`, expected one of SUBSCRIBE, ", 2),
        ('{"method":7,"id":2}', 2, "unknown variant `7`", 2),
        ('{"method":"SUBSCRIBE","params":["a"],"id":-1}', 2, "request ID must be an unsigned integer", None),
        ('{"method":"SUBSCRIBE","params":["a"],"id":1.5}', 2, "request ID must be an unsigned integer", None),
        ('{"method":"SUBSCRIBE","params":["a"],"id":"%s"}' % ("x" * 37), 2, "request ID must be", None),
        ('{"method":"SUBSCRIBE","id":1}', 2, "missing field `params`", 1),
        ('{"method":"SUBSCRIBE","params":"a","id":1}', 2, "expected a sequence", 1),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2, "stream name must be a string", 1),
        ('{"method":"GET_PROPERTY","params":[1],"id":1}', 2, "property name must be a string", 1),
        ('{"method":"GET_PROPERTY","params":["combined",1],"id":1}', 2, "too many parameters", 1),
        ('{"method":"GET_PROPERTY","params":["colour"],"id":1}', 0, "Unknown property", 1),
        ('{"method":"SET_PROPERTY","params":["combined"],"id":1}', 2, "missing property value", 1),
        ('{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, "expected Boolean", 1),
    ],
)
def test_refused_requests(message, code, text, request_id):
    with pytest.raises(control.RefusedError) as caught:
        control.parse(message)
    reply = json.loads(caught.value.reply)
    assert reply["error"]["code"] == code
    assert text in reply["error"]["msg"]
    assert reply["id"] == request_id


def test_result():
    assert control.result(None, 312) == b'{"result":null,"id":312}'
