"""From what a client raises to why a peer does not do what is asked of it: pure.

The words are the same for as long as the matter is: what changes with each try (ports, times, request ids) is left out.
"""

from __future__ import annotations

import socket

from confluent_kafka import KafkaError
from elasticsearch import ApiError, ConnectionTimeout, SSLError, TransportError

from logpipeline_operator.observe.facts import Fault, FaultKind

_UNAUTHENTICATED, _FORBIDDEN, _SERVER_ERROR, _TOO_MANY = 401, 403, 500, 429
_LONGEST = 300
_AUTHENTICATION = {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED}  # noqa: SLF001 (librdkafka's own codes)
_AUTHORIZATION = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}


class PeerError(Exception):
    """A peer does not do what is asked of it."""

    def __init__(self, kind: FaultKind, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(kind, message)


def with_secret(text: str, secret: str | None, keys: str = "") -> str:
    """Return `text` with the Secret to look at, where there is one."""
    return text if secret is None else f"{text}; look at {keys + ' in ' if keys else ''}the Secret {secret!r}"


def kafka_fault(error: KafkaError, last: KafkaError | None, servers: str, secret: str | None) -> Fault:
    """Return what a failed request to the brokers means: `error` is how it ended, `last` what was heard on the way."""
    told = [error] if last is None else [last, error]
    codes = {each.code() for each in told}
    words = " ".join(str(each.str()) for each in told)
    if codes & _AUTHENTICATION:
        if "mechanism" in words and "nsupported" in words:
            return Fault(FaultKind.AUTHENTICATION_FAILED, f"Kafka at {servers} does not offer the SASL mechanism")
        text = f"Kafka at {servers} refuses the credentials"
        return Fault(FaultKind.AUTHENTICATION_FAILED, with_secret(text, secret, "username and password"))
    if codes & _AUTHORIZATION:
        return Fault(FaultKind.NOT_AUTHORIZED, with_secret(f"Kafka at {servers} does not allow it", secret, "username"))
    if KafkaError._SSL in codes or "certificate verify failed" in words:  # noqa: SLF001
        text = f"the certificate of Kafka at {servers} cannot be verified"
        return Fault(FaultKind.CERTIFICATE_REFUSED, with_secret(text, secret, "ca.crt"))
    if "alert" in words and "certificate" in words:
        text = f"Kafka at {servers} refuses our certificate, or wants one"
        return Fault(FaultKind.CERTIFICATE_REFUSED, with_secret(text, secret, "tls.crt and tls.key"))
    if "PLAINTEXT broker listener" in words:
        return Fault(FaultKind.UNREACHABLE, f"Kafka at {servers} does not speak TLS; correct security.protocol or port")
    return Fault(FaultKind.UNREACHABLE, f"Kafka at {servers} does not answer; check address and security.protocol")


def elasticsearch_fault(error: Exception, url: str, secret: str | None) -> Fault:
    """Return what a failed request to Elasticsearch means."""
    if isinstance(error, ApiError):
        status = error.status_code
        if status == _UNAUTHENTICATED:
            text, keys = f"Elasticsearch at {url} refuses the credentials", "apiKey, or username and password,"
            return Fault(FaultKind.AUTHENTICATION_FAILED, with_secret(text, secret, keys))
        if status == _FORBIDDEN:
            text = f"Elasticsearch at {url} does not allow it"
            return Fault(FaultKind.NOT_AUTHORIZED, with_secret(text, secret, "the user"))
        if status >= _SERVER_ERROR or status == _TOO_MANY:
            return Fault(FaultKind.UNREACHABLE, f"Elasticsearch at {url} answers {status}")
        # What it says is not repeated: behind a URL of the resource there can be anything.
        text = f"Elasticsearch at {url} answers {status}; check that the URL is Elasticsearch's, and look at its log"
        return Fault(FaultKind.REFUSED, text)
    if isinstance(error, SSLError):
        text = f"the certificate of Elasticsearch at {url} cannot be verified"
        return Fault(FaultKind.CERTIFICATE_REFUSED, with_secret(text, secret, "ca.crt"))
    if isinstance(error, ConnectionTimeout):
        return Fault(FaultKind.UNREACHABLE, f"Elasticsearch at {url} does not answer in time")
    assert isinstance(error, TransportError)
    return Fault(FaultKind.UNREACHABLE, f"Elasticsearch at {url} does not answer")


def http_fault(error: OSError, what: str, url: str) -> Fault:
    """Return what it means that there was no answer from one of our own HTTP servers."""
    return Fault(FaultKind.UNREACHABLE, f"{what} at {url} does not answer: {network_words(error)}")


def network_words(error: OSError) -> str:
    """Return what the network says, in few words."""
    text = str(error)
    if isinstance(error, socket.gaierror) or "Name or service" in text or "name resolution" in text:
        return "the name does not resolve"
    if isinstance(error, TimeoutError) or "timed out" in text:
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError) or "refused" in text:
        return "connection refused"
    if "No route" in text or "unreachable" in text:
        return "no route"
    return "the connection failed"


def short(text: str) -> str:
    """Return the first of a long text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
