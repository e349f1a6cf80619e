"""What is taken as a callback."""

from functools import partial

import pytest

from depthactors.callbacks import check_callback
from depthactors.errors import CallbackError


class WithCall:
    def __call__(self, view):
        pass


async def coroutine(view):
    pass


@pytest.mark.parametrize("good", [None, print, lambda view: view, WithCall(), partial(print, end="")], ids=str)
def test_anything_that_can_be_called_plainly_is_taken(good):
    check_callback("on_update", good)


@pytest.mark.parametrize("bad", [7, "print", object(), coroutine, partial(coroutine)], ids=str)
def test_anything_else_is_refused_with_its_name(bad):
    with pytest.raises(CallbackError, match="on_update") as caught:
        check_callback("on_update", bad)
    assert isinstance(caught.value, TypeError)
