/* SPDX-License-Identifier: MIT */
/* What tfo-run says about itself. */
#include "start.h"

#include <stdio.h>

const char start_usage[] =
	"usage: tfo-run [-p FILE] [-a RULE]... [-l RULE]... [-f] [--supervise] [--require] [-n] "
	"[-s] [-v] [--log FILE] [--] COMMAND [ARG...]";

static const char text[] =
	"       tfo-run --unit NAME [--write|--remove] [--user] [--root DIR] "
	"[-p|-a|-l|-f|-v|--log...]\n"
	"Run COMMAND with TCP Fast Open where the policy allows it.\n"
	"\n"
	"  -p, --policy FILE  the policy to use, instead of the one that would be found\n"
	"  -a, --allow RULE   allow this too, before any other rule: DESTINATION PORTS PAYLOAD\n"
	"                     [OPTIONS], for example -a \"*.example.com 443 tls\"\n"
	"  -l, --listen RULE  servers: Fast Open where COMMAND listens at [ADDRESS] PORTS\n"
	"                     [OPTIONS], for example -l 80,443. A first write that comes twice\n"
	"                     must do no harm there\n"
	"  -f, --force        run COMMAND although LD_PRELOAD does not reach it: for a wrapper "
	"such\n"
	"                     as tini or gosu, which execs a program that it reaches\n"
	"      --supervise    reach COMMAND by a seccomp listener instead of LD_PRELOAD, also if\n"
	"                     it is static or written in Go: under rules with payload \"any\" or\n"
	"                     with supervise=yes, and on sockets that do not block. Chosen by\n"
	"                     itself for such a COMMAND if there is such a rule\n"
	"      --require      do not run COMMAND if it cannot be supervised\n"
	"  -n, --dry-run      say what would be run, and do nothing\n"
	"  -s, --summary      say on standard error, at the end, what this run has saved\n"
	"  -v, --verbose      say on standard error what is decided for each connection\n"
	"      --log FILE     say it at the end of FILE\n"
	"      --unit NAME    print a drop-in that does the same for a service of systemd\n"
	"      --write        put it into its place\n"
	"      --remove       take it away again\n"
	"      --user         of the services of this user\n"
	"      --root DIR     in the system below DIR\n"
	"  -h, --help         this text\n"
	"      --version      the version\n"
	"\n"
	"For containers, as the first word (tfo-run -- install runs a program of that name):\n"
	"\n"
	"  tfo-run install DIR  put into DIR all that a container needs: the library, tfo-run,\n"
	"                     tfoctl, and a policy to edit. DIR/tfo-run -- COMMAND in any image\n"
	"  tfo-run inject [-a RULE]... [-l RULE]... [-n] [--wrap] [--at PATH] [--runtime DIR]\n"
	"                 BUNDLE\n"
	"                     change the config.json of an OCI bundle: DIR of the machine is\n"
	"                     seen as PATH (/tfo), and LD_PRELOAD names the library; with\n"
	"                     --wrap the command begins with tfo-run instead; -n shows it only\n"
	"  tfo-run inject --remove BUNDLE\n"
	"                     take that back\n"
	"\n"
	"Exit status: 125 tfo-run failed, the policy is bad or COMMAND cannot be reached,\n"
	"126 COMMAND is not executable, 127 COMMAND is not found, else that of COMMAND.\n";

void start_print_help(void)
{
	puts(start_usage);
	fputs(text, stdout);
}
