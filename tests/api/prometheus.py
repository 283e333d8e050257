# SPDX-License-Identifier: GPL-2.0-only
"""A real Prometheus on this machine, and a way for it to scrape a guest, which has no network."""

import http.server
import json
import subprocess
import threading
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from api.local_daemon import free_port
from vm import VM

FETCH = (
    "import sys, urllib.request as u; "
    'sys.stdout.write(u.urlopen("http://127.0.0.1:9764/metrics").read().decode())'
)


class Relay:
    """Serves what the daemon in a guest said when it was asked last."""

    def __init__(self, vm: VM) -> None:
        self._vm = vm
        self.text = ""
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers each request with the text."""

            def do_GET(self) -> None:  # pylint: disable=invalid-name
                """The name is the library's."""
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(relay.text.encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing is logged."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> "Relay":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fetch(self) -> None:
        """Ask the daemon."""
        self.text = self._vm.run(["python3", "-c", FETCH]).stdout


class Prometheus:
    """Scrapes a port of this machine every second."""

    def __init__(self, directory: Path, port: int) -> None:
        self._web = free_port()
        config = directory / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s}\n"
            "scrape_configs:\n"
            f"  - {{job_name: zpack, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
        )
        self._log = directory / "prometheus.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={config}",
                    f"--storage.tsdb.path={directory}/data",
                    f"--web.listen-address=127.0.0.1:{self._web}",
                ],
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=60)

    def series(self, query: str) -> list[Any]:
        """What a query finds now; nothing as long as it does not answer."""
        url = f"http://127.0.0.1:{self._web}/api/v1/query?query={urllib.parse.quote(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                found: list[Any] = json.load(answer)["data"]["result"]
                return found
        except OSError:
            assert self._process.poll() is None, self._log.read_text()
            return []

    def value(self, query: str) -> float:
        """Of the only series that a query finds; 0: there is none yet."""
        found = self.series(query)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else 0.0
