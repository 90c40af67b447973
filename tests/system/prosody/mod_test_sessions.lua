-- SPDX-License-Identifier: Apache-2.0
--
-- For tests: logs what a module can know of a client's connection, and ends the
-- session that sends the host a message with the name of a reason below.

local st = require "util.stanza";

local xmlns_streams = "urn:ietf:params:xml:ns:xmpp-streams";

local reasons = {
	condition = "reset";
	words = "Go away & rest";
	table = { condition = "conflict"; text = "Told in a table" };
	stanza = st.stanza("stream:error")
		:tag("policy-violation", { xmlns = xmlns_streams }):up()
		:tag("text", { xmlns = xmlns_streams }):text("Told in a stanza"):up();
	changed = { condition = "changed" };
};

module:hook("resource-bind", function (event)
	local session = event.session;
	local info = session.ssl_info or {};
	module:log("info", "bound secure=%s tls=%s cipher=%s",
		tostring(session.secure), tostring(info.protocol),
		tostring(info.cipher));
end);

module:hook("pre-session-close", function (event)
	if event.reason == reasons.changed then
		event.reason = { condition = "see-other-host"; text = "Elsewhere" };
	end
end);

module:hook("message/host", function (event)
	local name = event.stanza:get_child_text("body");
	event.origin:close(reasons[name]);
	return true;
end);
