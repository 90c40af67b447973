/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_bytes - files of the ledger as tests write them, byte by byte, and not
 * by the code that is tested.
 */
#ifndef TESTS_UNIT_SHM_LEDGER_BYTES_H
#define TESTS_UNIT_SHM_LEDGER_BYTES_H

#include "common/base/base.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define LEDGER_1_BYTES(rows) (4096u + 16u * (rows))

/* A file of version 1 with no session open. */
static inline void
ledger_1_write(uint8_t *bytes, const char *name, uint32_t rows)
{
	uint32_t version = 1;

	memset(bytes, 0, LEDGER_1_BYTES(rows));
	memcpy(bytes, "cmledger", 8);
	memcpy(bytes + 8, &version, 4);
	memcpy(bytes + 12, &rows, 4);
	memcpy(bytes + 16, name, strlen(name));
}

static inline void
ledger_1_claim(uint8_t *bytes, uint32_t row, uint8_t nonce, uint32_t generation)
{
	uint8_t *at = bytes + 4096 + (size_t)16 * row;

	memset(at, nonce, 10);
	memcpy(at + 12, &generation, 4);
}

static inline void
ledger_1_end(uint8_t *bytes, uint32_t row, uint16_t generation)
{
	memcpy(bytes + 4096 + (size_t)16 * row + 10, &generation, 2);
}

static inline void
ledger_1_process(uint8_t *bytes, uint32_t number, uint32_t pid, uint64_t ticks)
{
	uint8_t *at = bytes + 88 + (size_t)16 * number;

	memcpy(at, &ticks, 8);
	memcpy(at + 8, &pid, 4);
}

static inline void
ledger_bytes_save(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "we");
	bool done = file && fwrite(bytes, 1, len, file) == len;

	done = file && fclose(file) == 0 && done;
	ck_assert_msg(done, "%s should be written whole", path);
}

#endif
