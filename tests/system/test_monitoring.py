#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus asks the daemon: each query of the board has an answer, and
the alert rules are in force."""

import json
import pathlib
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import board  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from support import PATIENCE_S, certificate, free_ports  # noqa: E402

SETTINGS = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: cmanager
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class Monitoring(OperatorScene):
    def begin_prometheus(self):
        # There is an alert for those that soon expire.
        certificate(self.directory.name, days=400)
        port, self.port = free_ports(2)
        self.begin_operated(**{"http.port": port})
        folder = pathlib.Path(self.directory.name)
        (folder / "prometheus.yml").write_text(
            SETTINGS.format(rules=board.RULES, port=port))
        with open(folder / "prometheus.log", "wb") as log:
            process = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/prometheus.yml",
                 f"--storage.tsdb.path={folder}/tsdb",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

    def query(self, path, **arguments):
        url = (f"http://127.0.0.1:{self.port}/api/v1/{path}?"
               + urllib.parse.urlencode(arguments))
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return json.load(answer)["data"]

    def until_answered(self, query):
        """Two scrapes are needed for a rate."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                result = self.query("query", query=query)["result"]
                if result:
                    return result
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != 503:
                        self.fail(f"{query}: {error.read().decode()}")
            except OSError:
                pass # neither listening nor, above, ready
            self.assertLess(time.monotonic(), end, query)
            time.sleep(0.1)

    def test_each_query_of_the_board_has_an_answer(self):
        self.begin_prometheus()
        self.client("alice").ping()
        for query in board.board_queries():
            self.until_answered(query)
        self.assertEqual(
            self.until_answered("sum(cmanager_clients_open)")[0]["value"][1],
            "1")
        rules, = self.query("rules")["groups"]
        self.assertEqual(len(rules["rules"]), len(board.rule_queries()))
        self.until_answered('sum(up{job="cmanager"})')
        for rule in self.query("rules")["groups"][0]["rules"]:
            self.assertIn((rule["health"], rule["state"]),
                          [("ok", "inactive"), ("unknown", "inactive")], rule)


if __name__ == "__main__":
    unittest.main()
