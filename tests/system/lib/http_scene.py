# SPDX-License-Identifier: Apache-2.0
"""A scene whose daemon answers HTTP."""

import http.client
import socket
import ssl

from operator_scene import OperatorScene
from support import PATIENCE_S, free_ports


def tls(trusted=None):
    """Of a client, which trusts this certificate, or whatever it is shown."""
    context = ssl.create_default_context(cafile=trusted)
    context.check_hostname = False
    if not trusted:
        context.verify_mode = ssl.CERT_NONE
    return context


class HttpScene(OperatorScene):
    def begin_http(self, **options):
        self.port, = free_ports(1)
        return self.begin_operated(**{"http.port": self.port, **options})

    def request(self, path, method="GET", host="127.0.0.1", context=None,
                **headers):
        """Status, text and headers of the answer."""
        if context:
            connection = http.client.HTTPSConnection(
                host, self.port, timeout=PATIENCE_S, context=context)
        else:
            connection = http.client.HTTPConnection(host, self.port,
                                                    timeout=PATIENCE_S)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def ask(self, path, method="GET", **more):
        return self.request(path, method, **more)[:2]

    def connect(self):
        peer = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(peer.close)
        peer.settimeout(PATIENCE_S)
        return peer
