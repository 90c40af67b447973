# SPDX-License-Identifier: Apache-2.0
"""Clients that end in the midst of what is sent to them, and know which
numbered messages their kernel has acknowledged."""

import ctypes
import re
import socket
import struct
import ssl
import threading
import time

from xmpp_client import Client

NUMBER = re.compile(rb"<message [^>]*id=.num-(\d+).[^>]*>.*?</message>",
                    re.DOTALL)
SETTLED_S = 0.3  # longer than an acknowledgement is put off


class _Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8),
                ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]


def cut_off(end):
    """From now on nothing reaches this socket, nor is it acknowledged."""
    nothing = _Filter(6, 0, 0, 0)  # BPF: take no byte of any segment
    program = struct.pack("HL", 1, ctypes.addressof(nothing))
    end.setsockopt(socket.SOL_SOCKET, 26, program)  # SO_ATTACH_FILTER


class Leaver:
    """Reads in a thread of its own, if it reads."""

    def __init__(self, port, user, direct=False, buffer=None, tls=False):
        """tls: by STARTTLS."""
        self.client = Client(port, direct)
        if buffer:
            self.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                          buffer)
        self.jid = self.client.login(user, "r", tls=tls)
        self.client.send("<presence/>")
        self.client.expect("<presence [^>]*>")
        self.text = self.client.buffer
        self.ended = threading.Event()
        self.stops = False
        self.reader = None

    def read(self):
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        end = self.client.socket
        while not self.stops:
            end.settimeout(0.1)
            try:
                data = end.recv(65536)
            except (TimeoutError, ssl.SSLWantReadError):
                continue
            except OSError:
                break
            if not data:
                break
            self.text += data
        self.ended.set()

    def _drain(self):
        """What has come by now, and no more."""
        end = self.client.socket
        end.setblocking(False)
        try:
            while data := end.recv(65536):
                self.text += data
        except (BlockingIOError, ssl.SSLWantReadError, OSError):
            pass

    def say_goodbye(self):
        self.client.send("</stream:stream>")

    def half_close(self):
        self.client.socket.shutdown(socket.SHUT_WR)

    def cut_off(self):
        cut_off(self.client.socket)

    def die(self):
        """Nothing comes any more, all that has come is acknowledged; RST."""
        self.cut_off()
        time.sleep(SETTLED_S)
        self.stops = True
        if self.reader:
            self.reader.join()
        self._drain()
        self.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      struct.pack("ii", 1, 0))
        self.client.close()

    def acknowledged(self):
        return {int(number) for number in NUMBER.findall(self.text)}
