"""Errors that cannot be sent become words."""

from depthactors.errors import LifecycleError, UnknownSymbolError
from depthactors.worker.portable import portable


def test_an_error_that_cannot_be_sent_is_sent_as_words():
    class LocalError(Exception):
        pass

    sent = portable(LocalError("only here"))
    assert (type(sent), str(sent)) == (LifecycleError, "LocalError: only here")


def test_an_error_that_can_be_sent_is_sent_as_it_is_without_its_traceback():
    error = UnknownSymbolError("NOSUCH")
    assert portable(error) is error
    assert error.__traceback__ is None
