/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_file - texts that go with a message of the channel, in a memfd: each
 * ends with a NUL.
 */
#ifndef COMMON_PROCESS_TEXT_FILE_H
#define COMMON_PROCESS_TEXT_FILE_H

#include "common/base/base.h"

#define TEXT_FILE_MAX 1048576u /* bytes; the rest is cut */

/* The caller's descriptor, or -errno. */
MUST_CHECK int text_file_new(const char *const *texts, size_t count);

/* Reads so many texts, the caller's to free as texts_out[0]; "" for those that
 * are not there. fd stays the caller's. Accepts any file. */
void text_file_read(int fd, size_t count, char **texts_out);

#endif
