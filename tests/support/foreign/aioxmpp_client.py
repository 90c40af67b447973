#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client made of aioxmpp; lines.py says what it reads and writes."""

import asyncio
import sys

import aioxmpp
import aioxmpp.security_layer

from lines import commands, options, report


def security(given):
    def context():
        made = aioxmpp.security_layer.default_ssl_context()
        made.load_verify_locations(given.authority)
        return made

    return aioxmpp.make_security_layer(given.password)._replace(
        ssl_context_factory=context)


def watch(client):
    def heard(message):
        if message.body:
            report("message", message.from_, message.body.any())

    client.stream.register_message_callback(
        aioxmpp.MessageType.CHAT, None, heard)


async def obey(client, words):
    if words[0] == "message":
        message = aioxmpp.Message(aioxmpp.MessageType.CHAT,
                                  to=aioxmpp.JID.fromstr(words[1]))
        message.body[None] = words[2]
        await client.send(message)
    elif words[0] == "ping":
        await aioxmpp.ping.ping(client, client.local_jid.replace(
            localpart=None, resource=None))
        report("pong")
    elif words[0] == "roster":
        iq = aioxmpp.IQ(aioxmpp.IQType.GET,
                        payload=aioxmpp.roster.xso.Query())
        report("roster", len((await client.send(iq)).items))


async def live(given):
    client = aioxmpp.PresenceManagedClient(
        aioxmpp.JID.fromstr(given.jid), security(given),
        override_peer=[("127.0.0.1", given.port,
                        aioxmpp.connector.XMPPOverTLSConnector()
                        if given.direct else
                        aioxmpp.connector.STARTTLSConnector())],
        max_initial_attempts=1)
    watch(client)
    failed = asyncio.get_event_loop().create_future()
    client.on_failure.connect(
        lambda error: failed.done() or failed.set_result(error))
    try:
        async with client.connected() as stream:
            del stream
            report("connected", client.local_jid)
            async for words in commands():
                if failed.done():
                    raise failed.result()
                await obey(client, words)
    except (aioxmpp.errors.StreamError, aioxmpp.errors.SASLUnavailable,
            aioxmpp.sasl.aiosasl.AuthenticationFailure,
            aioxmpp.errors.MultiOSError, OSError) as error:
        report("failed", type(error).__name__)
    report("ended")


asyncio.run(live(options(sys.argv[1:])))
