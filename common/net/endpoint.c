/* SPDX-License-Identifier: Apache-2.0 */
#include "common/net/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct sockaddr_in *
v4(const struct endpoint *endpoint)
{
	return (struct sockaddr_in *)(uintptr_t)&endpoint->addr;
}

static struct sockaddr_in6 *
v6(const struct endpoint *endpoint)
{
	return (struct sockaddr_in6 *)(uintptr_t)&endpoint->addr;
}

static bool
is_v6(const struct endpoint *endpoint)
{
	return endpoint->addr.ss_family == AF_INET6;
}

int
endpoint_parse(const char *address, uint16_t port,
    struct endpoint *endpoint_out)
{
	char text[ENDPOINT_TEXT_MAX];
	size_t len = strlen(address);
	bool bracketed;

	memset(endpoint_out, 0, sizeof(*endpoint_out));
	bracketed = len >= 2 && address[0] == '[' && address[len - 1] == ']';
	if (bracketed) {
		address++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(text))
		return -EINVAL;
	memcpy(text, address, len);
	text[len] = '\0';
	if (!bracketed &&
	    inet_pton(AF_INET, text, &v4(endpoint_out)->sin_addr) == 1) {
		v4(endpoint_out)->sin_family = AF_INET;
		endpoint_out->len = sizeof(struct sockaddr_in);
	} else if (inet_pton(AF_INET6, text, &v6(endpoint_out)->sin6_addr) ==
		   1) {
		v6(endpoint_out)->sin6_family = AF_INET6;
		endpoint_out->len = sizeof(struct sockaddr_in6);
	} else {
		return -EINVAL;
	}
	endpoint_set_port(endpoint_out, port);
	return 0;
}

void
endpoint_set_port(struct endpoint *endpoint, uint16_t port)
{
	if (is_v6(endpoint))
		v6(endpoint)->sin6_port = htons(port);
	else
		v4(endpoint)->sin_port = htons(port);
}

uint16_t
endpoint_port(const struct endpoint *endpoint)
{
	return ntohs(is_v6(endpoint) ? v6(endpoint)->sin6_port
				     : v4(endpoint)->sin_port);
}

bool
endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	if (a->addr.ss_family != b->addr.ss_family ||
	    endpoint_port(a) != endpoint_port(b))
		return false;
	if (!is_v6(a))
		return v4(a)->sin_addr.s_addr == v4(b)->sin_addr.s_addr;
	return memcmp(&v6(a)->sin6_addr, &v6(b)->sin6_addr,
		   sizeof(struct in6_addr)) == 0 &&
	       v6(a)->sin6_scope_id == v6(b)->sin6_scope_id;
}

const char *
endpoint_print_address(const struct endpoint *endpoint,
    char text_out[ENDPOINT_TEXT_MAX])
{
	const struct in6_addr *address = &v6(endpoint)->sin6_addr;

	if (!is_v6(endpoint))
		inet_ntop(AF_INET, &v4(endpoint)->sin_addr, text_out,
		    ENDPOINT_TEXT_MAX);
	else if (IN6_IS_ADDR_V4MAPPED(address))
		inet_ntop(AF_INET, address->s6_addr + 12, text_out,
		    ENDPOINT_TEXT_MAX);
	else
		inet_ntop(AF_INET6, address, text_out, ENDPOINT_TEXT_MAX);
	return text_out;
}

const char *
endpoint_print(const struct endpoint *endpoint,
    char text_out[ENDPOINT_TEXT_MAX])
{
	char address[ENDPOINT_TEXT_MAX];
	bool colons;

	endpoint_print_address(endpoint, address);
	colons = strchr(address, ':') != NULL;
	snprintf(text_out, ENDPOINT_TEXT_MAX, "%s%.50s%s:%u", colons ? "[" : "",
	    address, colons ? "]" : "", endpoint_port(endpoint));
	return text_out;
}

/* RFC 4291 section 2.5.5.2. */
static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };

void
endpoint_to_bytes(const struct endpoint *endpoint, uint8_t bytes_out[16])
{
	if (is_v6(endpoint)) {
		memcpy(bytes_out, &v6(endpoint)->sin6_addr, 16);
		return;
	}
	memcpy(bytes_out, mapped, sizeof(mapped));
	memcpy(bytes_out + 12, &v4(endpoint)->sin_addr, 4);
}

void
endpoint_from_bytes(const uint8_t bytes[16], uint16_t port,
    struct endpoint *endpoint_out)
{
	struct sockaddr *addr = (struct sockaddr *)&endpoint_out->addr;

	*endpoint_out = (struct endpoint){ 0 };
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		struct sockaddr_in *ip4 = (struct sockaddr_in *)addr;

