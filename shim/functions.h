/* SPDX-License-Identifier: MIT */
/*
 * Every interposed function, once. The lists yield the prototypes and the resolver (next.h, next.c)
 * and the version script of the shared object (exports.map.in), so that none can be forgotten.
 * Nothing but macros may stand here: the preprocessor alone makes the version script from it.
 *
 * X(result, name, parameters, arguments)
 */
#ifndef TFO_SHIM_FUNCTIONS_H
#define TFO_SHIM_FUNCTIONS_H

/* Functions that return a number: where the libc lacks one, -1 and ENOSYS. */
#define FUNCTIONS_OF_NUMBERS(X)                                                                    \
	/* connect */                                                                              \
	X(int, connect, (int fd, const struct sockaddr *address, socklen_t length),                \
	  (fd, address, length))                                                                   \
	X(int, socket, (int domain, int type, int protocol), (domain, type, protocol))             \
	/* transmit */                                                                             \
	X(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))             \
	X(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))     \
	X(ssize_t, pwritev2,                                                                       \
	  (int fd, const struct iovec *parts, int count, off_t offset, int flags),                 \
	  (fd, parts, count, offset, flags))                                                       \
	X(ssize_t, pwritev64v2,                                                                    \
	  (int fd, const struct iovec *parts, int count, off64_t offset, int flags),               \
	  (fd, parts, count, offset, flags))                                                       \
	X(ssize_t, send, (int fd, const void *bytes, size_t size, int flags),                      \
	  (fd, bytes, size, flags))                                                                \
	X(ssize_t, sendto,                                                                         \
	  (int fd, const void *bytes, size_t size, int flags, const struct sockaddr *to,           \
	   socklen_t length),                                                                      \
	  (fd, bytes, size, flags, to, length))                                                    \
	X(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags),                     \
	  (fd, message, flags))                                                                    \
	X(int, sendmmsg, (int fd, struct mmsghdr *messages, unsigned int count, int flags),        \
	  (fd, messages, count, flags))                                                            \
	X(ssize_t, sendfile, (int out, int in, off_t *offset, size_t size),                        \
	  (out, in, offset, size))                                                                 \
	X(ssize_t, sendfile64, (int out, int in, off64_t *offset, size_t size),                    \
	  (out, in, offset, size))                                                                 \
	X(ssize_t, splice,                                                                         \
	  (int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size,                  \
	   unsigned int flags),                                                                    \
	  (in, in_offset, out, out_offset, size, flags))                                           \
	X(int, vdprintf, (int fd, const char *format, va_list arguments), (fd, format, arguments)) \
	X(int, __vdprintf_chk, (int fd, int flag, const char *format, va_list arguments),          \
	  (fd, flag, format, arguments))                                                           \
	/* receive */                                                                              \
	X(ssize_t, read, (int fd, void *bytes, size_t size), (fd, bytes, size))                    \
	X(ssize_t, readv, (int fd, const struct iovec *parts, int count), (fd, parts, count))      \
	X(ssize_t, preadv2,                                                                        \
	  (int fd, const struct iovec *parts, int count, off_t offset, int flags),                 \
	  (fd, parts, count, offset, flags))                                                       \
	X(ssize_t, preadv64v2,                                                                     \
	  (int fd, const struct iovec *parts, int count, off64_t offset, int flags),               \
	  (fd, parts, count, offset, flags))                                                       \
	X(ssize_t, recv, (int fd, void *bytes, size_t size, int flags), (fd, bytes, size, flags))  \
	X(ssize_t, recvfrom,                                                                       \
	  (int fd, void *bytes, size_t size, int flags, struct sockaddr *from, socklen_t *length), \
	  (fd, bytes, size, flags, from, length))                                                  \
	X(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))     \
	X(int, recvmmsg,                                                                           \
	  (int fd, struct mmsghdr *messages, unsigned int count, int flags,                        \
	   struct timespec *timeout),                                                              \
	  (fd, messages, count, flags, timeout))                                                   \
	X(ssize_t, __read_chk, (int fd, void *bytes, size_t size, size_t room),                    \
	  (fd, bytes, size, room))                                                                 \
	X(ssize_t, __recv_chk, (int fd, void *bytes, size_t size, size_t room, int flags),         \
	  (fd, bytes, size, room, flags))                                                          \
	X(ssize_t, __recvfrom_chk,                                                                 \
	  (int fd, void *bytes, size_t size, size_t room, int flags, struct sockaddr *from,        \
	   socklen_t *length),                                                                     \
	  (fd, bytes, size, room, flags, from, length))                                            \
	/* wait */                                                                                 \
	X(int, poll, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))      \
	X(int, ppoll,                                                                              \
	  (struct pollfd * fds, nfds_t count, const struct timespec *timeout,                      \
	   const sigset_t *mask),                                                                  \
	  (fds, count, timeout, mask))                                                             \
	X(int, __poll_chk, (struct pollfd * fds, nfds_t count, int timeout, size_t room),          \
	  (fds, count, timeout, room))                                                             \
	X(int, __ppoll_chk,                                                                        \
	  (struct pollfd * fds, nfds_t count, const struct timespec *timeout,                      \
	   const sigset_t *mask, size_t room),                                                     \
	  (fds, count, timeout, mask, room))                                                       \
	X(int, select,                                                                             \
	  (int count, fd_set *readable, fd_set *writable, fd_set *exceptional,                     \
	   struct timeval *timeout),                                                               \
	  (count, readable, writable, exceptional, timeout))                                       \
	X(int, pselect,                                                                            \
	  (int count, fd_set *readable, fd_set *writable, fd_set *exceptional,                     \
	   const struct timespec *timeout, const sigset_t *mask),                                  \
	  (count, readable, writable, exceptional, timeout, mask))                                 \
	X(int, epoll_wait, (int epoll, struct epoll_event *events, int most, int timeout),         \
	  (epoll, events, most, timeout))                                                          \
	X(int, epoll_pwait,                                                                        \
	  (int epoll, struct epoll_event *events, int most, int timeout, const sigset_t *mask),    \
	  (epoll, events, most, timeout, mask))                                                    \
	X(int, epoll_pwait2,                                                                       \
	  (int epoll, struct epoll_event *events, int most, const struct timespec *timeout,        \
	   const sigset_t *mask),                                                                  \
	  (epoll, events, most, timeout, mask))                                                    \
	X(int, epoll_ctl, (int epoll, int operation, int fd, struct epoll_event *event),           \
	  (epoll, operation, fd, event))                                                           \
	/* duplicate */                                                                            \
	X(int, dup, (int fd), (fd))                                                                \
	X(int, dup2, (int fd, int target), (fd, target))                                           \
	X(int, dup3, (int fd, int target, int flags), (fd, target, flags))                         \
	X(pid_t, fork, (void), ())                                                                 \
	X(pid_t, _Fork, (void), ())                                                                \
	X(int, execve, (const char *path, char *const arguments[], char *const environment[]),     \
	  (path, arguments, environment))                                                          \
	X(int, execv, (const char *path, char *const arguments[]), (path, arguments))              \
	X(int, execvp, (const char *file, char *const arguments[]), (file, arguments))             \
	X(int, execvpe, (const char *file, char *const arguments[], char *const environment[]),    \
	  (file, arguments, environment))                                                          \
	X(int, fexecve, (int fd, char *const arguments[], char *const environment[]),              \
	  (fd, arguments, environment))                                                            \
	X(int, execveat,                                                                           \
	  (int directory, const char *path, char *const arguments[], char *const environment[],    \
	   int flags),                                                                             \
	  (directory, path, arguments, environment, flags))                                        \
	X(int, posix_spawn,                                                                        \
	  (pid_t * pid, const char *path, const posix_spawn_file_actions_t *actions,               \
	   const posix_spawnattr_t *attributes, char *const arguments[],                           \
	   char *const environment[]),                                                             \
	  (pid, path, actions, attributes, arguments, environment))                                \
	X(int, posix_spawnp,                                                                       \
	  (pid_t * pid, const char *file, const posix_spawn_file_actions_t *actions,               \
	   const posix_spawnattr_t *attributes, char *const arguments[],                           \
	   char *const environment[]),                                                             \
	  (pid, file, actions, attributes, arguments, environment))                                \
	X(int, unshare, (int flags), (flags))                                                      \
	X(int, setns, (int fd, int type), (fd, type))                                              \
	X(int, system, (const char *command), (command))                                           \
	/* finish */                                                                               \
	X(int, close, (int fd), (fd))                                                              \
	X(int, close_range, (unsigned int first, unsigned int last, int flags),                    \
	  (first, last, flags))                                                                    \
	X(int, fclose, (FILE * stream), (stream))                                                  \
	X(int, login_tty, (int fd), (fd))                                                          \
	X(int, shutdown, (int fd, int how), (fd, how))                                             \
	/* query */                                                                                \
	X(int, getpeername, (int fd, struct sockaddr *address, socklen_t *length),                 \
	  (fd, address, length))                                                                   \
	X(int, getsockname, (int fd, struct sockaddr *address, socklen_t *length),                 \
	  (fd, address, length))                                                                   \
	X(int, getsockopt, (int fd, int level, int option, void *value, socklen_t *length),        \
	  (fd, level, option, value, length))                                                      \
	X(int, bind, (int fd, const struct sockaddr *address, socklen_t length),                   \
	  (fd, address, length))                                                                   \
	X(int, setsockopt, (int fd, int level, int option, const void *value, socklen_t length),   \
	  (fd, level, option, value, length))                                                      \
	/* listen */                                                                               \
	X(int, listen, (int fd, int backlog), (fd, backlog))                                       \
	X(int, accept, (int fd, struct sockaddr *address, socklen_t *length),                      \
	  (fd, address, length))                                                                   \
	X(int, accept4, (int fd, struct sockaddr *address, socklen_t *length, int flags),          \
	  (fd, address, length, flags))                                                            \
	/* names */                                                                                \
	X(int, getaddrinfo,                                                                        \
	  (const char *node, const char *service, const struct addrinfo *hints,                    \
	   struct addrinfo **found),                                                               \
	  (node, service, hints, found))                                                           \
	X(int, gai_error, (struct gaicb * request), (request))                                     \
	X(int, gethostbyname_r,                                                                    \
	  (const char *name, struct hostent *entry, char *buffer, size_t size,                     \
	   struct hostent **found, int *error),                                                    \
	  (name, entry, buffer, size, found, error))                                               \
	X(int, gethostbyname2_r,                                                                   \
	  (const char *name, int family, struct hostent *entry, char *buffer, size_t size,         \
	   struct hostent **found, int *error),                                                    \
	  (name, family, entry, buffer, size, found, error))

