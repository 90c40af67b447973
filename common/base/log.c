/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"

#include "common/base/log_line.h"
#include "common/base/steady_clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	LOG_ESCAPE_INPUT_MAX = 80,
	LOG_ESCAPE_BUFFERS = 4,
};

/* --- where lines go --- */

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
static void
sink_put(const struct log_line *line)
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

/* --- lines --- */

static char log_process[LOG_PROCESS_MAX] = "cmanagerd";
static enum log_level log_threshold = LOG_NOTICE;
static void (*log_witness)(const struct log_line *line);

void
log_init(const char *process, enum log_level level)
{
	(void)snprintf(log_process, sizeof(log_process), "%s", process);
	log_threshold = level;
}

void
log_set_witness(void (*witness)(const struct log_line *line))
{
	log_witness = witness;
}

void
log_set_level(enum log_level level)
{
	log_threshold = level;
}

enum log_level
log_get_level(void)
{
	return log_threshold;
}

bool
log_is_on(enum log_level level)
{
	return level <= log_threshold;
}

/* What did not fit is seen to be cut: between two characters, and a value that
 * stands in quotes still does. */
static void
mark_cut(char body[LOG_BODY_MAX])
{
	size_t len = LOG_BODY_MAX - sizeof("...\""), i;
	bool quoted = false;

	while (len > 0 && ((unsigned char)body[len] & 0xc0) == 0x80)
		len--;
	for (i = 0; i < len; i++)
		if (body[i] == '"')
			quoted = !quoted;
	memcpy(body + len, quoted ? "...\"" : "...", quoted ? 5 : 4);
}

PRINTF_LIKE(2, 0)
static void
log_write(enum log_level level, const char *format, va_list args)
{
	char body[LOG_BODY_MAX];
	struct log_line line = {
		.level = level,
		.process = log_process,
		.pid = (int)getpid(),
		.body = body,
	};

	int len = vsnprintf(body, sizeof(body), format, args);

	if (len < 0)
		return;
	if ((size_t)len >= sizeof(body))
		mark_cut(body);
	(void)clock_gettime(CLOCK_REALTIME, &line.time);
	sink_put(&line);
	if (log_witness && level <= LOG_WARNING)
		log_witness(&line);
}

void
log_at(enum log_level level, const char *format, ...)
{
	va_list args;

	if (!log_is_on(level))
		return;
	va_start(args, format);
	log_write(level, format, args);
	va_end(args);
}

bool
log_limit_pass(struct log_limit *limit, unsigned burst)
{
	uint32_t now_s = steady_clock_coarse_s();

	if (limit->second != now_s) {
		unsigned suppressed = limit->suppressed;

		*limit = (struct log_limit){ .second = now_s };
		if (suppressed > 0)
			log_at(LOG_NOTICE,
			    "lines like the next were suppressed "
			    "count=%u",
			    suppressed);
	}
	if (limit->passed >= burst) {
		limit->suppressed++;
		return false;
	}
	limit->passed++;
	return true;
}

size_t
log_escape_to(const void *text, size_t len, char *out, size_t cap)
{
	const uint8_t *bytes = text;
	size_t used = 0, i;

	for (i = 0; i < len && used + sizeof("\\xNN") <= cap; i++)
		if (bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '\\' &&
		    bytes[i] != '"')
			out[used++] = (char)bytes[i];
		else
			used +=
			    (size_t)sprintf(out + used, "\\x%02x", bytes[i]);
	out[used] = '\0';
	return i;
}

const char *
log_escape(const void *text, size_t len)
{
	static char buffers[LOG_ESCAPE_BUFFERS][4 * LOG_ESCAPE_INPUT_MAX + 8];
	static unsigned turn;
	char *out = buffers[turn++ % LOG_ESCAPE_BUFFERS];

	(void)log_escape_to(text, MIN(len, (size_t)LOG_ESCAPE_INPUT_MAX), out,
	    sizeof(buffers[0]));
	if (len > LOG_ESCAPE_INPUT_MAX)
		memcpy(out + strlen(out), "...", sizeof("..."));
	return out;
}
