/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"

#include "common/base/log_sink.h"
#include "common/base/steady_clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LOG_ESCAPE_INPUT_MAX = 80,
	LOG_ESCAPE_BUFFERS = 4,
};

static char log_process[32] = "cmanagerd";
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

	if (vsnprintf(body, sizeof(body), format, args) < 0)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &line.time);
	log_sink_put(&line);
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

const char *
log_escape(const void *text, size_t len)
{
	static char buffers[LOG_ESCAPE_BUFFERS][4 * LOG_ESCAPE_INPUT_MAX + 4];
	static unsigned turn;
	char *out = buffers[turn++ % LOG_ESCAPE_BUFFERS];
	const uint8_t *bytes = text;
	size_t used = 0;

	for (size_t i = 0; i < MIN(len, (size_t)LOG_ESCAPE_INPUT_MAX); i++) {
		if (bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '\\' &&
		    bytes[i] != '"')
			out[used++] = (char)bytes[i];
		else
			used +=
			    (size_t)sprintf(out + used, "\\x%02x", bytes[i]);
	}
	(void)sprintf(out + used, "%s",
	    len > LOG_ESCAPE_INPUT_MAX ? "..." : "");
	return out;
}
