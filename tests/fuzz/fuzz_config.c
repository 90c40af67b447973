/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as manager.xml: taken or refused, and what is taken can be printed.
 */
#include "common/process/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct config *config;
	char *text;
	size_t text_len;
	FILE *out = open_memstream(&text, &text_len);

	if (config_parse("/nowhere/manager.xml", bytes, len, out, &config) == 0)
		config_print(config, out);
	config_free(&config);
	fclose(out);
	free(text);
	return 0;
}