		endpoint_out->len = sizeof(*ip4);
		ip4->sin_family = AF_INET;
		memcpy(&ip4->sin_addr, bytes + 12, 4);
	} else {
		struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)addr;

		endpoint_out->len = sizeof(*ip6);
		ip6->sin6_family = AF_INET6;
		memcpy(&ip6->sin6_addr, bytes, 16);
	}
	endpoint_set_port(endpoint_out, port);
}

bool
endpoint_is_loopback(const struct endpoint *endpoint)
{
	static const uint8_t loopback[16] = { [15] = 1 };
	uint8_t bytes[16];

	endpoint_to_bytes(endpoint, bytes);
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		return bytes[12] == 127;
	return memcmp(bytes, loopback, sizeof(loopback)) == 0;
}

static int
set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0
		   ? 0
		   : -errno;
}

static int
prepare_listener(int fd, const struct endpoint *endpoint,
    const struct listen_options *options)
{
	int error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (!error && is_v6(endpoint))
		error =
		    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !options->dual);
	if (!error && options->reuseport)
		error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!error && options->receive_buffer > 0)
		error = set_option(fd, SOL_SOCKET, SO_RCVBUF,
		    options->receive_buffer);
	if (!error && options->send_buffer > 0)
		error =
		    set_option(fd, SOL_SOCKET, SO_SNDBUF, options->send_buffer);
	if (!error && bind(fd, (const struct sockaddr *)&endpoint->addr,
			  endpoint->len) != 0)
		error = -errno;
	if (!error && listen(fd, options->backlog) != 0)
		error = -errno;
	return error;
}

int
endpoint_listen(const struct endpoint *endpoint,
    const struct listen_options *options)
{
	int fd, error;

	fd = socket(endpoint->addr.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	error = prepare_listener(fd, endpoint, options);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

/* A filter of a TCP socket sees segments from their header on; its accepted
 * sockets inherit it, and never see a SYN. */
int
endpoint_take_new(int fd, bool on)
{
	enum { FLAGS_AT = 13, SYN = 2, SYN_OR_ACK = 18 };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN_OR_ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = { ARRAY_LEN(code), code };
	int unused = 0;

	if (on)
		return setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused,
			   sizeof(unused)) == 0
			   ? 0
			   : -errno;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
		   sizeof(program)) == 0
		   ? 0
		   : -errno;
}

int
endpoint_connect(const struct endpoint *endpoint)
{
	int fd, error;

	fd = socket(endpoint->addr.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	error = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (!error)
		error = set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	if (!error &&
	    connect(fd, (const struct sockaddr *)&endpoint->addr,
		endpoint->len) != 0 &&
	    errno != EINPROGRESS)
		error = -errno;
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

int
endpoint_set_user_timeout(int fd, unsigned milliseconds)
{
	return set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
	    (int)MIN(milliseconds, 0x7FFFFFFFu));
}

int
endpoint_set_unsent_limit(int fd, unsigned bytes)
{
	return set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT,
	    (int)MIN(bytes, 0x7FFFFFFFu));
}

int
endpoint_acknowledge(int fd)
{
	return set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
}

int
endpoint_set_reset_on_close(int fd, bool on)
{
	const struct linger linger = { .l_onoff = on, .l_linger = 0 };

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) ==
		       0
		   ? 0
		   : -errno;
}

/* A close(), with or without SO_LINGER, does nothing while another process
 * holds a duplicate; a disconnect is everybody's. */
void
endpoint_reset(int fd)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	int error = endpoint_set_reset_on_close(fd, true);

	(void)error; /* the best that is left where connect() fails */
	(void)connect(fd, &nobody, sizeof(nobody));
}

static bool
has_option(int fd, int option, int wanted)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 &&
	       value == wanted;
}

int
endpoint_peer(int fd, struct endpoint *endpoint_out)
{
	endpoint_out->len = sizeof(endpoint_out->addr);
	if (getpeername(fd, (struct sockaddr *)&endpoint_out->addr,
		&endpoint_out->len) != 0)
		return -errno;
	return 0;
}

int
endpoint_cookie(int fd, uint64_t *cookie_out)
{
	socklen_t len = sizeof(*cookie_out);

	*cookie_out = 0;
	if (!has_option(fd, SO_TYPE, SOCK_STREAM) ||
	    !has_option(fd, SO_PROTOCOL, IPPROTO_TCP) ||
	    (!has_option(fd, SO_DOMAIN, AF_INET) &&
		!has_option(fd, SO_DOMAIN, AF_INET6)))
		return -ESOCKTNOSUPPORT;
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie_out, &len) != 0)
		return -errno;
	return *cookie_out ? 0 : -ENOTSUP;
}

bool
endpoint_is_over(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       info.tcpi_state == TCP_CLOSE;
}
