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

module:set_global();

local async = require "util.async";
local add_task = require "util.timer".add_task;
local create_context = require "core.certmanager".create_context;
local hashes = require "util.hashes";
local id_long = require "util.id".long;
local initialize_filters = require "util.filters".initialize;
local jid = require "util.jid";
local new_xmpp_stream = require "util.xmppstream".new;
local session_util = require "util.session";
local sm = require "core.sessionmanager";
local st = require "util.stanza";

local hosts = prosody.hosts;
local process_stanza = prosody.core_process_stanza;

local xmlns_link = "jabber:connectionmanager";
local xmlns_cm = "http://jabber.org/protocol/connectionmanager";
local xmlns_cm_errors = xmlns_cm .. "#errors";
local xmlns_client = "jabber:client";
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
local heartbeat = 30;
local idle_limit = 300;

local links = {}; -- conn -> link
local managers = {}; -- name -> manager

-- The host whose features the configuration tells, when sessions name none.
local function default_host()
	if opt_host then return opt_host; end
	for name, host in pairs(hosts) do
		if host.type == "local" and name ~= "localhost" then return name; end
	end
	return next(hosts);
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

local function route_text(session, inner)
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
local function queue_route(session, stanza)
	local queue = session.cm.queue;
	if #queue >= opt_queue then return false; end
	queue[#queue + 1] = stanza;
	return true;
end

local function session_send_text(session, text)
	local link = link_of(session);
	if not link then return queue_route(session, text); end
	return link_write(link, route_text(session, text));
end

local function session_send(session, data)
	if type(data) == "string" then
		if not data:find("^<[%a_]") then return true; end -- keepalives, ends
		return session_send_text(session, data);
	end
	local stanza = session.filter("stanzas/out", data);
	if not stanza then return true; end
	local link = link_of(session);
	if link then
		return link_write(link, route_text(session, serialise(stanza)));
	end
	return queue_route(session, st.clone(stanza));
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

local function error_stanza(reason)
	if st.is_stanza(reason) then return reason; end
	local condition = type(reason) == "table" and reason.condition or reason;
	if type(condition) ~= "string" then return nil; end
	local stanza = st.stanza("stream:error", { ["xmlns:stream"] = xmlns_stream })
		:tag(condition, { xmlns = xmlns_streams }):up();
	if type(reason) == "table" and reason.text then
		stanza:tag("text", { xmlns = xmlns_streams }):text(reason.text):up();
	end
	return stanza;
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
	local stanza = reason and error_stanza(reason);
	if stanza then session_send_text(session, serialise(stanza)); end
	local link = link_of(session);
	if link then link_write(link, close_iq(session)); end
	forget_session(session, reason and tostring(stanza) or nil);
end

local runner_callbacks = {};
function runner_callbacks:error(err)
	(self.data.log or module._log)("error", "Traceback[connection manager]: %s",
		err);
end

local function new_session(manager, link, streamid, host, address)
	local session = session_util.new("c2s");
	session_util.set_id(session);
	session_util.set_logger(session);
	session.streamid = streamid;
	session.host = host;
	session.ip = address or link.conn:ip();
	session.conntime = os.time();
	session.version = 1;
	-- The manager did TLS as the configuration told it to.
	session.secure = true;
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
	session.log("info", "Client of connection manager %s from %s",
		manager.name, session.ip);
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
		forget_session(session, reason);
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
	if #manager.links == 0 then last_link_gone(manager); end
end

local function link_close(link, condition, text)
	if link.closed then return; end
	if condition then
		link_write(link, error_stanza({ condition = condition; text = text }));
	end
	link_write(link, "</stream:stream>");
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

local function route_error(link, route, code, kind, condition, detail)
	local answer = st.stanza("route", {
		streamid = route.attr.streamid; from = route.attr.to;
		to = route.attr.from; id = route.attr.id; type = "error";
	}):tag("error", { code = code; type = kind })
		:tag(condition, { xmlns = xmlns_stanzas }):up();
	if detail then answer:tag(detail, { xmlns = xmlns_cm_errors }):up(); end
	return link_write(link, answer);
end

local session_verbs = {};

function session_verbs.create(link, iq, streamid, create)
	local host = jid.split(iq.attr.to) and nil or jid.host(iq.attr.to or "");
	if not hosts[host] then host = default_host(); end
	local sessions = link.manager.sessions;
	if sessions[streamid] then
		forget_session(sessions[streamid], "replaced");
	end
	local where = create:get_child("host");
	sessions[streamid] = new_session(link.manager, link, streamid, host,
		where and where.attr.address);
	return iq_result(link, iq);
end

function session_verbs.close(link, iq, streamid)
	local session = link.manager.sessions[streamid];
	if not session then
		return iq_error(link, iq, "404", "cancel", "item-not-found");
	end
	forget_session(session, "client closed");
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

local routed = {
	iq = true; message = true; presence = true;
	[xmlns_sasl .. "|auth"] = true; [xmlns_sasl .. "|response"] = true;
};

-- A manager asks "does this session live?" by an answer to nothing: silence
-- means yes, item-not-found above means no.
local function is_probe(stanza)
	return stanza.name == "iq" and stanza.attr.type == "result"
		and stanza.attr.id == "cm-probe";
end

local function handle_route(link, route)
	if route.attr.type == "error" then return; end
	if not link.ready then
		return route_error(link, route, "401", "auth", "not-authorized");
	end
	local session = link.manager.sessions[route.attr.streamid or ""];
	if not session then
		return route_error(link, route, "404", "cancel", "item-not-found");
	end
	local stanza = route.tags[1];
	if not stanza then
		return route_error(link, route, "400", "modify", "bad-request");
	end
	stanza = strip_client_namespace(stanza);
	local xmlns = stanza.attr.xmlns;
	if is_probe(stanza) then return; end
	if not routed[xmlns and xmlns .. "|" .. stanza.name or stanza.name] then
		return route_error(link, route, "400", "modify", "bad-request",
			"unknown-stanza");
	end
	session.cm.link = link;
	stanza = session.filter("stanzas/in", stanza);
	if stanza then session.thread:run(stanza); end
end

-- What clients of this host may be offered, as its own listener would.
local function host_features(host)
	local probe = session_util.new("c2s");
	session_util.set_id(probe);
	session_util.set_logger(probe);
	probe.host, probe.secure, probe.streamid = host, true, id_long();
	probe.send = function () return true; end
	local features = st.stanza("stream:features");
	hosts[host].events.fire_event("stream-features",
		{ origin = probe, features = features });
	return features;
end

local function configuration(link)
	local host = default_host();
	local context = module:context(host);
	local features = host_features(host);
	local iq = st.stanza("iq", { type = "set"; id = id_long() })
		:tag("configuration", { xmlns = xmlns_cm });
	iq:tag("starttls", { xmlns = xmlns_tls });
	local required = context:get_option_boolean("c2s_require_encryption",
		context:get_option_boolean("require_encryption", true));
	if required then iq:tag("required"):up(); end
	iq:up();
	local offered = features:get_child("mechanisms", xmlns_sasl);
	if offered then iq:add_child(st.clone(offered)); end
	for name, xmlns in pairs {
		auth = "http://jabber.org/features/iq-auth";
		register = "http://jabber.org/features/iq-register";
	} do
		if features:get_child(name, xmlns) then
			iq:tag(name, { xmlns = xmlns }):up();
		end
	end
	link_write(link, iq);
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
	configuration(link);
	for _, session in pairs(link.manager.sessions) do flush_queue(session); end
end

local function link_tls_context(link)
	if opt_tls == "disabled" or link.secure then return nil; end
	if link.tls_context == nil then
		local host = default_host();
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
	route = handle_route;
	handshake = handle_handshake;
	[xmlns_tls .. "|starttls"] = handle_starttls;
};

