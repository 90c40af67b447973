# SPDX-License-Identifier: Apache-2.0
"""slixmpp as a client under test control: waits, never sleeps."""

import asyncio

import slixmpp

from support import PATIENCE_S

DEADLINE_S = PATIENCE_S


class Client(slixmpp.ClientXMPP):
    """One account at one address; `messages` and `presences` are queues."""

    def __init__(self, jid, password, port, certificate, mechanism=None,
                 direct=False, resource=None):
        full = f"{jid}/{resource}" if resource else jid
        super().__init__(full, password, sasl_mech=mechanism)
        self.address = ("127.0.0.1", port)
        self.direct = direct
        self.ca_certs = str(certificate)
        self.messages, self.presences = asyncio.Queue(), asyncio.Queue()
        self.stream_errors = asyncio.Queue()
        self.ready, self.ended = asyncio.Event(), asyncio.Event()
        self.failed_auth = asyncio.Event()
        for plugin in ("xep_0030", "xep_0077", "xep_0199"):
            self.register_plugin(plugin)
        self.add_event_handler("session_start", self.on_start)
        self.add_event_handler("message", self.messages.put_nowait)
        self.add_event_handler("presence", self.presences.put_nowait)
        self.add_event_handler("stream_error", self.stream_errors.put_nowait)
        self.add_event_handler("failed_all_auth",
                               lambda _: self.failed_auth.set())
        self.add_event_handler("disconnected", lambda _: self.ended.set())

    async def on_start(self, _):
        self.send_presence()
        await self.get_roster()
        self.ready.set()

    async def login(self):
        self.ready.clear()
        self.ended.clear()
        self.connect(self.address, use_ssl=self.direct,
                     force_starttls=not self.direct)
        await wait(self.ready.wait())
        return self

    async def leave(self):
        if not self.ended.is_set():
            self.disconnect(wait=1)
            await wait(self.ended.wait())

    async def next_message(self):
        return await wait(self.messages.get())

    async def next_presence(self, matching):
        while True:
            presence = await wait(self.presences.get())
            if matching(presence):
                return presence


async def wait(awaitable, seconds=DEADLINE_S):
    return await asyncio.wait_for(awaitable, seconds)