/* The same of functions that few programs call, or few libcs have, and that nobody may call in a
 * signal handler: each is looked up when it is called for the first time. */
#define FUNCTIONS_AT_LEISURE(X)                                                                    \
	X(int, aio_read, (struct aiocb * request), (request))                                      \
	X(int, aio_read64, (struct aiocb64 * request), (request))                                  \
	X(int, aio_write, (struct aiocb * request), (request))                                     \
	X(int, aio_write64, (struct aiocb64 * request), (request))                                 \
	X(int, lio_listio,                                                                         \
	  (int mode, struct aiocb *const requests[], int count, struct sigevent *event),           \
	  (mode, requests, count, event))                                                          \
	X(int, lio_listio64,                                                                       \
	  (int mode, struct aiocb64 *const requests[], int count, struct sigevent *event),         \
	  (mode, requests, count, event))                                                          \
	X(pid_t, forkpty,                                                                          \
	  (int *terminal, char *name, const struct termios *attributes,                            \
	   const struct winsize *size),                                                            \
	  (terminal, name, attributes, size))                                                      \
	X(int, daemon, (int keep_directory, int keep_streams), (keep_directory, keep_streams))     \
	X(int, pidfd_spawn,                                                                        \
	  (int *pidfd, const char *path, const posix_spawn_file_actions_t *actions,                \
	   const posix_spawnattr_t *attributes, char *const arguments[],                           \
	   char *const environment[]),                                                             \
	  (pidfd, path, actions, attributes, arguments, environment))                              \
	X(int, pidfd_spawnp,                                                                       \
	  (int *pidfd, const char *file, const posix_spawn_file_actions_t *actions,                \
	   const posix_spawnattr_t *attributes, char *const arguments[],                           \
	   char *const environment[]),                                                             \
	  (pidfd, file, actions, attributes, arguments, environment))                              \
	X(int, wordexp, (const char *text, wordexp_t *words, int flags), (text, words, flags))

