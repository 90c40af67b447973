/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/proxy_v2.h"

#include <netinet/in.h>
#include <string.h>

const uint8_t proxy_v2_signature[PROXY_V2_SIGNATURE_BYTES] = { 0x0D, 0x0A, 0x0D,
	0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A };

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };
enum {
	FAMILY_UNKNOWN = 0x00,
	FAMILY_TCP4 = 0x11,
	FAMILY_TCP6 = 0x21,
	FAMILY_UNIX_STREAM = 0x31,
};
enum {
	TYPE_AUTHORITY = 0x02,
	TYPE_CRC32C = 0x03,
	TYPE_SSL = 0x20,
};

#define CLIENT_SSL       0x01 /* of the SSL field's first byte */
#define TLV_HEAD_BYTES   3u
#define SSL_HEAD_BYTES   5u
#define CRC_BYTES        4u
#define UNIX_BYTES       216u
#define CRC32C_REFLECTED 0x82F63B78u

/* A part of the header. */
struct span {
	const uint8_t *bytes;
	size_t len;
};

struct tlv {
	uint8_t type;
	struct span value;
};

static uint16_t
big_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

size_t
proxy_v2_length(const uint8_t *fixed)
{
	return PROXY_V2_FIXED_BYTES + big_u16(fixed + 14);
}

/* --- fields of type, length and value --- */

/* Takes the first one off; false: it is cut short. */
static bool
next_tlv(struct span *rest, struct tlv *tlv_out)
{
	size_t len;

	if (rest->len < TLV_HEAD_BYTES)
		return false;
	len = big_u16(rest->bytes + 1);
	if (rest->len - TLV_HEAD_BYTES < len)
		return false;
	*tlv_out = (struct tlv){ rest->bytes[0],
		{ rest->bytes + TLV_HEAD_BYTES, len } };
	rest->bytes += TLV_HEAD_BYTES + len;
	rest->len -= TLV_HEAD_BYTES + len;
	return true;
}

/* Bit by bit: headers are short and come once a connection. */
static uint32_t
crc32c_byte(uint32_t crc, uint8_t byte)
{
	int bit;

	crc ^= byte;
	for (bit = 0; bit < 8; bit++)
		crc = crc >> 1 ^ (crc & 1 ? CRC32C_REFLECTED : 0);
	return crc;
}

/* Of the whole header, in which the sum itself counts as zeroes. */
static bool
sum_is_right(struct span header, struct span sum)
{
	size_t from = (size_t)(sum.bytes - header.bytes), i;
	uint32_t crc = UINT32_MAX, said;

	if (sum.len != CRC_BYTES)
		return false;
	for (i = 0; i < header.len; i++)
		crc = crc32c_byte(crc,
		    i >= from && i < from + CRC_BYTES ? 0 : header.bytes[i]);
	said = (uint32_t)big_u16(sum.bytes) << 16 | big_u16(sum.bytes + 2);
	return (crc ^ UINT32_MAX) == said;
}

/* Of its parts only the first byte is of use to us. */
static const char *
take_ssl(struct span value, struct proxy_header *header)
{
	if (value.len < SSL_HEAD_BYTES)
		return "what it says of TLS is cut short";
	header->tls = (value.bytes[0] & CLIENT_SSL) != 0;
	return NULL;
}

static const char *
take_tlvs(struct span whole, struct span rest, struct proxy_header *header)
{
	const char *why = NULL;
	struct tlv tlv;

	while (!why && rest.len > 0) {
		if (!next_tlv(&rest, &tlv))
			return "a field of it is cut short";
		if (tlv.type == TYPE_SSL)
			why = take_ssl(tlv.value, header);
		else if (tlv.type == TYPE_AUTHORITY)
			(void)host_name_normalise(tlv.value.bytes,
			    tlv.value.len, header->authority);
		else if (tlv.type == TYPE_CRC32C &&
			 !sum_is_right(whole, tlv.value))
			why = "its checksum is wrong";
	}
	return why;
}

/* --- addresses --- */

static void
take_v4(const uint8_t *bytes, struct endpoint *source_out)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	memcpy(&address.sin_addr, bytes, sizeof(address.sin_addr));
	memcpy(&address.sin_port, bytes + 8, sizeof(address.sin_port));
	memcpy(&source_out->addr, &address, sizeof(address));
	source_out->len = sizeof(address);
}

static void
take_v6(const uint8_t *bytes, struct endpoint *source_out)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6 };

	memcpy(&address.sin6_addr, bytes, sizeof(address.sin6_addr));
	memcpy(&address.sin6_port, bytes + 32, sizeof(address.sin6_port));
	memcpy(&source_out->addr, &address, sizeof(address));
	source_out->len = sizeof(address);
}

/* How many bytes addresses of this family take; false: none that we know. */
static bool
address_bytes(uint8_t family, size_t *len_out)
{
	switch (family) {
	case FAMILY_TCP4:
		*len_out = 12;
		return true;
	case FAMILY_TCP6:
		*len_out = 36;
		return true;
	case FAMILY_UNIX_STREAM:
		*len_out = UNIX_BYTES;
		return true;
	case FAMILY_UNKNOWN:
		*len_out = 0;
		return true;
	default:
		return false;
	}
}

static const char *
take_addresses(uint8_t family, struct span *rest, struct proxy_header *header)
{
	size_t len;

	if (!address_bytes(family, &len))
		return "its address is of no TCP connection";
	if (rest->len < len)
		return "its addresses are cut short";
	header->has_address = family == FAMILY_TCP4 || family == FAMILY_TCP6;
	if (family == FAMILY_TCP4)
		take_v4(rest->bytes, &header->source);
	else if (family == FAMILY_TCP6)
		take_v6(rest->bytes, &header->source);
	rest->bytes += len;
	rest->len -= len;
	return NULL;
}

const char *
proxy_v2_parse(const uint8_t *bytes, size_t len,
    struct proxy_header *header_out)
{
	struct span whole = { bytes, len };
	struct span rest = { bytes + PROXY_V2_FIXED_BYTES,
		len - PROXY_V2_FIXED_BYTES };
	const char *why;

	/* Of the sender's own connection everything else is to be ignored. */
	header_out->local = bytes[12] == COMMAND_LOCAL;
	if (header_out->local)
		return NULL;
	if (bytes[12] != COMMAND_PROXY)
		return "its version or command is unknown";
	why = take_addresses(bytes[13], &rest, header_out);
	return why ? why : take_tlvs(whole, rest, header_out);
}
