/* SPDX-License-Identifier: MIT */
/*
 * POSIX asynchronous input and output: libc's own threads read and write. What they send is not
 * looked into, and what they wait for is not seen: the SYN goes first.
 */
#include "shim/next.h"
#include "shim/socket/release.h"

INTERPOSER int aio_read(struct aiocb *request)
{
	if (sockets_are_live())
		release_for_sharing(request->aio_fildes);
	return next.aio_read(request);
}

INTERPOSER int aio_read64(struct aiocb64 *request)
{
	if (sockets_are_live())
		release_for_sharing(request->aio_fildes);
	return next.aio_read64(request);
}

INTERPOSER int aio_write(struct aiocb *request)
{
	if (sockets_are_live())
		release_for_sharing(request->aio_fildes);
	return next.aio_write(request);
}

INTERPOSER int aio_write64(struct aiocb64 *request)
{
	if (sockets_are_live())
		release_for_sharing(request->aio_fildes);
	return next.aio_write64(request);
}

INTERPOSER int lio_listio(int mode, struct aiocb *const requests[], int count,
			  struct sigevent *event)
{
	if (sockets_are_live())
		for (int i = 0; i < count; i++)
			if (requests[i])
				release_for_sharing(requests[i]->aio_fildes);
	return next.lio_listio(mode, requests, count, event);
}

INTERPOSER int lio_listio64(int mode, struct aiocb64 *const requests[], int count,
			    struct sigevent *event)
{
	if (sockets_are_live())
		for (int i = 0; i < count; i++)
			if (requests[i])
				release_for_sharing(requests[i]->aio_fildes);
	return next.lio_listio64(mode, requests, count, event);
}
