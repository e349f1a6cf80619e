import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.exchange.streams import control
from tests.support import table

VARIANTS = "SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY"


@table(
    ("message", "expected"),
    [
        ('{"method":"SUBSCRIBE","params":["a@depth","b@depth"],"id":1}', ("SUBSCRIBE", ("a@depth", "b@depth"), 1)),
        ('{"method":"SUBSCRIBE","params":[],"id":1}', ("SUBSCRIBE", (), 1)),
        ('{"method":"UNSUBSCRIBE","params":["a@depth"],"id":"x7"}', ("UNSUBSCRIBE", ("a@depth",), "x7")),
        ('{"method":"LIST_SUBSCRIPTIONS","id":null}', ("LIST_SUBSCRIPTIONS", (), None)),
        ('{"method":"LIST_SUBSCRIPTIONS","params":["x"],"id":1}', ("LIST_SUBSCRIPTIONS", (), 1)),
        ('{"method":"SET_PROPERTY","params":["combined",true]}', ("SET_PROPERTY", ("combined", True), None)),
        (b'{"method":"GET_PROPERTY","params":["combined"],"id":0}', ("GET_PROPERTY", ("combined",), 0)),
        ('{"id":9223372036854775807,"method":"LIST_SUBSCRIPTIONS"}', ("LIST_SUBSCRIPTIONS", (), 2**63 - 1)),
    ],
)
def test_well_formed_requests_are_values(message, expected):
    assert control.parse(message) == expected


def refusal(message):
    with pytest.raises(control.RefusedError) as caught:
        control.parse(message)
    return json.loads(caught.value.reply)


@table(
    ("message", "code", "text", "request_id"),
    [
        ("nonsense", 3, "Invalid JSON: expected value at line 1 column 1", None),
        ("[]", 2, "Invalid request: expected an object", None),
        ('{"id":4}', 2, "Invalid request: missing field `method` at line 1 column 8", 4),
        ('{"method":"NO","id":2}', 2, f"unknown variant `NO`, expected one of {VARIANTS} at line 1 column 14", 2),
        ('{"method":"subscribe","id":2}', 2, "unknown variant `subscribe`", 2),
        ('{"method":7,"id":2}', 2, "unknown variant `7`", 2),
        ('{"method":null,"id":2}', 2, "unknown variant", 2),
        ('{"method":"SUBSCRIBE","params":["a"],"id":-1}', 2, "request ID must be an unsigned integer", None),
        ('{"method":"SUBSCRIBE","params":["a"],"id":1.5}', 2, "request ID must be an unsigned integer", None),
        ('{"method":"SUBSCRIBE","params":["a"],"id":true}', 2, "request ID must be an unsigned integer", None),
        ('{"method":"SUBSCRIBE","params":["a"],"id":""}', 2, "request ID must be an unsigned integer", None),
        ('{"method":"SUBSCRIBE","params":["a"],"id":"a b"}', 2, "request ID must be an unsigned integer", None),
        ('{"method":"SUBSCRIBE","params":["a"],"id":"%s"}' % ("x" * 37), 2, "request ID must be", None),
        ('{"method":"SUBSCRIBE","params":["a"],"id":9223372036854775808}', 2, "request ID must be", None),
        ('{"method":"SUBSCRIBE","id":1}', 2, "missing field `params`", 1),
        ('{"method":"SUBSCRIBE","params":"a","id":1}', 2, "expected a sequence", 1),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2, "stream name must be a string", 1),
        ('{"method":"GET_PROPERTY","params":[],"id":1}', 2, "property name must be a string", 1),
        ('{"method":"GET_PROPERTY","params":[1],"id":1}', 2, "property name must be a string", 1),
        ('{"method":"GET_PROPERTY","params":["combined",1],"id":1}', 2, "too many parameters", 1),
        ('{"method":"GET_PROPERTY","params":["colour"],"id":1}', 0, "Unknown property", 1),
        ('{"method":"SET_PROPERTY","params":["combined"],"id":1}', 2, "missing property value", 1),
        ('{"method":"SET_PROPERTY","params":["combined",true,1],"id":1}', 2, "too many parameters", 1),
        ('{"method":"SET_PROPERTY","params":["colour",true],"id":1}', 0, "Unknown property", 1),
        ('{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, "Invalid value type: expected Boolean", 1),
    ],
)
def test_other_requests_are_refused_with_the_documented_error(message, code, text, request_id):
    reply = refusal(message)
    assert list(reply) == ["error", "id"]
    assert reply["error"]["code"] == code
    assert text in reply["error"]["msg"]
    assert reply["id"] == request_id


@given(
    st.one_of(
        st.binary(max_size=40),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
        st.fixed_dictionaries(
            {},
            optional={
                name: st.one_of(
                    st.none(),
                    st.integers(),
                    st.text(max_size=5),
                    st.lists(st.text(max_size=3)),
                    st.sampled_from(values),
                )
                for name, values in {"method": control.METHODS, "params": [["combined"]], "id": [1]}.items()
            },
        ).map(json.dumps),
    )
)
def test_whatever_a_client_sends_is_a_request_or_refused_with_an_error_object(message):
    try:
        request = control.parse(message)
    except control.RefusedError as refused:
        reply = json.loads(refused.reply)
        assert reply["error"]["code"] in {0, 1, 2, 3}
        assert type(reply["error"]["msg"]) is str
    else:
        assert request.method in control.METHODS


def test_a_result_is_encoded_with_its_id():
    assert control.result(None, 312) == b'{"result":null,"id":312}'
    assert control.result(["a"], "x") == b'{"result":["a"],"id":"x"}'


def test_the_error_before_a_connection_is_closed_for_its_streams_has_no_id():
    assert json.loads(control.too_many_streams()) == {"error": {"code": 4, "msg": "Too many subscriptions"}}
