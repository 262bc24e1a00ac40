"""`helm test`: the operator is ready, answers with its metrics, and its account may list the pipelines it is to run."""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PATIENCE_SECONDS = 60  # a Service may still be learning where its pods are


def get(url: str, token: str | None = None, context: ssl.SSLContext | None = None) -> str:
    """Return the body of `url`; exit with one line when it is refused, or not to be had in time."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5, context=context) as answer:
                body: bytes = answer.read()
                return body.decode()
        except OSError as error:
            final = isinstance(error, urllib.error.HTTPError) and error.code in {401, 403, 404}
            if final or time.monotonic() > deadline:
                said = error.read().decode() if isinstance(error, urllib.error.HTTPError) else ""
                sys.exit(f"FAIL {url}: {error} {said}")
            time.sleep(2)


def main() -> None:
    """Run the checks, a line each."""
    operator = os.environ["OPERATOR"]
    get(f"http://{operator}:8081/readyz")
    print("ok   the operator is ready")
    if "logpipeline_operator_" not in get(f"http://{operator}:8080/metrics"):
        sys.exit("FAIL /metrics has none of the operator's metrics")
    print("ok   it answers with its metrics")
    token = (ACCOUNT / "token").read_text()
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    for namespace in os.environ["NAMESPACES"].split(","):
        where = f"/namespaces/{namespace}" if namespace else ""
        url = f"https://kubernetes.default.svc/apis/logpipeline.dev/v1alpha1{where}/logpipelines"
        pipelines = json.loads(get(url, token, context))["items"]
        print(f"ok   its account sees {len(pipelines)} pipelines in {namespace or 'all namespaces'}")


if __name__ == "__main__":
    main()
