/* SPDX-License-Identifier: MIT */
/*
 * Files read and replaced as a whole: whoever opens the path at any moment gets the old bytes or
 * the new ones, and processes that have the old file mapped keep it.
 */
#ifndef TFO_TOOLS_TFOCTL_FILE_H
#define TFO_TOOLS_TFOCTL_FILE_H

#include <stddef.h>
#include <sys/stat.h>

/* Returns 0 with *bytes (to be freed; a NUL stands behind them), *size and *status, or an errno:
 * EISDIR, EINVAL or EFBIG for what is not a regular file of at most 64 MiB. */
int file_read(const char *path, char **bytes, size_t *size, struct stat *status);

/* Returns 0 or an errno; then nothing has changed. The new file belongs to who makes it. */
int file_replace(const char *path, const void *bytes, size_t size, mode_t mode);

/* The same where there is nothing yet: EEXIST if there is. */
int file_make(const char *path, const void *bytes, size_t size, mode_t mode);

/* As file_replace(); the new file has this owner, group and mode. EPERM if they cannot be kept. */
int file_replace_like(const char *path, const void *bytes, size_t size, const struct stat *like);

#endif
