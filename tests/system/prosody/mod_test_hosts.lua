-- SPDX-License-Identifier: Apache-2.0
--
-- For tests: a message "activate HOST" or "deactivate HOST" to the server has
-- it take up a host of its configuration, or leave one.

local hostmanager = require "core.hostmanager";

module:hook("message/host", function (event)
	local what, host =
		(event.stanza:get_child_text("body") or ""):match("^(%l+) (%S+)$");
	if what == "activate" or what == "deactivate" then
		assert(hostmanager[what](host));
	end
	return true;
end);
