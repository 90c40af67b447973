/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The caller has seen that it is regular, so reading cannot wait for ever. */
static int
read_all(int fd, uint8_t **bytes_out, size_t *len_out)
{
	size_t cap = 65536, len = 0;
	uint8_t *bytes = xmalloc(cap);
	ssize_t got;

	while ((got = read(fd, bytes + len, cap - len)) > 0) {
		len += (size_t)got;
		if (len == cap && cap < FILE_BYTES_MAX)
			bytes = xrealloc(bytes, cap *= 2);
	}
	if (got < 0 || len == cap) {
		got = got < 0 ? -errno : -EFBIG;
		explicit_bzero(bytes, len);
		free(bytes);
		return (int)got;
	}
	*bytes_out = bytes;
	*len_out = len;
	return 0;
}

int
file_read_whole(const char *path, uint8_t **bytes_out, size_t *len_out)
{
	struct stat status;
	int fd, error;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) != 0)
		error = -errno;
	else if (S_ISDIR(status.st_mode))
		error = -EISDIR;
	else if (!S_ISREG(status.st_mode))
		error = -EINVAL;
	else
		error = read_all(fd, bytes_out, len_out);
	close(fd);
	return error;
}
