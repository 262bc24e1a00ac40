"""When the certificates in a Secret end: all that is told of its contents, so that somebody can be in time. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.x509 import load_pem_x509_certificates


def expiries(values: Mapping[str, str]) -> dict[str, float]:
    """Return when each entry of a Secret that holds PEM certificates ends, in epoch seconds, by its key.

    A chain ends with the first of its certificates; a list of authorities serves as long as one of them does.
    """
    ends = {}
    for key, value in values.items():
        if "-----BEGIN CERTIFICATE-----" not in value:
            continue
        try:
            moments = [one.not_valid_after_utc.timestamp() for one in load_pem_x509_certificates(value.encode())]
        except ValueError:
            # The status tells of a Secret that cannot be used.
            continue
        ends[key] = max(moments) if key == "ca.crt" else min(moments)
    return ends
