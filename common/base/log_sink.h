/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_sink - where this process's log lines go and in which form.
 *
 * One descriptor, which the master opened: children inherit it and get others
 * over the channel, so that they need no path (log rotation, a restarted
 * syslog, a chroot). Until a sink is set it is standard error, as text.
 */
#ifndef COMMON_BASE_LOG_SINK_H
#define COMMON_BASE_LOG_SINK_H

#include "common/base/log_line.h"

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

/* One write(2) or send(2), without waiting for a reader of datagrams; what is
 * not taken is counted, and the count logged before the next line that is. */
void log_sink_put(const struct log_line *line);

/* Warnings and errors also go to standard error as text while somebody there
 * waits for the start; not when they go there anyway. */
void log_sink_echo(bool on);

/* Counts as such a loss: what is wanted was not there from the first. */
void log_sink_miss(void);

/* True once after lines were lost for want of whom to send them to (syslog was
 * restarted): the sink must be opened anew. */
bool log_sink_is_lost(void);

#endif
