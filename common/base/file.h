/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file - small files that are read as a whole.
 */
#ifndef COMMON_BASE_FILE_H
#define COMMON_BASE_FILE_H

#include "common/base/base.h"

#define FILE_BYTES_MAX (4u << 20)

/*
 * A regular file's bytes, to be freed by the caller. 0, or -errno: -EISDIR for
 * a directory, -EINVAL for what is no regular file (it is not waited for),
 * -EFBIG for FILE_BYTES_MAX bytes or more. What was read in vain is erased.
 */
MUST_CHECK int file_read_whole(const char *path, uint8_t **bytes_out,
    size_t *len_out);

#endif
