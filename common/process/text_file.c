/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/text_file.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int
put(int fd, const char *text)
{
	size_t len = strlen(text) + 1;

	return write(fd, text, len) == (ssize_t)len ? 0 : -EIO;
}

int
text_file_new(const char *const *texts, size_t count)
{
	int fd = memfd_create("cmanager-text", MFD_CLOEXEC);
	int error = fd < 0 ? -errno : 0;
	size_t i;

	for (i = 0; i < count && !error; i++)
		error = put(fd, texts[i]);
	if (error && fd >= 0)
		close(fd);
	return error ? error : fd;
}

void
text_file_read(int fd, size_t count, char **texts_out)
{
	struct stat status;
	size_t size = fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0
			  ? MIN((size_t)status.st_size, TEXT_FILE_MAX)
			  : 0;
	char *bytes = xcalloc(size + count + 1, 1), *end, *at = bytes;
	ssize_t got = size > 0 ? pread(fd, bytes, size, 0) : 0;
	size_t i;

	end = bytes + MAX(got, (ssize_t)0);
	for (i = 0; i < count; i++) {
		texts_out[i] = at;
		at = MIN(at + strlen(at) + 1, end);
	}
}