/* Functions that return something else; every libc has them. */
#define FUNCTIONS_OF_OTHERS(X)                                                                     \
	X(FILE *, fdopen, (int fd, const char *mode), (fd, mode))                                  \
	X(FILE *, popen, (const char *command, const char *type), (command, type))                 \
	X(FILE *, freopen, (const char *path, const char *mode, FILE *stream),                     \
	  (path, mode, stream))                                                                    \
	X(FILE *, freopen64, (const char *path, const char *mode, FILE *stream),                   \
	  (path, mode, stream))                                                                    \
	X(void, backtrace_symbols_fd, (void *const *frames, int count, int fd),                    \
	  (frames, count, fd))                                                                     \
	X(void, closefrom, (int first), (first))                                                   \
	X(void, _exit, (int status), (status))                                                     \
	X(void, _Exit, (int status), (status))                                                     \
	X(void, abort, (void), ())                                                                 \
	X(void, pthread_exit, (void *result), (result))                                            \
	X(void, thrd_exit, (int result), (result))                                                 \
	X(struct hostent *, gethostbyname, (const char *name), (name))                             \
	X(struct hostent *, gethostbyname2, (const char *name, int family), (name, family))

/* Variadic functions whose arguments are all words: forwarded as that many words. */
#define FUNCTIONS_OF_WORDS(X)                                                                      \
	X(int, fcntl, (int fd, int command, long argument), (fd, command, argument))               \
	X(int, fcntl64, (int fd, int command, long argument), (fd, command, argument))             \
	X(int, ioctl, (int fd, unsigned long request, long argument), (fd, request, argument))     \
	X(int, clone,                                                                              \
	  (int (*run)(void *), void *stack, int flags, void *argument, long parent, long tls,      \
	   long child),                                                                            \
	  (run, stack, flags, argument, parent, tls, child))                                       \
	X(long, syscall, (long number, long a, long b, long c, long d, long e, long f),            \
	  (number, a, b, c, d, e, f))

