"""Control messages of the websocket: requests to values, replies to JSON. Pure."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import orjson

METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_ID_TEXT: Final = re.compile(r"[0-9A-Za-z]{1,36}")
_LARGEST_ID: Final = 2**63 - 1

UNKNOWN_PROPERTY: Final = 0
INVALID_VALUE: Final = 1
INVALID_REQUEST: Final = 2
INVALID_JSON: Final = 3
TOO_MANY: Final = 4


class Request(NamedTuple):
    """A well-formed control message.

    Attributes:
        method: one of `METHODS`.
        params: stream names for (UN)SUBSCRIBE; `("combined",)` or `("combined", value)` for properties.
        request_id: the id that the reply repeats.
    """

    method: str
    params: tuple[Any, ...]
    request_id: int | str | None


class RefusedError(Exception):
    """A control message whose reply is an error object.

    Attributes:
        reply: the JSON to send.
    """

    def __init__(self, code: int, text: str, request_id: int | str | None = None) -> None:
        """Encode the reply as the exchange does: nested under `error`."""
        super().__init__(f"{code}: {text}")
        self.reply = orjson.dumps({"error": {"code": code, "msg": text}, "id": request_id})


def result(value: Any, request_id: int | str | None) -> bytes:
    """Encode the reply to a request that was accepted."""
    return orjson.dumps({"result": value, "id": request_id})


def too_many_streams() -> bytes:
    """Encode the error that comes before the connection is closed; it has no `id` (measured)."""
    return orjson.dumps({"error": {"code": TOO_MANY, "msg": "Too many subscriptions"}})


def parse(message: bytes | str) -> Request:
    """Check one message from a client.

    Raises:
        RefusedError: the message is refused; it contains the documented error object.
    """
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else message
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        cause = f"Invalid JSON: expected value at line {error.lineno} column {error.colno}"
        raise RefusedError(INVALID_JSON, cause) from None
    if type(data) is not dict:
        cause = f"Invalid request: expected an object at line 1 column {len(text)}"
        raise RefusedError(INVALID_REQUEST, cause)
    request_id = _checked_id(data.get("id"))
    if "method" not in data:
        cause = f"Invalid request: missing field `method` at line 1 column {len(text)}"
        raise RefusedError(INVALID_REQUEST, cause, request_id)
    method = data["method"]
    if method not in METHODS:
        cause = (
            f"Invalid request: unknown variant `{method}`, expected one of {', '.join(METHODS)} "
            f"at line 1 column {text.find(str(method)) + len(str(method)) + 1}"
        )
        raise RefusedError(INVALID_REQUEST, cause, request_id)
    return Request(method, _checked_params(method, data.get("params"), request_id), request_id)


def _checked_id(request_id: Any) -> int | str | None:
    if request_id is None:
        return None
    if type(request_id) is int and 0 <= request_id <= _LARGEST_ID:
        return request_id
    if type(request_id) is str and _ID_TEXT.fullmatch(request_id):
        return request_id
    raise RefusedError(INVALID_REQUEST, "Invalid request: request ID must be an unsigned integer")


def _checked_params(method: str, params: Any, request_id: int | str | None) -> tuple[Any, ...]:
    if method == "LIST_SUBSCRIPTIONS":
        return ()
    if type(params) is not list:
        cause = "Invalid request: missing field `params`" if params is None else "Invalid request: expected a sequence"
        raise RefusedError(INVALID_REQUEST, cause, request_id)
    if method in {"SUBSCRIBE", "UNSUBSCRIBE"}:
        if not all(type(name) is str for name in params):
            raise RefusedError(INVALID_REQUEST, "Invalid request: stream name must be a string", request_id)
        return tuple(params)
    wanted = 2 if method == "SET_PROPERTY" else 1
    if not params or type(params[0]) is not str:
        raise RefusedError(INVALID_REQUEST, "Invalid request: property name must be a string", request_id)
    if len(params) != wanted:
        cause = "too many parameters" if len(params) > wanted else "missing property value"
        raise RefusedError(INVALID_REQUEST, f"Invalid request: {cause}", request_id)
    if params[0] != "combined":
        raise RefusedError(UNKNOWN_PROPERTY, "Unknown property", request_id)
    if wanted == 2 and type(params[1]) is not bool:
        raise RefusedError(INVALID_VALUE, "Invalid value type: expected Boolean", request_id)
    return tuple(params)
