"""Answers for the goals of bench/scale.py, whose pods no kubelet runs: `fake_goals.py PORT PROGRESS.json`.

Runs in the network of the node, where every address of a fake pod is local; each is asked for /progress.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

port, answer = int(sys.argv[1]), Path(sys.argv[2]).read_bytes()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 512


Server(("0.0.0.0", port), Handler).serve_forever()