--- The stream of a link --------------------------------------------------

local stream_callbacks = {
	default_ns = xmlns_link; stream_ns = xmlns_stream;
};

local function send_header(link, from)
	link_write(link, "<?xml version='1.0' encoding='UTF-8'?>" ..
		st.stanza("stream:stream", {
			["xmlns:stream"] = xmlns_stream; xmlns = xmlns_link;
			from = from; id = link.id; version = "1.0";
		}):top_tag());
end

function stream_callbacks.streamopened(link, attr)
	local name = attr.to and jid.host(jid.prep(attr.to) or "");
	link.id = link.id or id_long();
	if not name then
		send_header(link, nil);
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
	link.notopen = nil;
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
	if link.closed then return; end
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
	local link = { conn = conn; notopen = true; heard = os.time() };
	link.log = module._log;
	link.stream = new_xmpp_stream(link, stream_callbacks, opt_size);
	link.send = function (data) return link_write(link, data); end
	links[conn] = link;
end

function listener.onincoming(conn, data)
	local link = links[conn];
	if not link then return; end
	link.heard = os.time();
	local ok, err = link.stream:feed(data);
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
	if not link then return; end
	links[conn] = nil;
	link.closed = true;
	module:log("info", "Connection manager link %s is gone: %s",
		tostring(link.address), tostring(err));
	remove_link(link);
end

function listener.onreadtimeout()
	return true; -- the heartbeat below judges silence
end

add_task(heartbeat, function (now)
	for _, link in pairs(links) do
		if now - link.heard > idle_limit then
			link_close(link, "connection-timeout");
		elseif not link.notopen and link.secure ~= "pending" then
			link_write(link, " ");
		end
	end
	return heartbeat;
end);

module:hook_global("server-stopping", function ()
	for _, link in pairs(links) do link_close(link, "system-shutdown"); end
end, -100);

module:provides("net", {
	name = "connection_manager";
	listener = listener;
	default_port = 5262;
	private = true;
});
