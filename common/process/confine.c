/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/confine.h"

#include "common/base/panic.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define OF(role)      (1u << (role))
#define ROLE_SERVING  (OF(CHILD_CLIENT) | OF(CHILD_UPSTREAM))
#define ROLE_UPSTREAM OF(CHILD_UPSTREAM)
#define ROLE_ALL      (ROLE_SERVING | OF(CHILD_CONTROL))

static const struct {
	int number;
	unsigned roles;
} calls[] = {
#define CALL(name, role, reason) { SCMP_SYS(name), ROLE_##role },
#include "common/process/confine.def"
#undef CALL
};

bool
confine_is_available(void)
{
	return !SANITIZED;
}

/* The call has just been made and did nothing: no library is in the midst of
 * anything that this would meet again. */
static void
on_violation(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	panic_write_message("system call not allowed: %s (%d)",
	    seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE,
		info->si_syscall),
	    info->si_syscall);
	/* It dies of the signal when this returns. */
	(void)signal(SIGSYS, SIG_DFL);
	(void)raise(SIGSYS);
}

/* Connections to the world alone: to the control socket it could speak as
 * whoever it was. The kernel looks at the low half of the argument. */
static int
add_socket_rules(scmp_filter_ctx filter)
{
	static const struct {
		uint32_t action;
		int family;
	} rows[] = {
		{ SCMP_ACT_ALLOW, AF_INET },
		{ SCMP_ACT_ALLOW, AF_INET6 },
		{ SCMP_ACT_ERRNO(EAFNOSUPPORT), AF_UNIX },
		{ SCMP_ACT_ERRNO(EAFNOSUPPORT), AF_NETLINK },
	};
	int error = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows) && !error; i++)
		error = seccomp_rule_add(filter, rows[i].action,
		    SCMP_SYS(socket), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX,
			(scmp_datum_t)rows[i].family));
	return error;
}

static int
add_rules(scmp_filter_ctx filter, enum child_role role)
{
	int error = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(calls) && !error; i++)
		if (!(calls[i].roles & OF(role)))
			continue;
		else if (calls[i].number == SCMP_SYS(socket))
			error = add_socket_rules(filter);
		else
			error = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
			    calls[i].number, 0);
	/* A mapping that grows covers what follows it in the file, which may be
	 * another's. The allocator copies instead. */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOMEM),
		    SCMP_SYS(mremap), 0);
	if (!error) /* libraries try, and go on without */
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOENT),
		    SCMP_SYS(openat), 0);
	return error;
}

static int
catch_violations(void)
{
	struct sigaction action = { .sa_sigaction = on_violation,
		.sa_flags = SA_SIGINFO };

	return sigaction(SIGSYS, &action, NULL) == 0 ? 0 : -errno;
}

int
confine_process(enum child_role role)
{
	scmp_filter_ctx filter;
	int error;

	if (!confine_is_available())
		return 0;
	tzset(); /* the log has local time; later it could not look */
	filter = seccomp_init(SCMP_ACT_TRAP);
	if (!filter)
		return -ENOMEM;
	error = catch_violations();
	if (!error)
		error = add_rules(filter, role);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}
