/* SPDX-License-Identifier: MIT */
/* In libFuzzer's place where there is none: gives a target the files that are named. */
#include "fuzz.h"

#define FILE_MOST ((size_t)1024 * 1024)

static size_t read_file(const char *path, uint8_t *bytes)
{
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file) {
		perror(path);
		exit(2);
	}
	length = fread(bytes, 1, FILE_MOST, file);
	fclose(file);
	return length;
}

int main(int count, char **paths)
{
	static uint8_t bytes[FILE_MOST];

	for (int i = 1; i < count; i++) {
		size_t length = read_file(paths[i], bytes);

		fprintf(stderr, "%s\n", paths[i]); /* the last one is the one that broke it */
		LLVMFuzzerTestOneInput(bytes, length);
	}
	printf("%d inputs\n", count - 1);
	return 0;
}
