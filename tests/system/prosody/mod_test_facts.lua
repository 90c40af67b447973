-- SPDX-License-Identifier: Apache-2.0
--
-- For tests: logs what a module can know of a client's connection.

module:hook("resource-bind", function (event)
	local session = event.session;
	local info = session.ssl_info or {};
	module:log("info", "bound secure=%s tls=%s cipher=%s",
		tostring(session.secure), tostring(info.protocol),
		tostring(info.cipher));
end);
