#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client made of nbxmpp, Gajim's library; lines.py says what it reads and
writes."""

import os
import sys

from gi.repository import Gio, GLib
from nbxmpp.client import Client
from nbxmpp.const import ConnectionProtocol, ConnectionType
from nbxmpp.protocol import JID, Message, Presence
from nbxmpp.structs import StanzaHandler

from lines import options, report, words_of


class Driver:
    def __init__(self, given):
        self.loop = GLib.MainLoop()
        self.rest, self.leaving = b"", False
        jid = JID.from_string(given.jid)
        self.client = client = Client(log_context="foreign")
        client.set_domain(jid.domain)
        client.set_username(jid.localpart)
        client.set_resource(jid.resource)
        client.set_password(given.password)
        client.set_custom_host(
            f"127.0.0.1:{given.port}", ConnectionProtocol.TCP,
            ConnectionType.DIRECT_TLS if given.direct
            else ConnectionType.START_TLS)
        client.set_accepted_certificates(
            [Gio.TlsCertificate.new_from_file(given.authority)])
        client.subscribe("connected", self.on_connected)
        client.subscribe("connection-failed", self.on_failed)
        client.subscribe("disconnected", self.on_disconnected)
        client.register_handler(StanzaHandler(name="message",
                                              callback=self.on_message))

    def on_connected(self, client, *_):
        client.send_stanza(Presence())
        report("connected", client.get_bound_jid())

    def on_failed(self, *_):
        report("failed", self.client.get_error()[1])
        self.loop.quit()

    def on_disconnected(self, client, *_):
        if not self.leaving:
            report("failed", client.get_error()[1])
        self.loop.quit()

    def on_message(self, _client, _stanza, properties):
        if properties.body:
            report("message", properties.jid, properties.body)

    def obey(self, words):
        if words[0] == "message":
            self.client.send_stanza(Message(to=words[1], body=words[2],
                                            typ="chat"))
        elif words[0] == "ping":
            self.client.get_module("Ping").ping(
                JID.from_string(self.client.domain), callback=self.on_pong)
        elif words[0] == "roster":
            self.client.get_module("Roster").request_roster(
                callback=self.on_roster)
        elif words[0] == "quit" and not self.leaving:
            self.leaving = True
            self.client.disconnect()

    @staticmethod
    def on_pong(task):
        task.finish()
        report("pong")

    @staticmethod
    def on_roster(task):
        report("roster", len(task.finish().items))

    def on_input(self, fd, _condition):
        came = os.read(fd, 65536)
        *lines, self.rest = (self.rest + came).split(b"\n")
        for line in lines if came else [b"quit"]:
            self.obey(words_of(line.decode()))
        return bool(came)

    def live(self):
        GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT,
                          GLib.IOCondition.IN | GLib.IOCondition.HUP,
                          self.on_input)
        self.client.connect()
        self.loop.run()
        report("ended")


Driver(options(sys.argv[1:])).live()
