"""Certificates that nobody else knows."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_NEW_KEY = ("-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, both PEM."""

    certificate: str
    key: str


class Authority:
    """A certificate authority, for some days; its files are in `folder`."""

    def __init__(self, folder: Path, days: int = 2) -> None:
        self._folder = folder
        self._openssl("req", "-x509", *_NEW_KEY, "-days", str(days), "-subj", "/CN=authority", "-keyout", "ca.key",
                      "-out", "ca.crt")  # fmt: skip
        self.certificate = (folder / "ca.crt").read_text()

    def issue(self, name: str, kind: str = "DNS") -> Issued:
        """Return a certificate for the host, or user, `name`; its `kind` is IP for an address. It is also in
        `folder`.
        """
        self._openssl("req", "-x509", *_NEW_KEY, "-days", "2", "-CA", "ca.crt", "-CAkey", "ca.key", "-subj", "/CN=issued",
                      "-addext", f"subjectAltName={kind}:{name}", "-addext", "basicConstraints=critical,CA:FALSE",
                      "-keyout", f"{name}.key", "-out", f"{name}.crt")  # fmt: skip
        return Issued(*((self._folder / f"{name}.{kind}").read_text() for kind in ("crt", "key")))

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(("openssl", *arguments), cwd=self._folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
