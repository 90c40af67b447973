/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cmctl/usage.h"

#include "master/cmctl/talk.h"

#include <string.h>

/* commands.def is the daemon's; what only cmctl knows stands behind it. */
static const struct {
	const char *words, *arguments, *help;
} commands[] = {
#define COMMAND(words, operation, handler, arguments, help) \
	{ words, arguments, help },
#include "worker/control/commands.def"
#undef COMMAND
	{ "top", "[SECONDS]",
	    "show state, processes, links and sessions again and again" },
};

void
usage_print_options(FILE *out)
{
	fputs("usage: cmctl [-j] [-s SOCKET] COMMAND...\n"
	      "       cmctl [-s SOCKET] top [SECONDS]\n"
	      "       cmctl [COMMAND...] --help\n"
	      "  -j, --json           answer in JSON\n"
	      "  -s, --socket=SOCKET  connect there, not to " SOCKET_PATH "\n"
	      "  -h, --help           print this and the commands, and exit\n"
	      "  -V, --version        print the version and exit\n",
	    out);
}

static void
print_command(size_t at, FILE *out)
{
	fprintf(out, "  %s%s%s\n      %s\n", commands[at].words,
	    commands[at].arguments[0] ? " " : "", commands[at].arguments,
	    commands[at].help);
}

void
usage_print_all(FILE *out)
{
	size_t i;

	usage_print_options(out);
	fputs("\nThe commands are:\n", out);
	for (i = 0; i < ARRAY_LEN(commands); i++)
		print_command(i, out);
	fputs("\ncmctl(1) explains them.\n", out);
}

/* Whether the command has these words first. */
static bool
begins(const char *command, char **words, char **end)
{
	size_t len;

	for (; words < end; words++) {
		len = strlen(*words);
		if (strncmp(command, *words, len) != 0 ||
		    (command[len] != ' ' && command[len] != '\0'))
			return false;
		command += len + (command[len] == ' ');
	}
	return true;
}

int
usage_print_commands(char **words, char **end)
{
	bool found = false;
	size_t i;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		if (!begins(commands[i].words, words, end))
			continue;
		print_command(i, stdout);
		found = true;
	}
	if (found)
		return DONE;
	fprintf(stderr, "cmctl: there is no command");
	for (; words < end; words++)
		fprintf(stderr, " %s", *words);
	fprintf(stderr, "; cmctl --help lists them\n");
	return MISUSED;
}
