# SPDX-License-Identifier: Apache-2.0
"""A scene whose daemon answers HTTP."""

import http.client
import socket
import ssl
import time

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

    def drip(self, peer, text):
        """Says a byte a moment until it is cut off: so many, in so many
        seconds."""
        begun, sent = time.monotonic(), 0
        peer.settimeout(0.2)
        while sent < len(text):
            try:
                peer.sendall(text[sent:sent + 1])
                sent += 1
                if not peer.recv(1):
                    break
            except TimeoutError:
                pass
            except OSError:
                break
            self.assertLess(time.monotonic() - begun, PATIENCE_S)
        return sent, time.monotonic() - begun
