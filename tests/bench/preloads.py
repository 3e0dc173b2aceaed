# SPDX-License-Identifier: MIT
"""The preloads that are compared: none, one that does nothing, ours, and those of others that Debian ships."""
import functools
import glob
import os
import subprocess

from place import LIBRARY, program
from rows import Cannot
from sampling import output_of

NONE, EMPTY, OURS = "none", "empty", "tfo-run"

# A rule that none of these calls and programs has to do with.
RULES = "allow 192.0.2.1 443 tls"

# Where Debian puts them; LIB is the directory of the architecture.
RIVALS = {
    "proxychains4": "libproxychains.so.4",
    "torsocks": "torsocks/libtorsocks.so",
    "socket_wrapper": "libsocket_wrapper.so",
    "mptcpize": "mptcpize/libmptcpwrap.so.0",
    "rsocket": "rsocket/librspreload.so",
}

# Both are told to leave this machine alone, so that a call here is made as it would have been.
PROXYCHAINS = "strict_chain\nquiet_mode\nlocalnet 127.0.0.0/255.0.0.0\n[ProxyList]\nsocks4 127.0.0.1 9050\n"
TORSOCKS = "TorAddress 127.0.0.1\nTorPort 9050\nAllowOutboundLocalhost 2\nAllowInbound 1\n"


def path_of(name):
    if name == OURS:
        return LIBRARY
    if name == EMPTY:
        return program("empty.so")
    found = glob.glob(os.path.join("/usr/lib/*", RIVALS[name]))
    if not found:
        raise Cannot("not installed")
    return found[0]


@functools.cache
def interposed(name):
    """The functions that a preload puts itself before."""
    if name == NONE:
        return frozenset()
    try:
        listing = subprocess.run(["nm", "-D", "--defined-only", path_of(name)], capture_output=True, text=True, check=True)
    except Cannot:
        return frozenset()
    return frozenset(line.split()[2].split("@")[0] for line in listing.stdout.splitlines() if line.split()[1] in "TW")


def environment(run, name):
    if name == NONE:
        return run.environment()
    if name == OURS:
        return run.ours(RULES)
    own = {
        "proxychains4": {"PROXYCHAINS_CONF_FILE": run.path("proxychains.conf")},
        "torsocks": {"TORSOCKS_CONF_FILE": run.path("torsocks.conf"), "TORSOCKS_LOG_LEVEL": "1"},
        "socket_wrapper": {"SOCKET_WRAPPER_DIR": run.directory},
    }
    run.write("proxychains.conf", PROXYCHAINS)
    run.write("torsocks.conf", TORSOCKS)
    return run.environment(LD_PRELOAD=path_of(name), **own.get(name, {}))


def check_loaded(name, settings):
    """A preload that was not loaded costs nothing: that must not pass for a result."""
    if name != NONE and os.path.realpath(path_of(name)) not in output_of(["cat", "/proc/self/maps"], settings):
        raise Cannot("is not loaded")


def checked_environment(run, name):
    settings = environment(run, name)
    check_loaded(name, settings)
    return settings


def environments(run):
    """{name: environment, or why it cannot be used}"""
    known = {}
    for name in (NONE, EMPTY, OURS, *RIVALS):
        try:
            known[name] = checked_environment(run, name)
        except Cannot as reason:
            known[name] = reason
    return known
