/* SPDX-License-Identifier: Apache-2.0 */
/* What load balancers say of their clients, in both versions of the PROXY
 * protocol, in pieces of any size. */
#include "common/net/proxy_header.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define BEHIND "<?xml version='1.0'?>" /* the client's own */

/* --- version 2, written as its document says --- */

static const uint8_t signature[12] = { 0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A,
	0x51, 0x55, 0x49, 0x54, 0x0A };

struct text {
	uint8_t bytes[8192];
	size_t len;
};

static void
put(struct text *text, const void *bytes, size_t len)
{
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
}

static void
begin_v2(struct text *text, uint8_t command, uint8_t family)
{
	const uint8_t rest[4] = { command, family, 0, 0 };

	text->len = 0;
	put(text, signature, sizeof(signature));
	put(text, rest, sizeof(rest));
}

static void
put_v4(struct text *text)
{
	static const uint8_t addresses[12] = { 198, 51, 100, 7, 192, 0, 2, 1,
		0xC0, 0x01, 0x14, 0x66 };

	put(text, addresses, sizeof(addresses));
}

static void
put_tlv(struct text *text, uint8_t type, const void *value, size_t len)
{
	const uint8_t head[3] = { type, (uint8_t)(len >> 8), (uint8_t)len };

	put(text, head, sizeof(head));
	put(text, value, len);
}

static void
end_v2(struct text *text)
{
	text->bytes[14] = (uint8_t)((text->len - 16) >> 8);
	text->bytes[15] = (uint8_t)(text->len - 16);
}

