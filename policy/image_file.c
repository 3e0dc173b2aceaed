/* SPDX-License-Identifier: MIT */
/* The file in which a compiled policy lies. */
#include "image.h"
#include "rules.h"
#include "text.h"
#include "trust.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define SUFFIX	   ".compiled"
#define IMAGE_MOST ((off_t)1 << 30)

bool policy_image_path(const char *policy_path, char *path, size_t size)
{
	struct text text = text_in(path, size);

	text_add(&text, policy_path);
	text_add(&text, SUFFIX);
	return !text.cut;
}

/* Whoever may write a policy may compile it, and nobody else. What is wrong with a compiled one is
 * not said: the text is read instead. */
static bool is_trusted(const struct stat *status, const char *path)
{
	struct policy_problem unsaid;

	return S_ISREG(status->st_mode) && trust_check(status, path, &unsaid) == 0;
}

static bool adopt_file(struct policy *policy, int fd, const char *path)
{
	struct stat status;
	void *bytes;

	if (fstat(fd, &status) != 0 || !is_trusted(&status, path) ||
	    status.st_size < (off_t)IMAGE_PAGE || status.st_size > IMAGE_MOST)
		return false;
	bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return false;
	if (image_adopt(policy, bytes, (size_t)status.st_size))
		return true;
	munmap(bytes, (size_t)status.st_size);
	return false;
}

bool policy_map_image(struct policy *policy)
{
	char *path = arena_take(&policy->arena, PATH_MAX);
	bool adopted = false;
	int cancel, fd;

	if (!path || !policy_image_path(policy->path, path, PATH_MAX))
		return false;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	if (fd >= 0) {
		adopted = adopt_file(policy, fd, path);
		close(fd);
	}
	pthread_setcancelstate(cancel, NULL);
	return adopted;
}
