-- SPDX-License-Identifier: Apache-2.0
--
-- For tests: a line "JID BYTES" to this port makes the server itself send a
-- chat message with a body of so many bytes to that address.

module:set_global();

local jid = require "util.jid";
local st = require "util.stanza";

local listener = {};

function listener.onincoming(conn, line)
	local to, bytes = line:match("^(%S+) (%d+)\n$");
	local host = jid.host(to or "");
	local message = st.message({ to = to, from = host, type = "chat" },
		("x"):rep(tonumber(bytes) or 0));
	module:context(host):send(message);
	conn:write("sent\n");
end

module:provides("net", {
	name = "test_speaker";
	listener = listener;
	default_port = 0;
	private = true;
});