/* The sum of RFC 3720, most significant bit last. */
static uint32_t
crc32c(const uint8_t *bytes, size_t len)
{
	uint32_t crc = UINT32_MAX;
	unsigned bit;

	for (; len > 0; len--, bytes++)
		for (crc ^= *bytes, bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
	return ~crc;
}

static void
put_sum(struct text *text)
{
	static const uint8_t zeroes[4];
	uint32_t sum;
	unsigned i;

	put_tlv(text, 0x03, zeroes, 4);
	end_v2(text);
	sum = crc32c(text->bytes, text->len);
	for (i = 0; i < 4; i++)
		text->bytes[text->len - 4 + i] = (uint8_t)(sum >> (24 - 8 * i));
}

/* --- reading --- */

static struct proxy_header header;
static const char *why;

/* In pieces of `piece` bytes; the client's own bytes must be left over. */
static enum proxy_result
read_pieces(const void *bytes, size_t len, size_t piece)
{
	static uint8_t all[16384];
	enum proxy_result result = PROXY_MORE;
	struct proxy_reader reader;
	size_t at = 0, taken;

	memcpy(all, bytes, len);
	memcpy(all + len, BEHIND, sizeof(BEHIND));
	proxy_reader_init(&reader);
	while (result == PROXY_MORE && at < len) {
		result = proxy_reader_take(&reader, all + at,
		    MIN(piece, len + sizeof(BEHIND) - at), &taken, &header,
		    &why);
		at += taken;
	}
	if (result != PROXY_BAD)
		ck_assert_uint_eq(at, len);
	return result;
}

static enum proxy_result
read_text(const char *line)
{
	return read_pieces(line, strlen(line), SIZE_MAX / 2);
}

static void
check_source(const char *expected)
{
	char text[ENDPOINT_TEXT_MAX];

	ck_assert_msg(header.has_address, "it should have an address");
	ck_assert_str_eq(endpoint_print(&header.source, text), expected);
}

/* --- version 1 --- */

static const struct {
	const char *line, *source; /* NULL: not known */
} lines[] = {
	{ "PROXY TCP4 198.51.100.7 192.0.2.1 49153 5222\r\n",
	    "198.51.100.7:49153" },
	{ "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
	    "255.255.255.255:65535" },
	{ "PROXY TCP6 2001:db8::7 2001:db8::1 49153 5222\r\n",
	    "[2001:db8::7]:49153" },
	{ "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
	{ "PROXY UNKNOWN\r\n", NULL },
	{ "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	    NULL },
};

START_TEST(a_line_gives_the_address)
{
	const char *line = lines[_i].line;
	size_t piece;

	for (piece = 1; piece < 130; piece++) {
		ck_assert_int_eq(read_pieces(line, strlen(line), piece),
		    PROXY_DONE);
		ck_assert_int_eq(header.local, false);
		ck_assert_int_eq(header.tls, false);
		if (lines[_i].source)
			check_source(lines[_i].source);
		else
			ck_assert_int_eq(header.has_address, false);
	}
}
END_TEST

static const char *const bad_lines[] = {
	"<?xml version='1.0'?>",
	"\x16\x03\x01\x02\x00",
	"proxy TCP4 198.51.100.7 192.0.2.1 49153 5222\r\n",
	"PROXY  TCP4 198.51.100.7 192.0.2.1 49153 5222\r\n",
	"PROXY TCP4 198.51.100.7  192.0.2.1 49153 5222\r\n",
	"PROXY TCP4 198.51.100.7 192.0.2.1 49153 5222 \r\n",
	"PROXY TCP4 198.51.100.7 192.0.2.1 49153 5222 x\r\n",
	"PROXY TCP4 198.51.100.7 192.0.2.1 49153\r\n",
	"PROXY TCP4 198.51.100.7 192.0.2.1 49153 65536\r\n",
	"PROXY TCP4 198.51.100.7 192.0.2.1 049153 5222\r\n",
	"PROXY TCP4 198.51.100.7 192.0.2.1 +9153 5222\r\n",
	"PROXY TCP4 198.51.100.7 192.0.2.1  5222\r\n",
	"PROXY TCP4 198.51.100.256 192.0.2.1 49153 5222\r\n",
	"PROXY TCP4 2001:db8::7 2001:db8::1 49153 5222\r\n",
	"PROXY TCP6 198.51.100.7 192.0.2.1 49153 5222\r\n",
	"PROXY TCP6 [2001:db8::7] 2001:db8::1 49153 5222\r\n",
	"PROXY TCP6 fe80::1%lo 2001:db8::1 49153 5222\r\n",
	"PROXY UDP4 198.51.100.7 192.0.2.1 49153 5222\r\n",
	"PROXY \r\n",
	"PROXY\r\n",
	"PROXY TCP4 198.51.100.7 192.0.2.1 49153 5222\n",
	"PROXY \n",
	("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 \r\n"),
};

START_TEST(a_line_that_is_none_is_refused)
{
	ck_assert_int_eq(read_text(bad_lines[_i]), PROXY_BAD);
	ck_assert_ptr_nonnull(why);
}
END_TEST

START_TEST(a_line_with_a_nul_byte_is_refused)
{
	static const char line[] = "PROXY UNKNOWN\0x\r\n";

	ck_assert_int_eq(read_pieces(line, sizeof(line) - 1, 1000), PROXY_BAD);
}
END_TEST

/* --- version 2 --- */

START_TEST(a_binary_header_gives_the_address)
{
	static const uint8_t v6[36] = { 0x20, 0x01, 0x0D, 0xB8, [15] = 7, 0x20,
		0x01, 0x0D, 0xB8, [31] = 1, 0xC0, 0x01, 0x14, 0x66 };
	struct text text;
	size_t piece;

	for (piece = 1; piece < 60; piece++) {
		begin_v2(&text, 0x21, 0x11);
		put_v4(&text);
		end_v2(&text);
		ck_assert_int_eq(read_pieces(text.bytes, text.len, piece),
		    PROXY_DONE);
		check_source("198.51.100.7:49153");
		begin_v2(&text, 0x21, 0x21);
		put(&text, v6, sizeof(v6));
		end_v2(&text);
		ck_assert_int_eq(read_pieces(text.bytes, text.len, piece),
		    PROXY_DONE);
		check_source("[2001:db8::7]:49153");
	}
}
END_TEST

START_TEST(a_binary_header_need_not_give_one)
{
	static const uint8_t paths[216];
	struct text text;

	begin_v2(&text, 0x21, 0x00);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1000), PROXY_DONE);
	ck_assert_int_eq(header.has_address, false);
	begin_v2(&text, 0x21, 0x31);
	put(&text, paths, sizeof(paths));
	end_v2(&text);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1000), PROXY_DONE);
	ck_assert_int_eq(header.has_address, false);
	/* A health check may say anything more. */
	begin_v2(&text, 0x20, 0x7F);
	put(&text, "whatever", 8);
	end_v2(&text);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 3), PROXY_DONE);
	ck_assert_int_eq(header.local, true);
	ck_assert_int_eq(header.has_address, false);
}
END_TEST