/* Defined in terms of the functions above, so they have no next of their own. */
#define FUNCTIONS_BY_OTHER_MEANS(X)                                                                \
	X(execl)                                                                                   \
	X(execle)                                                                                  \
	X(execlp)                                                                                  \
	X(vfork)                                                                                   \
	X(__vfork)                                                                                 \
	X(dprintf)                                                                                 \
	X(__dprintf_chk)

/* Other names that libc and compilers give to functions above: A(alias, function). */
#define FUNCTION_ALIASES(A)                                                                        \
	A(__connect, connect)                                                                      \
	A(__write, write)                                                                          \
	A(__send, send)                                                                            \
	A(__sendmmsg, sendmmsg)                                                                    \
	A(__read, read)                                                                            \
	A(__recv, recv)                                                                            \
	A(__poll, poll)                                                                            \
	A(__select, select)                                                                        \
	A(__dup2, dup2)                                                                            \
	A(__close, close)                                                                          \
	A(__fcntl, fcntl)                                                                          \
	A(__backtrace_symbols_fd, backtrace_symbols_fd)                                            \
	A(__fork, fork)                                                                            \
	A(__clone, clone)                                                                          \
	A(_IO_fclose, fclose)                                                                      \
	A(_IO_fdopen, fdopen)                                                                      \
	A(_IO_popen, popen)

#endif
