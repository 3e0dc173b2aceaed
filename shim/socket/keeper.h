/* SPDX-License-Identifier: MIT */
/*
 * The keeper: one thread that releases holds at their deadline, and sees sockets that their program
 * closed in flight through their handshake. Started when first needed, gone after it has been idle
 * for a while, with all signals blocked and no lock held over a system call.
 */
#ifndef TFO_SHIM_SOCKET_KEEPER_H
#define TFO_SHIM_SOCKET_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/clock.h"
#include "shim/socket/table.h"

/* While holds come and go the keeper looks this often although nothing is due: not longer than the
 * shortest hold that no rule asks for, so that the next one finds it about to look anyway. Waking
 * it for each would cost more than all the rest of a hold. */
#define KEEPER_PACE_NS (5 * NS_PER_MS)

/* Makes sure that the keeper will look at `when_ns` or before. False: there is no keeper and none
 * can be started (limits, seccomp, perhaps in a signal handler): then nothing may be held. Any
 * thread, any signal handler. Keeps errno. */
bool keeper_expect(uint64_t when_ns);

/*
 * The program is about to close fd, which is in flight: the keeper takes a descriptor of its own
 * and closes that when the handshake has ended, so that the data arrives and the server sees what
 * it would have seen. Where that is impossible, waits for the handshake instead. The entry of fd is
 * gone afterwards. Keeps errno.
 */
void keeper_take_over(struct tracking *tracking);

/* The program wants to use a number that the keeper has: the keeper moves elsewhere, or closes. */
void keeper_vacate(struct tracking *kept);

/* The keeper is about to end with what it has, not yet closed (exec): closes it if its handshake
 * has ended. */
void keeper_close_ended(void);

/* Ends the keeper, if there is one and it has nothing to do, and waits (at most 100 ms) until its
 * thread is gone. */
void keeper_dismiss(void);

/* The thread of main is ending, and the process is to end with the last of the others: from now on
 * the keeper leaves as soon as it has nothing to do. */
void keeper_outlives_main(void);

/* In the child of a fork: there is no keeper here. */
void keeper_after_fork(void);

#endif
