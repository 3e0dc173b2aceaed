/* SPDX-License-Identifier: MIT */
/* The kernel's hold and the user's. Knows nothing of policy, memory or deadlines. */
#include "shim/socket/holds.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "shim/clock.h"
#include "shim/next.h"
#include "shim/settings.h"

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30 /* linux/tcp.h, Linux 4.11 */
#endif

/* How long the client bit of net.ipv4.tcp_fastopen is taken to be off once it was found so. */
#define CLIENT_BIT_OFF_NS (1 * NS_PER_S)

static const char CLIENT_BIT_IS_OFF[] = "plain: the client bit of net.ipv4.tcp_fastopen is off";

static const struct hold kernel_hold, user_hold;

/* Set for good when the kernel turns out to have no TCP_FASTOPEN_CONNECT. */
static _Atomic(bool) kernel_has_none;

static int option_of(int fd, int level, int name)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return next.getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
}

static _Atomic(bool) program_sets_own;

void hold_program_sets_own(void)
{
	atomic_store(&program_sets_own, true);
}

/* The kernel may make MPTCP of TCP (BPF's update_socket_protocol): one socket is asked for all,
 * since it does the same for all of a process. The user's hold would send to whatever it is. */
static bool is_tcp(int fd)
{
	static _Atomic(bool) tcp_is_tcp;
	bool known = table_is_tcp(fd) && hold_in_use() == &kernel_hold;

	if (known && atomic_load_explicit(&tcp_is_tcp, memory_order_relaxed))
		return true;
	if (option_of(fd, SOL_SOCKET, SO_PROTOCOL) != IPPROTO_TCP)
		return false;
	if (known)
		atomic_store_explicit(&tcp_is_tcp, true, memory_order_relaxed);
	return true;
}

bool hold_is_possible(int fd)
{
	if (!is_tcp(fd))
		return false;
	return !atomic_load_explicit(&program_sets_own, memory_order_relaxed) ||
	       (option_of(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT) <= 0 &&
		option_of(fd, IPPROTO_TCP, TCP_REPAIR) <= 0);
}

static int connect_really(int fd, const struct tracked *facts)
{
	return next.connect(fd, &facts->address.any, facts->address_length);
}

/* ---- the kernel's ---- */

static bool set_fastopen_connect(int fd, int on)
{
	return next.setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)) == 0;
}

/* In the kernel's hold there is no peer yet, although connect() said 0. */
static bool kernel_holds(int fd)
{
	union socket_address peer;
	socklen_t length = sizeof(peer);

	return next.getpeername(fd, &peer.any, &length) != 0 && errno == ENOTCONN;
}

/* To a socket that does not block the kernel says 0 in no other case; a library that connects
 * elsewhere (a proxy) may. */
static bool is_held_if_0(const struct tracked *facts)
{
	return !facts->blocking && next_connect_is_libcs;
}

static struct attempt leave_alone(int fd, const struct tracked *facts, const char *why)
{
	return (struct attempt){ATTEMPT_LEFT_ALONE, connect_really(fd, facts), why};
}

static struct attempt connect_unarmed(int fd, const struct tracked *facts)
{
	int refusal = errno;

	if (refusal == ENOPROTOOPT && !settings.hold &&
	    option_of(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP) {
		atomic_store(&kernel_has_none, true);
		return user_hold.connect(fd, facts);
	}
	return leave_alone(fd, facts,
			   refusal == EOPNOTSUPP
				   ? CLIENT_BIT_IS_OFF
				   : "plain: the kernel refuses TCP_FASTOPEN_CONNECT");
}

/* A socket that was connected before and dissolved (AF_UNSPEC) has an ECONNRESET to tell. A SYN
 * takes it away; a held one must not let the program see it. */
static void forget_old_error(int fd)
{
	if (!table_is_tcp(fd) || table_is_shared(fd))
		option_of(fd, SOL_SOCKET, SO_ERROR);
}

static struct attempt connect_in_kernel(int fd, const struct tracked *facts)
{
	struct attempt asked = {ATTEMPT_ASKED, 0, "plain: no cookie yet, asked for one"};
	int saved = errno;

