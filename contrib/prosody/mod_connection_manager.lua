-- SPDX-License-Identifier: Apache-2.0
--
-- The server's half of Openfire's connection-manager protocol, for Prosody.
--
-- A connection manager (cmanagerd) opens a few links to this port and carries
-- many client streams over them. Each client stream becomes an ordinary c2s
-- session here whose `send` wraps the stanza in a <route/>. README.md beside
-- this file says how to install and configure it.
--
--   link      one TCP connection of a manager: { manager, address, ready, ... }
--   manager   all links of one name: { name, links, sessions, hold }
--   session   a Prosody session; session.cm = { manager, link, queue }
--
-- What Openfire's protocol has no words for is said in a namespace of its own,
-- xmlns_module below: the configuration tells what clients without TLS are
-- offered (<clear/>), how fast a client may be (<limits/>) and what this module
-- understands (<module/>); a manager that reads it tells with each <create/>
-- what its client's connection is (<facts/>). Each host of clients has a
-- configuration of its own, named by the iq's `from`.

module:set_global();

local async = require "util.async";
local add_task = require "util.timer".add_task;
local create_context = require "core.certmanager".create_context;
local hashes = require "util.hashes";
local id_long = require "util.id".long;
local is_loaded = require "core.modulemanager".is_loaded;
local initialize_filters = require "util.filters".initialize;
local jid = require "util.jid";
local new_xmpp_stream = require "util.xmppstream".new;
local portmanager = require "core.portmanager";
local session_util = require "util.session";
local sm = require "core.sessionmanager";
local st = require "util.stanza";

local hosts = prosody.hosts;
local process_stanza = prosody.core_process_stanza;

local xmlns_link = "jabber:connectionmanager";
local xmlns_cm = "http://jabber.org/protocol/connectionmanager";
local xmlns_cm_errors = xmlns_cm .. "#errors";
local xmlns_client = "jabber:client";
local xmlns_errors = "urn:xmpp:errors";
local xmlns_module = "urn:cmanager:module:1";
local xmlns_sasl = "urn:ietf:params:xml:ns:xmpp-sasl";
local xmlns_stanzas = "urn:ietf:params:xml:ns:xmpp-stanzas";
local xmlns_streams = "urn:ietf:params:xml:ns:xmpp-streams";
local xmlns_tls = "urn:ietf:params:xml:ns:xmpp-tls";
local xmlns_stream = "http://etherx.jabber.org/streams";

local opt_secret = module:get_option_string("connection_manager_secret");
local opt_host = module:get_option_string("connection_manager_host");
local opt_tls = module:get_option_string("connection_manager_tls", "optional");
local opt_hold = module:get_option_number("connection_manager_hold", 30);
local opt_queue = module:get_option_number("connection_manager_queue", 100);
local opt_size = module:get_option_number("connection_manager_stanza_size_limit",
	1024 * 1024 * 4);
local opt_escape = module:get_option_boolean("connection_manager_escape", false);
-- Those of Prosody's own listener for clients.
local c2s_timeout = module:get_option_number("c2s_timeout", 300);
local c2s_close_timeout = module:get_option_number("c2s_close_timeout", 5);
local c2s_unauthed_size = module:get_option_number(
	"c2s_unauthed_stanza_size_limit", 10000);
local c2s_size = module:get_option_number("c2s_stanza_size_limit", 1024 * 256);
local heartbeat = 30;
local idle_limit = 300;

local links = {}; -- conn -> link
local managers = {}; -- name -> manager
local connections = {}; -- conn -> true, until it is gone
local left_hosts = {}; -- name -> true, of each that was deactivated
local stopping = false;
local leave_taken = false; -- all that had to be said at a stop is said
local all_gone; -- called when it is, and the last connection is gone

local function note_gone()
	if leave_taken and all_gone and next(connections) == nil then all_gone(); end
end

local function is_served(host)
	return host and hosts[host] and hosts[host].type == "local";
end

