/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_line - one event of the log as each kind of reader wants it. Pure.
 *
 * A body is a phrase, then key=value pairs; a value with blanks stands in
 * double quotes and has none inside (log_escape() sees to it).
 *
 *   text     2026-03-01T12:00:00.123Z notice upstream: link up link=2 id=ab
 *   JSON     {"time":"...","level":"notice","source":"upstream",
 *             "source_pid":7,"message":"link up","link":"2","id":"ab"}
 *   syslog   <29>Mar  1 12:00:00 cmanagerd[7]: upstream: link up link=2 id=ab
 *   journal  MESSAGE=upstream: link up link=2 id=ab, PRIORITY=5, CM_LINK=2 ...
 *            (the datagram of systemd's native protocol)
 *
 * Each function fills `out` and returns its length; what does not fit is cut,
 * in JSON whole pairs at a time. What a terminal would obey (printable.h), and
 * what is no UTF-8, becomes a blank; in JSON those beyond ASCII become \uXXXX
 * and what is no UTF-8 U+FFFD. Text and JSON end in a newline.
 */
#ifndef COMMON_BASE_LOG_LINE_H
#define COMMON_BASE_LOG_LINE_H

#include "common/base/log.h"

#include <time.h>

#define LOG_LINE_MAX 4096u /* holds every form of the longest body */
#define LOG_BODY_MAX \
	900u /* with the final NUL; what is longer is cut, with \
		   an ellipsis */

struct log_line {
	struct timespec time; /* UTC */
	enum log_level level;
	const char *process;
	int pid;
	const char *body;
};

/* As it stands in a line: "error", "warning" ... */
const char *log_level_name(enum log_level level);

size_t log_line_text(const struct log_line *line, char out[LOG_LINE_MAX]);
size_t log_line_json(const struct log_line *line, char out[LOG_LINE_MAX]);
size_t log_line_syslog(const struct log_line *line, char out[LOG_LINE_MAX]);
size_t log_line_journal(const struct log_line *line, char out[LOG_LINE_MAX]);

#endif