	if (!set_fastopen_connect(fd, 1)) {
		struct attempt unarmed = connect_unarmed(fd, facts);

		errno = unarmed.result == 0 ? saved : errno;
		return unarmed;
	}
	asked.result = connect_really(fd, facts);
	saved = asked.result == 0 ? saved : errno;
	if (asked.result == 0 && (is_held_if_0(facts) || kernel_holds(fd))) {
		asked.came_to = ATTEMPT_HELD;
		forget_old_error(fd);
	}
	errno = saved;
	return asked;
}

/* The kernel says EINPROGRESS to a zero-length send, and has sent the SYN. */
static int release_in_kernel(int fd, const struct tracked *facts)
{
	(void)facts;
	return next.send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == 0 || errno == EINPROGRESS ? 0
											      : -1;
}

/* The kernel knows where to. */
static ssize_t emit_in_kernel(int fd, const struct tracked *facts, const void *bytes, size_t size,
			      int flags)
{
	(void)facts;
	return next.sendto(fd, bytes, size, flags | MSG_FASTOPEN, NULL, 0);
}

/* ---- the user's ---- */

static _Atomic(uint64_t) client_bit_was_off_ns;

static bool client_bit_is_off(void)
{
	uint64_t off_ns = atomic_load(&client_bit_was_off_ns);

	return off_ns && clock_now_ns() - off_ns < CLIENT_BIT_OFF_NS;
}

void hold_found_client_bit_off(void)
{
	atomic_store(&client_bit_was_off_ns, clock_now_ns());
}

/* Neither connected nor listening nor bound, nor with the error of an earlier connect() still to be
 * told: all of these have a port. */
static bool is_fresh(int fd)
{
	union socket_address name = {0};
	socklen_t length = sizeof(name);

	return next.getsockname(fd, &name.any, &length) == 0 && name.ip4.sin_port == 0;
}

/* What connect(2) refuses on sight. */
static bool is_fitting(int fd, const struct tracked *facts)
{
	const union socket_address *address = &facts->address;

	if (option_of(fd, SOL_SOCKET, SO_DOMAIN) != address->any.sa_family)
		return false;
	if (address->any.sa_family == AF_INET)
		return facts->address_length >= sizeof(address->ip4);
	return facts->address_length >= sizeof(address->ip6) &&
	       !(IN6_IS_ADDR_V4MAPPED(&address->ip6.sin6_addr) &&
		 option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY));
}

/* The route may depend on these, which has_route() does not know of. */
static bool is_routed_by_itself(int fd)
{
	char device[IFNAMSIZ];
	socklen_t length = sizeof(device);

	if (option_of(fd, SOL_SOCKET, SO_MARK) > 0 || option_of(fd, SOL_SOCKET, SO_DONTROUTE) > 0)
		return true;
	return next.getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &length) == 0 && length > 0;
}

/* A datagram socket is connected without a packet, and fails as a stream would where there is no
 * route. */
static bool has_route(const struct tracked *facts)
{
	int probe = next.socket(facts->address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has = probe >= 0 && connect_really(probe, facts) == 0;

	if (probe >= 0)
		next.close(probe);
	return has;
}

static const char *why_not_in_user(int fd, const struct tracked *facts)
{
	if (client_bit_is_off())
		return CLIENT_BIT_IS_OFF;
	if (!next_connect_is_libcs)
		return "plain: another library connects";
	if (!is_fresh(fd) || !is_fitting(fd, facts))
		return "plain: not a fresh socket, or not for this address";
	if (is_routed_by_itself(fd))
		return "plain: bound to a device, or marked";
	return has_route(facts) ? NULL : "plain: no route";
}

static struct attempt connect_in_user(int fd, const struct tracked *facts)
{
	int saved = errno;
	const char *why = why_not_in_user(fd, facts);

	errno = saved;
	return why ? leave_alone(fd, facts, why) : (struct attempt){ATTEMPT_HELD, 0, NULL};
}

/* Connects without data and without waiting, and asks for a cookie where there is none. */
static int release_in_user(int fd, const struct tracked *facts)
{
	if (next.sendto(fd, "", 0, MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL, &facts->address.any,
			facts->address_length) == 0 ||
	    errno == EINPROGRESS)
		return 0;
	if (errno == EOPNOTSUPP)
		hold_found_client_bit_off();
	return -1;
}

static ssize_t emit_in_user(int fd, const struct tracked *facts, const void *bytes, size_t size,
			    int flags)
{
	return next.sendto(fd, bytes, size, flags | MSG_FASTOPEN, &facts->address.any,
			   facts->address_length);
}

/* ---- which ---- */

static const struct hold kernel_hold = {connect_in_kernel, release_in_kernel, emit_in_kernel, true,
					true};
static const struct hold user_hold = {connect_in_user, release_in_user, emit_in_user, false, false};

const struct hold *hold_in_use(void)
{
	if (settings.hold)
		return strcmp(settings.hold, "user") == 0 ? &user_hold : &kernel_hold;
	return atomic_load_explicit(&kernel_has_none, memory_order_relaxed) ? &user_hold
									    : &kernel_hold;
}

static bool is_closed(int fd)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	return next.getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
	       info.tcpi_state == TCP_CLOSE;
}

bool hold_disarm(int fd)
{
	int saved = errno;
	bool disarmed = option_of(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT) > 0
				? set_fastopen_connect(fd, 0)
				: is_closed(fd);

	errno = saved;
	return disarmed;
}
