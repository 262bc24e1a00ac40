"""Settings files of Kafka's two worlds: Java properties, and the `key=value` lines that librdkafka's users keep."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from logpipeline.errors import LogPipelineError

# The names of the configuration providers that read secrets out of mounted folders, see services/kafka-connect.
SECRETS, QUOTED = "secrets", "quoted"
_REFERENCE = re.compile(rf"\$\{{{SECRETS}:([^:}}]+):([^:}}]+)\}}")
_ANY_REFERENCE = re.compile(rf"\$\{{(?:{SECRETS}|{QUOTED}):([^:}}]+):([^:}}]+)\}}")


def secret_reference(folder: str, key: str) -> str:
    """Return what stands in a settings file for the file `key` of the mounted Secret at `folder`."""
    return f"${{{SECRETS}:{folder}:{key}}}"


def quoted_reference(folder: str, key: str) -> str:
    """Return what stands there for the same as text in the quotes of a JAAS configuration; Connect alone reads it."""
    return f"${{{QUOTED}:{folder}:{key}}}"


def referenced_files(settings: Mapping[str, str]) -> set[str]:
    """Return the paths of the files that the values of `settings` refer to."""
    return {f"{folder}/{key}" for value in settings.values() for folder, key in _ANY_REFERENCE.findall(value)}


def java_properties(settings: Mapping[str, str]) -> str:
    """Return `settings` as the text of a Java properties file; keys and values may hold whatever they like."""
    return "".join(f"{_escape_key(key)}={_escape(value)}\n" for key, value in settings.items())


def _escape_key(key: str) -> str:
    # A user's key with a line break in it must not become a second setting.
    return re.sub(r"[\s:=#!\\]", lambda found: "\\n" if found[0] == "\n" else "\\" + found[0], key.replace("\r", ""))


def _escape(value: str) -> str:
    text = value.replace("\\", "\\\\").replace("\r", "").replace("\n", "\\n")
    # A leading blank would be taken for part of the separator.
    return "\\" + text if text[:1] in (" ", "\t") else text


def client_properties(settings: Mapping[str, str]) -> str:
    """Return librdkafka `settings` as `key=value` lines."""
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def read_client_properties(path: Path) -> dict[str, str]:
    """Return the librdkafka settings in `path`: `key=value` lines, empty ones and those that start with # left out.

    Where a value refers to a secret, `${secrets:FOLDER:KEY}`, the content of that file is put in. Raises
    LogPipelineError naming the file and the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise LogPipelineError(f"{path}: cannot read the Kafka client settings: {reason}") from error
    settings: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, separator, value = line.partition("=")
        if not separator or not key.strip():
            # The line itself may hold a secret: its number has to do.
            raise LogPipelineError(f"{path}: line {number} is not key=value")
        settings[key.strip()] = _resolved(value.strip(), f"{path}: line {number}")
    return settings


def _resolved(value: str, where: str) -> str:
    """Return `value` with the secrets that it refers to, without the line break that editors put at a file's end."""

    def secret(reference: re.Match[str]) -> str:
        folder, key = reference.groups()
        try:
            return (Path(folder) / key).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise LogPipelineError(f"{where}: cannot read the key {key!r} of the secret {folder}: {reason}") from error

    return _REFERENCE.sub(secret, value)


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path` so that only its owner can read it, from the first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
