/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - one event, one line: short phrase, then key=value.
 *
 *   error    an operator must act     notice  lifecycle of processes and links
 *   warning  degraded                 info    lifecycle of sessions
 *                                     debug   transitions
 *
 * A line has the time, the level and the process's name (role and number, set
 * once by log_init); how it looks to each kind of reader: log_line.h. Text from
 * a peer is passed through log_escape() and stands in quotes. Never bodies,
 * never credentials. Not for signal handlers.
 */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include "common/base/base.h"

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_NOTICE,
	LOG_INFO,
	LOG_DEBUG,
};

#define LOG_PROCESS_MAX 32u /* of a process's name, with the final NUL */

/* process: "master", "upstream", "worker 3"; copied, cut where it is longer. */
void log_init(const char *process, enum log_level level);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
bool log_is_on(enum log_level level);

/* Sees each error and warning that is logged, too; it may log nothing. */
struct log_line;
void log_set_witness(void (*witness)(const struct log_line *line));

void log_at(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

/*
 * At most `burst` lines a second for each call site; what was left out is
 * logged in a count on the next line that passes.
 */
struct log_limit {
	uint32_t second;
	unsigned passed;
	unsigned suppressed;
};
bool log_limit_pass(struct log_limit *limit, unsigned burst);
#define log_limited(level, burst, ...) \
	do { \
		static struct log_limit log_limit_; \
		if (log_is_on(level) && log_limit_pass(&log_limit_, burst)) \
			log_at(level, __VA_ARGS__); \
	} while (0)

/*
 * Peer text for a line: non-printable bytes, \ and " as \xNN, cut at 80 bytes
 * of input. The result lives in one of four static buffers, used in turn.
 */
const char *log_escape(const void *text, size_t len);
/* The same as long as `cap` bytes hold it, with a NUL; returns how many bytes
 * of the text that are. cap: at least 5. */
size_t log_escape_to(const void *text, size_t len, char *out, size_t cap);

/*
 * Where this process's lines go and in which form: one descriptor, which the
 * master opened. Children inherit it and get others over the channel, so that
 * they need no path (log rotation, a restarted syslog, a chroot). Until a sink
 * is set it is standard error, as text. One write(2) or send(2) a line, without
 * waiting for a reader of datagrams; what is not taken is counted, and the
 * count logged before the next line that is.
 */
enum log_form {
	LOG_FORM_TEXT,
	LOG_FORM_JSON,
	LOG_FORM_SYSLOG,  /* datagrams, RFC 3164 as /dev/log takes them */
	LOG_FORM_JOURNAL, /* datagrams of systemd's native protocol */
};

/* Owns fd from now on; the former one is closed unless it is one of the first
 * three. */
void log_sink_set(int fd, enum log_form form);
int log_sink_fd(void);
enum log_form log_sink_form(void);

/* Warnings and errors also go to standard error as text while somebody there
 * waits for the start; not when they go there anyway. */
void log_sink_echo(bool on);

/* Counts as such a loss: what is wanted was not there from the first. */
void log_sink_miss(void);

/* True once after lines were lost for want of whom to send them to (syslog was
 * restarted): the sink must be opened anew. */
bool log_sink_is_lost(void);

#endif
