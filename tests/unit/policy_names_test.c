/* SPDX-License-Identifier: MIT */
/*
 * The names of addresses: nothing is stored twice, nothing is lost, whoever learns at the same
 * time (threads, and a signal handler in the middle of them); and what happens when it is full.
 */
#include "policy/names.h"
#include "policy/policy.h"
#include "policy_check.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS	  4
#define ADDRESSES 50
#define NAMES	  20

static const struct policy_rule *ask(const struct policy *policy, const struct sockaddr *address,
				     socklen_t length)
{
	return policy_decide(policy,
			     &(struct policy_question){.address = address, .length = length});
}

static struct sockaddr_in address_number(unsigned int number)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(443)};

	address.sin_addr.s_addr = htonl(0x0a000000 + number);
	return address;
}

/* Writes "n<number>.example" without stdio: signal handlers come here. */
static void write_name(char *to, unsigned int number)
{
	*to++ = 'n';
	for (unsigned int step = 100000; step > 0; step /= 10)
		*to++ = (char)('0' + number / step % 10);
	memcpy(to, ".example", sizeof(".example"));
}

static void learn(unsigned int address_of, unsigned int name_of)
{
	struct sockaddr_in address = address_number(address_of);
	char name[32];

	write_name(name, name_of);
	names_learn(name, (struct sockaddr *)&address, sizeof(address));
}

static void learn_all(void)
{
	for (unsigned int i = 0; i < ADDRESSES * NAMES; i++)
		learn(i % ADDRESSES, i / ADDRESSES);
}

static unsigned int count_names(unsigned int address_of, const char *text)
{
	struct sockaddr_in address = address_number(address_of);
	const struct learned_name *name = NULL;
	unsigned int count = 0;

	while ((name = names_next((struct sockaddr *)&address, sizeof(address), name)))
		count += !text || strcmp(names_text(name), text) == 0;
	return count;
}

static atomic_uint signals;

static void on_signal(int number)
{
	unsigned int turn = atomic_fetch_add(&signals, 1);
	int saved = errno;

	(void)number;
	learn(turn % ADDRESSES, turn / ADDRESSES % NAMES);
	count_names(turn % ADDRESSES, "x");
	errno = saved;
}

static void *learn_in_thread(void *nothing)
{
	learn_all();
	return nothing;
}

static void test_learning_at_the_same_time(void)
{
	struct itimerval often = {.it_interval.tv_usec = 50, .it_value.tv_usec = 50}, never = {0};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	pthread_t threads[THREADS];

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < THREADS; i++)
		check(pthread_create(&threads[i], NULL, learn_in_thread, NULL) == 0, "thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 1000 && signals < 100; i++)
		usleep(1000);
	setitimer(ITIMER_REAL, &never, NULL);
	check(signals > 0, "no signal came");
	for (unsigned int i = 0; i < ADDRESSES * NAMES; i++) {
		char name[32];

		write_name(name, i / ADDRESSES);
		check(count_names(i % ADDRESSES, name) == 1, "address %u: %s stands %u times",
		      i % ADDRESSES, name, count_names(i % ADDRESSES, name));
	}
	check(count_names(0, NULL) == NAMES, "%u names for the first address",
	      count_names(0, NULL));
	check(count_names(ADDRESSES, NULL) == 0, "a name for an address never learned");
	check(!names_overflowed(), "overflow");
}

static const struct policy_rule *decide(const struct policy *policy, unsigned int address_of)
{
	struct sockaddr_in address = address_number(address_of);

	return ask(policy, (struct sockaddr *)&address, sizeof(address));
}

static struct policy *policy_of(const char *text)
{
	struct policy *policy = policy_new();
	struct policy_problem problem;

	check(policy_add_text(policy, "test", text, strlen(text), &problem) == 0, "%s", text);
	return policy;
}

static void test_long_names(void)
{
	struct sockaddr_in address = address_number(7000000);
	char name[260];

	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '.' : 'a';
	name[254] = '\0'; /* 253 and a final dot */
	names_learn(name, (struct sockaddr *)&address, sizeof(address));
	check(count_names(7000000, NULL) == 1 && !names_overflowed(), "253 characters");
}

/* In a child, because it is for ever; a child also keeps what its parent learned. */
static int overflow_in_child(void)
{
	struct policy *with_names = policy_of("deny evil.example *\nallow * 443 tls");
	struct policy *without = policy_of("allow * 443 tls");

	check(count_names(0, NULL) == NAMES, "the child forgot");
	check(decide(with_names, 9000000), "allowed as long as all is known");
	for (unsigned int i = 0; i < NAMES_MOST + 10; i++)
		learn(1000 + i, i);
	check(names_overflowed(), "no overflow");
	check(count_names(1000, NULL) == 1, "the first is there");
	check(count_names(1000 + NAMES_MOST, NULL) == 0, "more than fits");
	check(!decide(with_names, 9000000), "an address without names is allowed");
	check(decide(with_names, 1000), "an address with a name is refused");
	check(decide(without, 9000000), "a policy without names is not concerned");
	learn_all(); /* what is known stays known */
	check(count_names(0, NULL) == NAMES, "known names changed");
	policy_free(with_names);
	policy_free(without);
	return check_result();
}

static void test_overflow(void)
{
	int status = -1;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		int result = overflow_in_child();

		fflush(stdout);
		_exit(result);
	}
	waitpid(child, &status, 0);
	check(status == 0, "the child failed: %d", status);
}

int main(void)
{
	test_learning_at_the_same_time();
	test_long_names();
	test_overflow();
	return check_result();
}
