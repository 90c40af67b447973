/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* ps shows the memory of argv, which environ follows: both are ours to write
 * once the environment has moved elsewhere. */
static char *room;
static size_t room_len;

static void
move_environment(void)
{
	/* For life, wherever environ goes then; in one piece, so that nothing
	 * is lost when a variable is unset. */
	static char **moved;
	size_t count = 0, bytes = 0, i, len;
	char *text;

	for (; environ[count]; count++)
		bytes += strlen(environ[count]) + 1;
	moved = xmalloc((count + 1) * sizeof(*moved) + bytes);
	text = (char *)(moved + count + 1);
	for (i = 0; i < count; i++) {
		len = strlen(environ[i]) + 1;
		moved[i] = memcpy(text, environ[i], len);
		text += len;
	}
	moved[count] = NULL;
	environ = moved;
}

void
title_init(int argc, char **argv)
{
	char *end = argv[0];
	int i;

	for (i = 0; i < argc; i++)
		if (argv[i] == end)
			end += strlen(argv[i]) + 1;
	for (i = 0; environ[i]; i++)
		if (environ[i] == end)
			end += strlen(environ[i]) + 1;
	move_environment();
	room = argv[0];
	room_len = (size_t)(end - room);
}

void
title_show(const char *title)
{
	char text[128];

	snprintf(text, sizeof(text), "cmanagerd: %s", title);
	if (room && room_len >= 2)
		strncpy(room, text, room_len - 1); /* and wipes the rest */
}

void
title_set(const char *format, ...)
{
	char text[100];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	prctl(PR_SET_NAME, text, 0, 0, 0);
	title_show(text);
}