/* With all fields that senders put in. */
static void
make_full(struct text *text)
{
	static const uint8_t ssl[] = { 0x01, 0, 0, 0, 0, /* seen, verified */
		0x21, 0, 7, 'T', 'L', 'S', 'v', '1', '.', '3', /* version */
		0x22, 0, 2, 'c', 'n' };
	static const uint8_t nothing[300];

	begin_v2(text, 0x21, 0x11);
	put_v4(text);
	put_tlv(text, 0x01, "xmpp-client", 11);
	put_tlv(text, 0x02, "chat.example", 12);
	put_tlv(text, 0x04, nothing, sizeof(nothing));
	put_tlv(text, 0x20, ssl, sizeof(ssl));
	put_tlv(text, 0xEA, "vendor", 6);
	put_sum(text);
}

START_TEST(fields_are_read)
{
	struct text text;

	make_full(&text);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1), PROXY_DONE);
	check_source("198.51.100.7:49153");
	ck_assert_int_eq(header.tls, true);
	ck_assert_str_eq(header.authority, "chat.example");
}
END_TEST

static const struct {
	const char *value;
	size_t len;
	const char *expected;
} authorities[] = {
	{ "chat.example", 12, "chat.example" },
	{ "CHAT.Example.", 13, "chat.example" },
	{ "", 0, "" },
	{ "chat.example\0", 13, "" },
	{ "chat.example\0.b", 15, "" },
	{ "chat example", 12, "" },
	{ "chat.example\n", 13, "" },
	{ "a<b", 3, "" },
	{ "\xC3\xBC.example", 10, "" },
};

static const char *
read_authority(const void *value, size_t len)
{
	struct text text;

	begin_v2(&text, 0x21, 0x11);
	put_v4(&text);
	put_tlv(&text, 0x02, value, len);
	end_v2(&text);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 7), PROXY_DONE);
	check_source("198.51.100.7:49153");
	return header.authority;
}

START_TEST(the_authority_is_a_host_or_nothing)
{
	ck_assert_str_eq(read_authority(authorities[_i].value,
			     authorities[_i].len),
	    authorities[_i].expected);
}
END_TEST

START_TEST(an_authority_is_bounded)
{
	char name[300];

	memset(name, 'a', sizeof(name));
	ck_assert_uint_eq(strlen(read_authority(name, 253)), 253);
	ck_assert_str_eq(read_authority(name, 254), "");
	ck_assert_str_eq(read_authority(name, 300), "");
}
END_TEST

START_TEST(of_several_authorities_the_last_counts)
{
	struct text text;

	begin_v2(&text, 0x21, 0x11);
	put_v4(&text);
	put_tlv(&text, 0x02, "a.example", 9);
	put_tlv(&text, 0x02, "b.example", 9);
	end_v2(&text);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1000), PROXY_DONE);
	ck_assert_str_eq(header.authority, "b.example");
	text.len = 28;
	put_tlv(&text, 0x02, "a.example", 9);
	put_tlv(&text, 0x02, "?", 1);
	end_v2(&text);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1000), PROXY_DONE);
	ck_assert_str_eq(header.authority, "");
}
END_TEST