-- All hosts that clients can be of, in the order of their names.
local function served_hosts()
	local names = {};
	for name in pairs(hosts) do
		if is_served(name) then names[#names + 1] = name; end
	end
	table.sort(names);
	return names;
end

-- The host that a manager with one domain, and a link itself, belong to; nil
-- when none is served.
local function default_host()
	if is_served(opt_host) then return opt_host; end
	local names = served_hosts();
	for _, name in ipairs(names) do
		if name ~= "localhost" then return name; end
	end
	return names[1];
end

-- Whose session a <create/> to this address makes: that of the host which it
-- names. What is no host here is taken for connection_manager_host, where the
-- operator has named one, and is nobody's else. A host that was left has
-- clients of its own, whose passwords are not for another.
local function host_of_create(to)
	if not to then return default_host(); end
	local node, host = jid.prepped_split(to);
	if not node and is_served(host) then return host; end
	if not node and host and left_hosts[host] then return nil; end
	return is_served(opt_host) and opt_host or nil;
end

--- Sending ---------------------------------------------------------------

-- The link a session's stanzas go out on: the one its own came in on, so that
-- order holds as long as that link lives.
local function link_of(session)
	local cm = session.cm;
	local link = cm.link;
	if link and link.ready and not link.closed then return link; end
	for _, other in ipairs(cm.manager.links) do
		if other.ready and not other.closed then
			cm.link = other;
			return other;
		end
	end
end

local function link_write(link, data)
	if link.closed then return false; end
	return link.conn:write(tostring(data));
end

-- A stream error is the only prefixed element that travels: declare the prefix.
local function serialise(stanza)
	if stanza.name == "stream:error" then
		stanza.attr["xmlns:stream"] = xmlns_stream;
	end
	return tostring(stanza);
end

local function packet_text(session, inner)
	local attr = {
		streamid = session.streamid;
		from = session.host;
		to = session.cm.manager.name;
	};
	local open = st.stanza("route", attr):top_tag();
	if opt_escape and inner:find(xmlns_sasl, 1, true) then
		inner = st.xml_escape(inner);
	end
	return open .. inner .. "</route>";
end

-- Bounded while no link is up: what does not fit is the caller's to handle.
local function queue_packet(session, stanza)
	local queue = session.cm.queue;
	if #queue >= opt_queue then return false; end
	queue[#queue + 1] = stanza;
	return true;
end

local function session_send_text(session, text)
	local link = link_of(session);
	if not link then return queue_packet(session, text); end
	return link_write(link, packet_text(session, text));
end

local function session_send(session, data)
	if not session.cm then return false; end
	if type(data) == "string" then
		if not data:find("^<[%a_]") then return true; end -- keepalives, ends
		return session_send_text(session, data);
	end
	local stanza = session.filter("stanzas/out", data);
	if not stanza then return true; end
	local link = link_of(session);
	if link then
		return link_write(link, packet_text(session, serialise(stanza)));
	end
	return queue_packet(session, st.clone(stanza));
end

local function flush_queue(session)
	local queue = session.cm.queue;
	session.cm.queue = {};
	for _, item in ipairs(queue) do
		local text = st.is_stanza(item) and serialise(item) or item;
		session_send_text(session, text);
	end
end

--- Sessions --------------------------------------------------------------

-- Stores a message that its client will never get. Errors, headlines and
-- groupchat are not for the offline store (XEP-0160).
local function store_offline(host, username, message)
	local kind = message.attr.type or "normal";
	if kind ~= "chat" and kind ~= "normal" then return false; end
	local to_user, to_host = jid.split(message.attr.to);
	username, host = to_user or username, to_host or host;
	if not (username and hosts[host]) then return false; end
	return module:context(host):fire_event("message/offline/handle", {
		username = username; origin = hosts[host]; stanza = message;
	}) or false;
end

local function forget_session(session, reason)
	local cm = session.cm;
	if not cm then return; end
	local host, username, queue = session.host, session.username, cm.queue;
	cm.manager.sessions[session.streamid] = nil;
	session.cm = nil;
	sm.destroy_session(session, reason);
	for _, item in ipairs(queue) do
		if st.is_stanza(item) and item.name == "message" then
			store_offline(host, username, item);
		end
	end
end

-- A reason is what Prosody's own listener takes: a condition, { condition, text,
-- extra }, a whole <stream:error/>, or nothing.
local function error_stanza(reason)
	if not reason or st.is_stanza(reason) then return reason or nil; end
	if type(reason) == "string" then
		reason = reason:find("^[%l-]+$") and { condition = reason }
			or { text = reason };
	end
	local stanza = st.stanza("stream:error", { ["xmlns:stream"] = xmlns_stream })
		:tag(reason.condition or "undefined-condition",
			{ xmlns = xmlns_streams }):up();
	if reason.text then
		stanza:tag("text", { xmlns = xmlns_streams }):text(reason.text):up();
	end
	if reason.extra then stanza:add_child(reason.extra); end
	return stanza;
end

-- The same in words, for contacts; nil when there was no error.
local function reason_text(reason)
	if not st.is_stanza(reason) then
		return type(reason) == "table" and (reason.text or reason.condition)
			or reason or nil;
	end
	local condition;
	for child in reason:childtags(nil, xmlns_streams) do
		if child.name == "text" then return child:get_text(); end
		condition = condition or child.name;
	end
	return condition;
end

local function close_iq(session)
	return st.stanza("iq", {
		type = "set"; id = id_long();
		from = session.host; to = session.cm.manager.name;
	}):tag("session", { xmlns = xmlns_cm; id = session.streamid })
		:tag("close"):up():up();
end

-- The server ends a session: its client is told why, then the manager.
local function session_close(session, reason)
	if session.destroyed or not session.cm then return; end
	local event = { session = session, reason = reason };
	module:context(session.host):fire_event("pre-session-close", event);
	reason = event.reason;
	local stanza = error_stanza(reason);
	if stanza then session_send_text(session, serialise(stanza)); end
	local link = link_of(session);
	if link then link_write(link, close_iq(session)); end
	forget_session(session, reason_text(reason));
end

-- Whether clients of this host must encrypt, as its mod_saslauth decides it.
local function encryption_required(host)
	local context = module:context(host);
	return context:get_option_boolean("c2s_require_encryption",
		context:get_option_boolean("require_encryption", true));
end

-- What the client's connection to its manager is. A manager that does not say
-- it has at least done what the configuration demanded of it.
local function take_facts(session, facts)
	if not facts then
		session.secure = encryption_required(session.host) or nil;
	elseif facts.attr.encrypted == "1" then
		session.secure = true;
		session.ssl_info = {
			protocol = facts.attr.tls; cipher = facts.attr.cipher;
		};
	end
end

local runner_callbacks = {};
function runner_callbacks:error(err)
	(self.data.log or module._log)("error", "Traceback[connection manager]: %s",
		err);
end

-- Who does not log in in time goes, as from Prosody's own port.
local function limit_log_in(session)
	if not c2s_timeout then return; end
	add_task(c2s_timeout, function ()
		if session.type == "c2s_unauthed" and session.cm then
			session:close("connection-timeout");
		end
	end);
end

local function new_session(manager, link, streamid, host, create)
	local where = create:get_child("host");
	local session = session_util.new("c2s");
	session_util.set_id(session);
	session_util.set_logger(session);
	session.streamid = streamid;
	session.host = host;
	session.ip = where and where.attr.address or link.conn:ip();
	session.conntime = os.time();
	session.version = 1;
	take_facts(session, create:get_child("facts", xmlns_module));
	session.cm = { manager = manager; link = link; queue = {} };
	session.filter = initialize_filters(session);
	session.send = function (data) return session_send(session, data); end
	session.rawsend = session.send;
	session.close = session_close;
	session.open_stream = function () return true; end
	session.reset_stream = function () end
	session.thread = async.runner(function (stanza)
		process_stanza(session, stanza);
	end, runner_callbacks, session);
	limit_log_in(session);
	local tls = session.ssl_info or {};
	session.log("info", "Client of connection manager %s from %s (%s)",
		manager.name, session.ip, session.secure and
		(tls.protocol and tls.protocol .. " with " .. tostring(tls.cipher)
		or "encrypted") or "not encrypted");
	return session;
end

--- Managers and their links ----------------------------------------------

local function manager_of(name)
	local manager = managers[name];
	if not manager then
		manager = { name = name; links = {}; sessions = {}; hold = 0 };
		managers[name] = manager;
	end
	return manager;
end

local function close_all(manager, reason)
	for _, session in pairs(manager.sessions) do
		-- The other sessions end whatever a module makes of this one.
		local ok, err = pcall(forget_session, session, reason);
		if not ok then
			module:log("error", "Error at the end of a session: %s", err);
		end
	end
	managers[manager.name] = nil;
end

-- Without a link the sessions wait; whoever comes back in time finds them.
local function last_link_gone(manager)
	manager.hold = manager.hold + 1;
	local turn = manager.hold;
	module:log("warn", "Connection manager %s has no link left, holding its "
		.. "sessions for %d s", manager.name, opt_hold);
	add_task(opt_hold, function ()
		if manager.hold == turn and #manager.links == 0 then
			module:log("warn", "Connection manager %s stayed away, closing its "
				.. "sessions", manager.name);
			close_all(manager, "connection manager lost");
		end
	end);
end

local function remove_link(link)
	local manager = link.manager;
	if not manager then return; end
	for i, other in ipairs(manager.links) do
		if other == link then table.remove(manager.links, i); break; end
	end
	if #manager.links == 0 and not stopping then last_link_gone(manager); end
end

local function send_header(link, from)
	link.notopen = nil;
	link_write(link, "<?xml version='1.0' encoding='UTF-8'?>" ..
		st.stanza("stream:stream", {
			["xmlns:stream"] = xmlns_stream; xmlns = xmlns_link;
			from = from; id = link.id; version = "1.0";
		}):top_tag());
end

-- The error and the end tag of a link; a header comes before an error.
local function link_end_stream(link, condition, text)
	if link.parting or link.secure == "pending" then return; end
	if link.notopen and condition then send_header(link); end
	if link.notopen then return; end
	link.parting = true;
	if condition then
		link_write(link, error_stanza({ condition = condition; text = text }));
	end
	link_write(link, "</stream:stream>");
end

local function link_close(link, condition, text)
	if link.closed then return; end
	link_end_stream(link, condition, text);
	link.closed = true;
	remove_link(link);
	links[link.conn] = nil;
	link.conn:close();
end

--- What a manager says ---------------------------------------------------

local function iq_answer(iq, kind)
	return st.stanza("iq", {
		type = kind; id = iq.attr.id; from = iq.attr.to; to = iq.attr.from;
	});
end

local function iq_error(link, iq, code, kind, condition, detail)
	local answer = iq_answer(iq, "error");
	for _, child in ipairs(iq.tags) do answer:add_child(st.clone(child)); end
	answer:tag("error", { code = code; type = kind })
		:tag(condition, { xmlns = xmlns_stanzas }):up();
	if detail then answer:tag(detail, { xmlns = xmlns_cm_errors }):up(); end
	return link_write(link, answer);
end

local function iq_result(link, iq)
	local answer = iq_answer(iq, "result");
	for _, child in ipairs(iq.tags) do answer:add_child(st.clone(child)); end
	return link_write(link, answer);
end

local function packet_error(link, packet, code, kind, condition, detail)
	local answer = st.stanza("route", {
		streamid = packet.attr.streamid; from = packet.attr.to;
		to = packet.attr.from; id = packet.attr.id; type = "error";
	}):tag("error", { code = code; type = kind })
		:tag(condition, { xmlns = xmlns_stanzas }):up();
	if detail then answer:tag(detail, { xmlns = xmlns_cm_errors }):up(); end
	return link_write(link, answer);
end

local session_verbs = {};

function session_verbs.create(link, iq, streamid, create)
	local host = host_of_create(iq.attr.to);
	if not host then
		module:log("warn", "Connection manager %s asks for a session of %s, "
			.. "which is no VirtualHost here", link.manager.name, iq.attr.to);
		return iq_error(link, iq, "404", "cancel", "item-not-found");
	end
	local sessions = link.manager.sessions;
	if sessions[streamid] then
		forget_session(sessions[streamid], "replaced");
	end
	sessions[streamid] =
		new_session(link.manager, link, streamid, host, create);
	return iq_result(link, iq);
end

function session_verbs.close(link, iq, streamid)
	local session = link.manager.sessions[streamid];
	if not session then
		return iq_error(link, iq, "404", "cancel", "item-not-found");
	end
	forget_session(session);
	return iq_result(link, iq);
end

function session_verbs.failed(link, iq, streamid, failed)
	local session = link.manager.sessions[streamid];
	local message = failed.tags[1];
	if not session then
		return iq_error(link, iq, "404", "cancel", "item-not-found");
	elseif #failed.tags ~= 1 then
		return iq_error(link, iq, "400", "modify", "bad-request",
			"invalid-payload");
	elseif message.name ~= "message" then
		return iq_error(link, iq, "400", "modify", "bad-request",
			"unknown-stanza");
	end
	message = st.clone(message);
	message.attr.xmlns = nil;
	message:maptags(function (tag)
		if tag.attr.xmlns == "" then tag.attr.xmlns = nil; end
		return tag;
	end);
	store_offline(session.host, session.username, message);
	return iq_result(link, iq);
end

local function handle_iq(link, iq)
	if iq.attr.type == "result" or iq.attr.type == "error" then return; end
	if not link.ready then
		return iq_error(link, iq, "401", "auth", "not-authorized");
	end
	local element = iq:get_child("session", xmlns_cm);
	if iq.attr.type ~= "set" or not element then
		return iq_error(link, iq, "400", "modify", "bad-request");
	elseif not element.attr.id or element.attr.id == "" then
		return iq_error(link, iq, "400", "modify", "bad-request",
			"id-required");
	end
	local verb = element.tags[1];
	local handler = verb and session_verbs[verb.name];
	if not handler then
		return iq_error(link, iq, "400", "modify", "bad-request");
	end
	return handler(link, iq, element.attr.id, verb);
end

-- A stanza may say xmlns="jabber:client" or nothing; inside Prosody it is nil.
local function strip_client_namespace(stanza)
	if stanza.attr.xmlns ~= xmlns_client then return stanza; end
	stanza.attr.xmlns = nil;
	for _, child in ipairs(stanza.tags) do strip_client_namespace(child); end
	return stanza;
end

local carried = {
	iq = true; message = true; presence = true;
	[xmlns_sasl .. "|auth"] = true; [xmlns_sasl .. "|response"] = true;
};

-- A manager asks "does this session live?" by an answer to nothing: silence
-- means yes, item-not-found above means no.
local function is_probe(stanza)
	return stanza.name == "iq" and stanza.attr.type == "result"
		and stanza.attr.id == "cm-probe";
end

-- The fewest bytes that this element can have come in: without what escapes and
-- namespaces take.
local function least_size(element)
	local size = 2 * #element.name + 5;
	for name, value in pairs(element.attr) do
		if name ~= "xmlns" then
			size = size + #name:match("[^\1]*$") + #value + 4;
		end
	end
	for _, child in ipairs(element) do
		size = size + (type(child) == "string" and #child
			or least_size(child));
	end
	return size;
end

-- Ends a session whose stanza is larger than Prosody's own port would read.
-- What the link has read since before the stanza began bounds its size, so that
-- only what may be too large is measured.
local function is_too_large(link, session, stanza)
	local limit = session.username and c2s_size or c2s_unauthed_size;
	if link.unfinished <= limit or least_size(stanza) <= limit then
		return false;
	end
	session:close({
		condition = "policy-violation", text = "XML stanza is too big";
		extra = st.stanza("stanza-too-big", { xmlns = xmlns_errors });
	});
	return true;
end

local function handle_packet(link, packet)
	if packet.attr.type == "error" then return; end
	if not link.ready then
		return packet_error(link, packet, "401", "auth", "not-authorized");
	end
	local session = link.manager.sessions[packet.attr.streamid or ""];
	if not session then
		return packet_error(link, packet, "404", "cancel", "item-not-found");
	end
	local stanza = packet.tags[1];
	if not stanza then
		return packet_error(link, packet, "400", "modify", "bad-request");
	end
	stanza = strip_client_namespace(stanza);
	local xmlns = stanza.attr.xmlns;
	if is_probe(stanza) then return; end
	if not carried[xmlns and xmlns .. "|" .. stanza.name or stanza.name] then
		return packet_error(link, packet, "400", "modify", "bad-request",
			"unknown-stanza");
	end
	session.cm.link = link;
	if is_too_large(link, session, stanza) then return; end
	stanza = session.filter("stanzas/in", stanza);
	if stanza then session.thread:run(stanza); end
end

-- What clients of this host are offered with TLS or without, as its own
-- listener would.
local function host_features(host, secure)
	local probe = session_util.new("c2s");
	session_util.set_id(probe);
	session_util.set_logger(probe);
	probe.host, probe.streamid = host, id_long();
	probe.secure = secure or nil;
	probe.send = function () return true; end
	local features = st.stanza("stream:features");
	hosts[host].events.fire_event("stream-features",
		{ origin = probe, features = features });
	return features;
end

-- Of these features those that a manager can offer.
local function add_offer(element, features)
	local offered = features:get_child("mechanisms", xmlns_sasl);
	if offered then element:add_child(st.clone(offered)); end
	for name, xmlns in pairs {
		auth = "http://jabber.org/features/iq-auth";
		register = "http://jabber.org/features/iq-register";
	} do
		if features:get_child(name, xmlns) then
			element:tag(name, { xmlns = xmlns }):up();
		end
	end
end

-- Powers of ten, as mod_limits understands the units.
local rate_units = { b = 1, k = 3, m = 6, g = 9, t = 12 };

-- What mod_limits allows a client, with its own defaults: bytes a second, and
-- for how many seconds they may be saved up. Nothing when it is not loaded.
local function client_limits()
	if not is_loaded("*", "limits") then return nil; end
	local own = module:get_option("limits", {}).c2s;
	if not own then return 10240, 2; end
	local quantity, unit = tostring(own.rate):match("^(%d+) ?(%a)[^/]*/s$");
	local power = unit and rate_units[unit:lower()];
	local burst = tostring(own.burst or 2):match("^(%d+) ?s?$");
	return power and tonumber(quantity) * 10 ^ power or 3000,
		tonumber(burst) or 2;
end

local function configuration(host)
	local iq = st.stanza("iq", { type = "set"; id = id_long(); from = host })
		:tag("configuration", { xmlns = xmlns_cm });
	iq:tag("starttls", { xmlns = xmlns_tls });
	if encryption_required(host) then iq:tag("required"):up(); end
	iq:up();
	add_offer(iq, host_features(host, true));
	iq:tag("module", { xmlns = xmlns_module; facts = "1"; unassigned = "1";
		default = host == default_host() and "1" or nil }):up();
	local clear = st.stanza("clear", { xmlns = xmlns_module });
	add_offer(clear, host_features(host, false));
	iq:add_child(clear);
	local rate, burst = client_limits();
	if rate then
		iq:tag("limits", { xmlns = xmlns_module;
			rate = ("%d"):format(rate); burst = ("%d"):format(burst) }):up();
	end
	return iq;
end

local function send_configuration(link, host)
	-- The other hosts are served whatever a module makes of this one.
	local ok, iq = pcall(configuration, host);
	if ok then return link_write(link, iq); end
	module:log("error", "Error in the configuration of %s: %s", host, iq);
end

-- One for each of these hosts, and the default one's behind them: a manager
-- that knows one domain goes by the last.
local function send_configurations(link, names)
	local last = default_host();
	for _, name in ipairs(names) do
		if name ~= last then send_configuration(link, name); end
	end
	if last then send_configuration(link, last); end
end

local function handle_handshake(link, element)
	local wanted = opt_secret and hashes.sha1(link.id .. opt_secret, true);
	local given = element:get_text() or "";
	if link.ready or not wanted
	or not hashes.equals(given:lower(), wanted) then
		module:log("warn", "Connection manager %s gave a wrong secret",
			link.address);
		return link_close(link, "not-authorized");
	end
	link.ready = true;
	module:log("info", "Connection manager link %s is up", link.address);
	link_write(link, st.stanza("handshake"));
	if opt_host and not is_served(opt_host) then
		module:log("error", "connection_manager_host is no VirtualHost here: %s",
			opt_host);
	end
	send_configurations(link, served_hosts());
	for _, session in pairs(link.manager.sessions) do flush_queue(session); end
end

local function link_tls_context(link)
	if opt_tls == "disabled" or link.secure then return nil; end
	if link.tls_context == nil then
		local host = default_host();
		if not host then return nil; end
		local global = module:get_option("ssl");
		local own = module:context(host):get_option("ssl");
		local context, err = create_context(host, "server", own, global);
		if not context then
			module:log("warn", "No TLS for connection managers: %s", err);
		end
		link.tls_context = context or false;
	end
	return link.tls_context or nil;
end

local function handle_starttls(link)
	local context = link_tls_context(link);
	if not context then
		link_write(link, st.stanza("failure", { xmlns = xmlns_tls }));
		return link_close(link);
	end
	link_write(link, st.stanza("proceed", { xmlns = xmlns_tls }));
	link.stream:reset();
	link.notopen = true;
	link.secure = "pending";
	link.conn:starttls(context);
end

local top_level = {
	iq = handle_iq;
	route = handle_packet;
	handshake = handle_handshake;
	[xmlns_tls .. "|starttls"] = handle_starttls;
};

--- The stream of a link --------------------------------------------------

local stream_callbacks = {
	default_ns = xmlns_link; stream_ns = xmlns_stream;
};

function stream_callbacks.streamopened(link, attr)
	local name = attr.to and jid.host(jid.prep(attr.to) or "");
	link.id = link.id or id_long();
	if not name then
		return link_close(link, "bad-format");
	elseif not opt_secret then
		module:log("error", "connection_manager_secret is not set");
		link.id = nil;
		send_header(link, attr.to);
		return link_close(link, "internal-server-error");
	end
	if not link.manager then
		link.manager = manager_of(name);
		link.address = attr.to;
		table.insert(link.manager.links, link);
	end
	send_header(link, link.secure and default_host() or attr.to);
	local features = st.stanza("stream:features");
	if link_tls_context(link) then
		features:tag("starttls", { xmlns = xmlns_tls });
		if opt_tls == "required" then features:tag("required"):up(); end
		features:up();
	end
	link_write(link, features);
end

function stream_callbacks.handlestanza(link, element)
	link.finished = true;
	if link.closed or link.parting then return; end
	local xmlns = element.attr.xmlns;
	local key = xmlns and xmlns .. "|" .. element.name or element.name;
	local handler = top_level[key];
	if opt_tls == "required" and not link.secure
	and handler ~= handle_starttls then
		return link_close(link, "not-authorized",
			"TLS is mandatory, but was not established.");
	elseif not handler then
		return link_close(link, "unsupported-stanza-type");
	end
	return handler(link, element);
end

function stream_callbacks.streamclosed(link)
	link_close(link);
end

function stream_callbacks.error(link, err, data)
	if link.closed then return; end
	module:log("warn", "Error on link %s of a connection manager: %s (%s)",
		tostring(link.address), err, tostring(data));
	if err == "no-stream" then return link_close(link, "invalid-namespace"); end
	if err == "stream-error" then return link_close(link); end
	return link_close(link, "not-well-formed");
end

--- The port --------------------------------------------------------------

local listener = {};

function listener.onconnect(conn)
	local link = { conn = conn; notopen = true; heard = os.time();
		unfinished = 0 };
	link.log = module._log;
	link.stream = new_xmpp_stream(link, stream_callbacks, opt_size);
	link.send = function (data) return link_write(link, data); end
	links[conn] = link;
	connections[conn] = true;
end

function listener.onincoming(conn, data)
	local link = links[conn];
	if not link then return; end
	link.heard = os.time();
	link.unfinished, link.finished = link.unfinished + #data, false;
	local ok, err = link.stream:feed(data);
	-- The next element may have begun in it.
	if link.finished then link.unfinished = #data; end
	if not ok and not link.closed then
		stream_callbacks.error(link, "parse-error", err);
	end
end

function listener.onstatus(conn, status)
	local link = links[conn];
	if link and status == "ssl-handshake-complete" then link.secure = true; end
end

function listener.ondisconnect(conn, err)
	local link = links[conn];
	links[conn], connections[conn] = nil, nil;
	note_gone();
	if not link then return; end
	link.closed = true;
	module:log("info", "Connection manager link %s is gone: %s",
		tostring(link.address), tostring(err or "closed here"));
	remove_link(link);
end

function listener.onreadtimeout()
	return true; -- the heartbeat below judges silence
end

add_task(heartbeat, function (now)
	for _, link in pairs(links) do
		if now - link.heard > idle_limit then
			link_close(link, "connection-timeout");
		elseif not link.notopen and not link.parting then
			link_write(link, " ");
		end
	end
	return heartbeat;
end);

--- What ends sessions --------------------------------------------------

-- mod_c2s does this for all sessions, where it is loaded.
local function end_sessions_of(condition, text, but_one)
	return function (event)
		local user = hosts[event.host].sessions[event.username];
		for resource, session in pairs(user and user.sessions or {}) do
			if session.cm and not (but_one and resource == event.resource) then
				session:close({ condition = condition; text = text });
			end
		end
	end
end

module:hook_global("user-password-changed",
	end_sessions_of("reset", "Password changed", true), 199);
module:hook_global("user-roles-changed",
	end_sessions_of("reset", "Roles changed"), 199);
module:hook_global("user-deleted",
	end_sessions_of("not-authorized", "Account deleted"), 199);

--- Hosts that come and go ----------------------------------------------

-- Behind modulemanager's handler, so that the host has its modules.
module:hook_global("host-activated", function (host)
	if not is_served(host) then return; end
	for _, link in pairs(links) do
		if link.ready then send_configurations(link, { host }); end
	end
end, -10);

-- Prosody itself closes only sessions that have a resource.
module:hook_global("host-deactivating", function (event)
	left_hosts[event.host] = true;
	for _, manager in pairs(managers) do
		for _, session in pairs(manager.sessions) do
			if session.host == event.host and not session.full_jid then
				session:close({ condition = "host-gone"; text =
					"This server has stopped serving " .. event.host });
			end
		end
	end
end);

--- An orderly stop -------------------------------------------------------

-- Each manager is told, and each session ends: what waits for its client is
-- stored.
local function take_leave(reason)
	for _, link in pairs(links) do
		if link.notopen then
			link_close(link);
		else
			link.ready = false;
			link_end_stream(link, "system-shutdown", reason);
		end
	end
	for _, manager in pairs(managers) do
		close_all(manager, reason or "system-shutdown");
	end
	leave_taken = true;
	note_gone();
end

-- Leave is not taken here, but at the next turn of the loop: the signal that
-- stops Prosody may have come in the middle of a write to a link, which then
-- drops what is added. Nobody comes back to a server that goes.
module:hook_global("server-stopping", function (event)
	stopping = true;
	for _, service in pairs(module.items["net-provider"] or {}) do
		portmanager.unregister_service(service.name, service);
	end
	if not async.ready() then return take_leave(event.reason); end
	add_task(0, function () take_leave(event.reason); end);
end, -80);

-- Then the managers close: were we the first, over words of theirs that nobody
-- has read, the kernel would reset the connection and take our stream error
-- with it. Clients of Prosody's own port have been told by now.
module:hook_global("server-stopping", function ()
	if leave_taken and next(connections) == nil then return; end
	if not async.ready() then return; end
	local wait, done = async.waiter(1, true);
	all_gone = function () all_gone = nil; done(); end
	add_task(c2s_close_timeout + 1, function () done(); end);
	module:log("info", "Waiting for connection managers to close their links");
	wait();
end, -101);

module:provides("net", {
	name = "connection_manager";
	listener = listener;
	default_port = 5262;
	private = true;
});
