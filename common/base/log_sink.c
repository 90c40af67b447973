/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log_sink.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	int fd;
	enum log_form form;
	bool lost, echo;
	unsigned dropped; /* lines since the last that was written */
} sink = { .fd = STDERR_FILENO };

void
log_sink_set(int fd, enum log_form form)
{
	if (sink.fd > STDERR_FILENO && sink.fd != fd)
		close(sink.fd);
	sink.fd = fd;
	sink.form = form;
	sink.lost = false;
}

int
log_sink_fd(void)
{
	return sink.fd;
}

enum log_form
log_sink_form(void)
{
	return sink.form;
}

static size_t
render(const struct log_line *line, char out[LOG_LINE_MAX])
{
	switch (sink.form) {
	case LOG_FORM_TEXT:
		break;
	case LOG_FORM_JSON:
		return log_line_json(line, out);
	case LOG_FORM_SYSLOG:
		return log_line_syslog(line, out);
	case LOG_FORM_JOURNAL:
		return log_line_journal(line, out);
	}
	return log_line_text(line, out);
}

static bool
write_out(const struct log_line *line)
{
	char text[LOG_LINE_MAX];
	size_t len = render(line, text);
	bool datagram =
	    sink.form == LOG_FORM_SYSLOG || sink.form == LOG_FORM_JOURNAL;
	ssize_t done;

	if (datagram)
		done = send(sink.fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		done = write(sink.fd, text, len);
	if (done < 0 && datagram && errno != EAGAIN && errno != EMSGSIZE)
		sink.lost = true;
	return done >= 0;
}

static void
echo(const struct log_line *line)
{
	char text[LOG_LINE_MAX];
	size_t len = log_line_text(line, text);

	if (write(STDERR_FILENO, text, len) < 0)
		return;
}

/* A log that cannot be written must not stop the service: what found no room
 * is counted, and the count stands before the next line that does. */
void
log_sink_put(const struct log_line *line)
{
	struct log_line notice = *line;
	char body[64];

	if (sink.dropped > 0) {
		(void)snprintf(body, sizeof(body),
		    "log lines were dropped count=%u", sink.dropped);
		notice.level = LOG_WARNING;
		notice.body = body;
		if (write_out(&notice))
			sink.dropped = 0;
	}
	if (!write_out(line))
		sink.dropped++;
	if (sink.echo && line->level <= LOG_WARNING && sink.fd != STDERR_FILENO)
		echo(line);
}

void
log_sink_echo(bool on)
{
	sink.echo = on;
}

void
log_sink_miss(void)
{
	sink.lost = true;
}

bool
log_sink_is_lost(void)
{
	bool lost = sink.lost;

	sink.lost = false;
	return lost;
}
