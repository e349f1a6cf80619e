"""The public names of the local exchange, as `help()` and `dir()` show them."""

import pydoc
import sys

import pytest

import depthactors.exchange


def test_help_shows_the_classes():
    page = pydoc.render_doc(depthactors.exchange, renderer=pydoc.plaintext)
    for name in ("LocalExchange", "Fault", "Limits", "BookTruth"):
        assert f"class {name}(" in page
    assert "with_order_flow(" in page


def test_dir_names_everything_public():
    assert set(depthactors.exchange.__all__) <= set(dir(depthactors.exchange))


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'LiveExchange'"):
        depthactors.exchange.LiveExchange  # noqa: B018


def test_help_works_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "websockets", None)
    page = pydoc.render_doc(depthactors.exchange, renderer=pydoc.plaintext)
    assert "class Fault(" in page
