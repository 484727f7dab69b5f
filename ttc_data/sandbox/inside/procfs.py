"""A job's `/proc`: its own processes, what stays the same on a machine, and nothing that counts what others do.

What is not named here is covered, so that a newer kernel shows no more than an older one. The files in place of what is covered
are made once; jobs see them through mounts that cannot be written to.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any

from ttc_data.sandbox.inside.kernel import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_REC, bind, make_readonly, mount

TEMPLATE = "/tmp/.ttcdata-proc"
EMPTY_FILE, EMPTY_FOLDER = ".empty-file", ".empty-folder"
# Of the job's own namespaces, or the same for as long as a kernel runs.
SHOWN = frozenset(("filesystems", "mounts", "net", "self", "sysvipc", "thread-self", "version"))
SETTINGS = (
    "fs/file-max", "fs/nr_open", "fs/pipe-max-size", "kernel/cap_last_cap", "kernel/ngroups_max", "kernel/osrelease",
    "kernel/ostype", "kernel/pid_max", "kernel/random/boot_id", "kernel/threads-max", "kernel/version", "net/core/somaxconn",
    "vm/max_map_count", "vm/overcommit_memory",
)  # fmt: skip
# Of `/proc/net`, what counts for one network namespace alone; the rest has counts of the whole machine among it (`softnet_stat`,
# `sockstat`, `protocols`, `stat`), or nothing that a loopback has. Lists of sockets (`tcp`, `unix` and others) name each by a hash of
# its place in the kernel's memory, and what one job freed last the next one gets first.
SHOWN_NET = frozenset((
    "arp", "dev", "dev_mcast", "fib_trie", "if_inet6", "igmp", "igmp6", "ipv6_route", "netstat", "route", "snmp", "snmp6",
))  # fmt: skip
# 2000-01-01, as the files of every tree.
STARTED = 946_684_800
# What the clocks that count from the machine's start say when a job begins.
UPTIME_S = 10_000


def make_template(limits: dict[str, Any]) -> list[tuple[str, str]]:
    """Write what jobs see in place of what is covered; gives names in `/proc`, and which file covers each."""
    os.mkdir(TEMPLATE, 0o755)
    os.mkdir(os.path.join(TEMPLATE, EMPTY_FOLDER), 0o555)
    for name, text in {EMPTY_FILE: "", **steady(limits)}.items():
        _write(os.path.join(TEMPLATE, name), text)
    for name in SETTINGS:
        with contextlib.suppress(OSError), open("/proc/sys/" + name, encoding="ascii") as file:
            _write(os.path.join(TEMPLATE, "sys", name), file.read())
    covers = []
    for name in sorted(os.listdir("/proc")):
        place = os.path.join("/proc", name)
        if name.isdigit() or name in SHOWN or os.path.islink(place):
            continue
        if os.path.lexists(os.path.join(TEMPLATE, name)):
            covers.append((name, name))
        elif os.path.isdir(place):
            covers.append((name, EMPTY_FOLDER))
        elif os.stat(place).st_mode & 0o004:  # else it is root's alone
            covers.append((name, EMPTY_FILE))
    return covers


def steady(limits: dict[str, Any]) -> dict[str, str]:
    """Texts for what programs look for: the job's limits as the machine's memory, and a machine that does nothing."""
    memory = limits["memory_bytes"] // 1024
    fields = {"MemTotal": memory, "MemFree": memory, "MemAvailable": memory}
    idle = ("Buffers", "Cached", "SwapCached", "Active", "Inactive", "SwapTotal", "SwapFree", "Shmem", "Slab")
    fields.update(dict.fromkeys(idle, 0))
    processors = ["cpu", *("cpu%d" % number for number in sorted(os.sched_getaffinity(0)))]
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        described = re.sub(r"(?m)^(cpu MHz\s*:).*$", r"\1 1000.000", file.read())
    return {
        "cpuinfo": described,
        "loadavg": "0.00 0.00 0.00 1/2 2\n",
        "meminfo": "".join("%-15s %8d kB\n" % (name + ":", count) for name, count in fields.items()),
        "stat": "".join(name + " 0" * 10 + "\n" for name in processors)
        + "intr 0\nctxt 0\nbtime %d\nprocesses 2\nprocs_running 1\nprocs_blocked 0\n" % STARTED,
        "swaps": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
        "uptime": "%d.00 %d.00\n" % (UPTIME_S, UPTIME_S),
    }


def _write(place: str, text: str) -> None:
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(
        os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444), "w", encoding="ascii", errors="replace"
    ) as file:
        file.write(text)


def close_net() -> None:
    """Close what `/proc/net` has beside `SHOWN_NET`, for every process of this network namespace.

    A mount covers a name for one process alone. The files belong to the owner of the namespace, and what they allow is the same
    wherever they are seen. A job is of the same user: it sees them through a mount that cannot be written to.

    Raises:
        OSError: they are somebody else's.
    """
    for name in os.listdir("/proc/self/net"):
        if name not in SHOWN_NET:
            os.chmod("/proc/self/net/" + name, 0)


def mount_proc() -> None:
    """Mount the processes of this namespace; of these a job sees those that it could trace."""
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2")


def cover_proc(covers: list[tuple[str, str]]) -> int:
    """Cover what tells of others, and keep `/proc` from being written to; gives a descriptor of one that is neither.

    While the runner's `/tmp` can be seen, which holds the template.
    """
    whole = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    mount("/proc", "/proc", "", MS_BIND | MS_REC)
    bind(TEMPLATE, TEMPLATE)
    make_readonly(TEMPLATE)  # and with it whatever is bound from there
    for name, source in covers:
        bind(os.path.join(TEMPLATE, source), os.path.join("/proc", name))
    make_readonly("/proc")
    return whole
