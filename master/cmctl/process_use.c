/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cmctl/process_use.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of /proc/PID/stat, as proc(5) counts its fields. */
enum { FIELD_STATE = 3, FIELD_USER = 14, FIELD_KERNEL, FIELD_PAGES = 24 };

/* The second is a name in brackets that may hold anything. */
static bool
parse(char *text, struct process_use *use_out)
{
	uint64_t fields[FIELD_PAGES + 1] = { 0 };
	char *word, *rest = strrchr(text, ')');
	int i;

	if (!rest)
		return false;
	rest++;
	for (i = FIELD_STATE; i <= FIELD_PAGES; i++) {
		word = strtok_r(NULL, " ", &rest);
		if (!word)
			return false;
		fields[i] = strtoull(word, NULL, 10);
	}
	use_out->processor_s =
	    (double)(fields[FIELD_USER] + fields[FIELD_KERNEL]) /
	    (double)sysconf(_SC_CLK_TCK);
	use_out->memory_bytes =
	    fields[FIELD_PAGES] * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

bool
process_use_read(uint32_t pid, struct process_use *use_out)
{
	char path[64], text[1024];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	return parse(text, use_out);
}

bool
process_use_is_here(int socket, uint32_t listener)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       peer.pid > 0 && (uint32_t)peer.pid == listener;
}
