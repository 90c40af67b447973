/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cmctl/talk.h"

#include "common/base/unix_address.h"
#include "master/cmctl/printed.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int
connect_to(const char *path)
{
	struct sockaddr_un address;
	int fd, error = unix_address(path, &address);

	if (error)
		return error;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

FILE *
talk_reach(const char *path)
{
	int fd = connect_to(path);

	if (fd >= 0)
		return fdopen(fd, "r+");
	fprintf(stderr, "cmctl: cannot reach %s: %s\n", path, strerror(-fd));
	return NULL;
}

/* In quotes whatever they hold. */
void
talk_send(FILE *daemon, const char *const *words)
{
	const char *at;

	for (; *words; words++) {
		fputs(" \"", daemon);
		for (at = *words; *at; at++) {
			if (*at == '"' || *at == '\\')
				fputc('\\', daemon);
			fputc(*at, daemon);
		}
		fputc('"', daemon);
	}
	fputc('\n', daemon);
	fflush(daemon);
}

/* --- answers --- */

static int
fail(const struct talk_listener *listener, int code, const char *why)
{
	if (listener->on_failure)
		listener->on_failure(listener->context, why);
	else
		fprintf(stderr, "cmctl: %s\n", why);
	return code;
}

static int
refuse(const struct talk_listener *listener, const json_t *why)
{
	struct buf line;

	buf_init(&line, 0);
	(void)printed_value(&line, why);
	buf_append_char(&line, '\0');
	(void)fail(listener, REFUSED, (const char *)buf_bytes(&line));
	buf_destroy(&line);
	return REFUSED;
}

/* An exit code when it was the last line, or -1. */
static int
hear_object(const struct talk_listener *listener, json_t *object,
    const char *line)
{
	const json_t *error = json_object_get(object, "error");
	const char *message =
	    json_string_value(json_object_get(object, "message"));

	if (json_is_true(json_object_get(object, "ok"))) {
		if (message && listener->on_message)
			listener->on_message(listener->context, message);
		return DONE;
	}
	if (error)
		return refuse(listener, error);
	if (json_object_get(object, "columns")) {
		if (listener->on_list)
			listener->on_list(listener->context, object);
	} else if (listener->on_object) {
		listener->on_object(listener->context, object, line);
	}
	return -1;
}

static int
hear(const struct talk_listener *listener, const char *line)
{
	json_t *object;
	int code;

	if (line[0] != '{') {
		if (listener->on_text)
			listener->on_text(listener->context, line);
		return -1;
	}
	object = json_loads(line, JSON_ALLOW_NUL, NULL);
	if (!object)
		return fail(listener, UNREACHABLE, "the answer cannot be read");
	code = hear_object(listener, object, line);
	json_decref(object);
	return code;
}

/* What is written is lost; who reads no more wants no more. */
static int
stop(const struct talk_listener *listener, int error)
{
	char why[128];

	if (error == EPIPE)
		return DONE;
	snprintf(why, sizeof(why), "cannot write the answer: %s",
	    strerror(error));
	return fail(listener, REFUSED, why);
}

int
talk_receive(FILE *daemon, const struct talk_listener *listener)
{
	static char *line;
	static size_t room;
	int code;

	while (getline(&line, &room, daemon) > 0) {
		code = hear(listener, line);
		if (code >= 0)
			return code;
		if (ferror(stdout)) /* what cannot be written is not read */
			return stop(listener, errno);
	}
	return fail(listener, UNREACHABLE, "the connection was lost");
}
