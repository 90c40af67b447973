/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target once over every file of the directories named, for
 * compilers without libFuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes;
	long len;

	if (file == NULL)
		return;
	(void)fseek(file, 0, SEEK_END);
	len = ftell(file);
	rewind(file);
	bytes = malloc((size_t)len + 1);
	if (bytes != NULL && fread(bytes, 1, (size_t)len, file) == (size_t)len)
		(void)LLVMFuzzerTestOneInput(bytes, (size_t)len);
	free(bytes);
	(void)fclose(file);
}

int
main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++) {
		DIR *directory = opendir(argv[i]);
		struct dirent *entry;

		while (directory != NULL &&
		       (entry = readdir(directory)) != NULL) {
			char path[4096];

			if (entry->d_name[0] == '.')
				continue;
			(void)snprintf(path, sizeof(path), "%s/%s", argv[i],
			    entry->d_name);
			run_file(path);
			count++;
		}
		if (directory != NULL)
			(void)closedir(directory);
	}
	(void)printf("%u inputs\n", count);
	return count == 0;
}
