"""The certificates that TLS connections trust, alike for REST and streams. Nothing turns verification off."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Final

import certifi

BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE")
"""Variables that name a file or a folder of authorities to trust instead of all others; the first one set counts."""
_OPENSSL: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL's own variables, which name the system's authorities."""


def trusting_context() -> ssl.SSLContext:
    """Make a context that verifies certificates and host names.

    It trusts the authorities that the environment names, else those of the system and of certifi.

    Raises:
        OSError: the environment names something that cannot be read; the message names the variable.
    """
    for name in BUNDLES:
        if bundle := os.environ.get(name):
            return _context_of(name, Path(bundle))
    named = [name for name in _OPENSSL if os.environ.get(name)]
    for name in named:
        if not Path(os.environ[name]).exists():
            msg = f"expected {name} to name certificates, was {os.environ[name]!r}, which does not exist"
            raise OSError(msg)
    context = ssl.create_default_context()
    if not named:
        # A slim container has no authorities of its own.
        context.load_verify_locations(certifi.where())
    return context


def _context_of(name: str, bundle: Path) -> ssl.SSLContext:
    try:
        if bundle.is_dir():
            return ssl.create_default_context(capath=str(bundle))
        return ssl.create_default_context(cafile=str(bundle))
    except OSError as error:
        msg = f"expected {name} to name certificates, was {str(bundle)!r}: {error}"
        raise OSError(msg) from error
