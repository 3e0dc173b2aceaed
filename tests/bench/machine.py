# SPDX-License-Identifier: MIT
"""On what it was measured, and what."""
import datetime
import os
import platform
import re
import subprocess

from place import BUILD, REPOSITORY


def first(pattern, path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            found = re.search(pattern, file.read(), re.M)
    except OSError:
        return None
    return found[1].strip() if found else None


def said(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10, cwd=REPOSITORY)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def describe():
    return {
        "date": datetime.date.today().isoformat(),
        "processor": first(r"^(?:model name|Model)\s*: (.*)$", "/proc/cpuinfo") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": int(first(r"^MemTotal: +(\d+)", "/proc/meminfo") or 0) // 1024,
        "virtual": bool(first(r"^flags\s*:.*\b(hypervisor)\b", "/proc/cpuinfo")),
        "system": first(r'^PRETTY_NAME="?([^"\n]*)', "/etc/os-release") or platform.system(),
        "kernel": platform.release().split("-")[0],
        "libc": " ".join(platform.libc_ver()),
        "load_before": round(os.getloadavg()[0], 2),
        "compiler": first(r"^CMAKE_C_COMPILER:[A-Z]*=(.*)$", os.path.join(BUILD, "CMakeCache.txt")),
        "build": first(r"^CMAKE_BUILD_TYPE:[A-Z]*=(.*)$", os.path.join(BUILD, "CMakeCache.txt")),
        "commit": said("git", "-c", "safe.directory=*", "describe", "--always", "--dirty"),
    }


def sentence(machine):
    kind = "virtual machine" if machine["virtual"] else "machine"
    return (f"{machine['system']}, Linux {machine['kernel']}, {machine['libc']}; {kind} with {machine['cores']} cores of "
            f"{machine['processor']}, {machine['memory_mib'] // 1024} GiB; {machine['date']}, commit {machine['commit']}, "
            f"load {machine['load_before']} at the beginning")
