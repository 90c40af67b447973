/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cmctl/talk.h"

#include "common/base/unix_address.h"

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
talk_send(FILE *daemon, bool json, const char *const *words)
{
	const char *at;

	if (json)
		fputs("json", daemon);
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

/* The last line shows how it went; until it is there, each may be it. */
int
talk_receive(FILE *daemon, void (*fn)(void *context, const char *line),
    void *context)
{
	static char *line;
	static size_t room;

	while (getline(&line, &room, daemon) > 0) {
		if (strcmp(line, "ok\n") == 0)
			return DONE;
		if (strncmp(line, "error: ", 7) == 0) {
			fprintf(stderr, "cmctl: %s", line + 7);
			return REFUSED;
		}
		fn(context, line);
		if (ferror(stdout))
			return DONE; /* nobody reads on */
	}
	fprintf(stderr, "cmctl: the connection was lost\n");
	return UNREACHABLE;
}

size_t
talk_fit(const char *line, size_t columns)
{
	size_t at;

	for (at = 0; line[at] && line[at] != '\n'; at++) {
		bool begins = ((unsigned char)line[at] & 0xc0) != 0x80;

		if (begins && columns == 0)
			break;
		columns -= begins;
	}
	return at;
}
