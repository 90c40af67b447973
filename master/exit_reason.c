/* SPDX-License-Identifier: Apache-2.0 */
#include "master/exit_reason.h"

#include "common/process/heritage.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

const char *
exit_reason_print(int status, char text_out[EXIT_REASON_MAX])
{
	const char *name;

	if (WIFEXITED(status)) {
		snprintf(text_out, EXIT_REASON_MAX, "exit code=%d",
		    WEXITSTATUS(status));
		return text_out;
	}
	name = sigabbrev_np(WTERMSIG(status));
	snprintf(text_out, EXIT_REASON_MAX, "signal=%s%s", name ? name : "?",
	    WCOREDUMP(status) ? " core=yes" : "");
	return text_out;
}

bool
exit_reason_is_final(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == CHILD_EXIT_CONFIG;
}

bool
exit_reason_is_own_making(int status)
{
	static const int own[] = { SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE,
		SIGSYS, SIGPIPE, SIGTRAP, SIGXCPU, SIGXFSZ };
	size_t i;

	if (WIFEXITED(status))
		return true;
	for (i = 0; i < ARRAY_LEN(own); i++)
		if (WTERMSIG(status) == own[i])
			return true;
	return false;
}