/* Nor does a line have any, or a header of the sender's own. */
START_TEST(without_an_authority_there_is_none)
{
	struct text text;

	begin_v2(&text, 0x21, 0x11);
	put_v4(&text);
	end_v2(&text);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1000), PROXY_DONE);
	ck_assert_str_eq(header.authority, "");
	begin_v2(&text, 0x20, 0x11);
	put_v4(&text);
	put_tlv(&text, 0x02, "a.example", 9);
	end_v2(&text);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1000), PROXY_DONE);
	ck_assert_str_eq(header.authority, "");
	ck_assert_int_eq(read_text(lines[0].line), PROXY_DONE);
	ck_assert_str_eq(header.authority, "");
}
END_TEST

/* Whichever bit behind the command is another; with another type the sum is
 * none. */
START_TEST(a_wrong_sum_is_refused)
{
	struct text text;
	size_t at, bit;

	make_full(&text);
	for (at = 13; at < text.len; at++)
		for (bit = 0; bit < 8; bit++) {
			if (at == 14 || at == 15 || at == text.len - 7)
				continue; /* the length, the type */
			text.bytes[at] ^= (uint8_t)(1u << bit);
			ck_assert_msg(read_pieces(text.bytes, text.len, 1000) ==
					  PROXY_BAD,
			    "bit %zu of byte %zu should count", bit, at);
			text.bytes[at] ^= (uint8_t)(1u << bit);
		}
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1000), PROXY_DONE);
}
END_TEST

START_TEST(what_is_cut_short_is_refused)
{
	struct text text;
	size_t len;

	make_full(&text);
	/* Where a field ends a shorter header is whole, but has no sum. */
	for (len = text.len - 1; len > text.len - 7; len--) {
		text.bytes[14] = (uint8_t)((len - 16) >> 8);
		text.bytes[15] = (uint8_t)(len - 16);
		ck_assert_int_eq(read_pieces(text.bytes, len, 1000), PROXY_BAD);
	}
	for (len = 17; len < 28; len++) {
		text.bytes[14] = 0;
		text.bytes[15] = (uint8_t)(len - 16);
		ck_assert_int_eq(read_pieces(text.bytes, len, 1000), PROXY_BAD);
	}
}
END_TEST

START_TEST(what_nobody_sends_is_refused)
{
	struct text text;

	begin_v2(&text, 0x22, 0x11); /* command */
	put_v4(&text);
	end_v2(&text);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1000), PROXY_BAD);
	begin_v2(&text, 0x11, 0x11); /* version */
	put_v4(&text);
	end_v2(&text);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1000), PROXY_BAD);
	begin_v2(&text, 0x21, 0x12); /* UDP */
	put_v4(&text);
	end_v2(&text);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1000), PROXY_BAD);
	begin_v2(&text, 0x21, 0x11);
	put_v4(&text);
	put_tlv(&text, 0x20, "\1\0\0\0", 4); /* half of what TLS has */
	end_v2(&text);
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1000), PROXY_BAD);
}
END_TEST

START_TEST(a_long_one_is_refused_at_once)
{
	struct text text;

	begin_v2(&text, 0x21, 0x11);
	text.bytes[14] = 0xFF;
	ck_assert_int_eq(read_pieces(text.bytes, text.len, 1000), PROXY_BAD);
	ck_assert_str_eq(why, "it is too long");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proxy_header");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, a_line_gives_the_address, 0, ARRAY_LEN(lines));
	tcase_add_loop_test(all, a_line_that_is_none_is_refused, 0,
	    ARRAY_LEN(bad_lines));
	tcase_add_test(all, a_line_with_a_nul_byte_is_refused);
	tcase_add_test(all, a_binary_header_gives_the_address);
	tcase_add_test(all, a_binary_header_need_not_give_one);
	tcase_add_test(all, fields_are_read);
	tcase_add_loop_test(all, the_authority_is_a_host_or_nothing, 0,
	    ARRAY_LEN(authorities));
	tcase_add_test(all, an_authority_is_bounded);
	tcase_add_test(all, of_several_authorities_the_last_counts);
	tcase_add_test(all, without_an_authority_there_is_none);
	tcase_add_test(all, a_wrong_sum_is_refused);
	tcase_add_test(all, what_is_cut_short_is_refused);
	tcase_add_test(all, what_nobody_sends_is_refused);
	tcase_add_test(all, a_long_one_is_refused_at_once);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
