"""The filter on a job's system calls: what reaches the kernel's larger surfaces, and what tells of other jobs.

A filter sees a call's number and the values of its arguments, not what they point to. Three answers: refused, as if the kernel
did not have it (callers look for another way), or done without an effect, for what is only advice.
"""

from __future__ import annotations

import ctypes
import platform
import struct

from ttc_data.sandbox.inside.kernel import LIBC, check

PR_SET_SECCOMP = 22
# Calls that no test needs and that reach the kernel's larger surfaces: on x86-64, on arm64 (-1: not there).
# What Docker's own profile withholds from a container without capabilities, tracing of other processes, and memory that
# belongs to no process.
DENIED = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, -1),
    "iopl": (172, -1),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "sysfs": (139, -1),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, -1),
    "userfaultfd": (323, 282),
    "ustat": (136, -1),
    "vhangup": (153, 58),
    "ioprio_set": (251, 30),
}
# Of these the caller looks for another way when they are not there. Both hold memory that no limit counts.
ABSENT = ("memfd_create", "shmget")
# Not there for a job, because they tell what happened in others: pages that files have in memory, numbers that the kernel
# counts for the whole machine (of mounts, processes, file handles), events of everybody's files.
TELLING = {
    "cachestat": (451, 451), "fanotify_init": (300, 262), "io_setup": (206, 0), "listmount": (458, 458), "mincore": (27, 232),
    "name_to_handle_at": (303, 264), "pidfd_open": (434, 434), "statmount": (457, 457),
}  # fmt: skip
# Free memory, load and processes of the machine: another filter hands it over; see `answering.py`.
SYSINFO = (99, 179)
# Done without an effect: advice about pages of files that all jobs read, and about disks that no job writes to.
ADVICE = {"fadvise64": (221, 223), "readahead": (187, 213), "sync": (162, 81), "syncfs": (306, 267)}
# Advice as well, and what the scheduler counts for a group runs ahead by it; see `scheduling.py`.
YIELD = (24, 124)
# A process may choose its own processors (0 in the first argument), not those of process 1, which has the same user.
SETAFFINITY = (203, 122)
# Slices, policies with another weight, and real time.
SCHEDULING = {"sched_setattr": (314, 274), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119)}
# Their first argument is a clock. That of another process tells how long it has run.
CLOCKS = {
    "clock_getres": (229, 114), "clock_gettime": (228, 113), "clock_nanosleep": (230, 115), "timer_create": (222, 107),
}  # fmt: skip
OWN_CLOCK, THREADS_CLOCK, NEGATIVE = 0xFFFFFFFA, 4, 0x80000000
SOCKETS = {"socket": (41, 198), "socketpair": (53, 199)}
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
# Chosen by the family, TCP, UDP; of netlink only what lists interfaces.
PROTOCOLS, NETLINK_ROUTE = (0, 6, 17), 0
GETSOCKOPT, SETSOCKOPT, SOL_SOCKET, SOL_IP = (55, 209), (54, 208), 1, 0
# Numbers that the kernel counts for the whole machine: cookies, and descriptors of processes, told or sent along with messages.
# Options newer than the last one are not there, for nobody has looked at what they tell.
SO_TELLING, SO_LAST = (57, 71, 76, 77), 84
# A range of ports for one socket: in a width that two jobs agree on, the port that is picked tells what was picked before.
IP_LOCAL_PORT_RANGE = 51
MADVISE, MADV_OF_OTHERS = (28, 233), (12, 20, 21, 25)  # mergeable, cold, pageout, collapse
PREADV2, RWF_NOWAIT = (327, 286), 8
STATX, STATX_MNT_ID_UNIQUE = (332, 291), 0x4000
IOCTL, OF_NAMESPACES, COMMAND_KIND = (16, 29), 0xB700, 0xFF00
SETPRIORITY = (141, 140)
# A watch for renames: what pairs their events is one count of the whole machine.
WATCH, IN_MOVED = (254, 27), 0xC0
# A limit of 1 keeps a crash from the program that a machine hands its crashes to, one of 0 does not; so it cannot be lowered.
SETRLIMIT, PRLIMIT, RLIMIT_CORE = (160, 164), (302, 261), 4
# Of user, mount, process, network, IPC, host-name and cgroup namespaces, and a descriptor of the new process.
CLONE_NEW, CLONE_PIDFD = 0x7E020000, 0x1000
# Machine: place in the tables above, audit architecture, number of `clone`, flag of calls in another numbering.
MACHINES = {"x86_64": (0, 0xC000003E, 56, 0x40000000), "aarch64": (1, 0xC00000B7, 220, 0)}
CLONE3, LAST_KNOWN = 435, 466
EPERM, EINVAL, ENOTTY, ENOSYS, ENOPROTOOPT, EPROTONOSUPPORT, EOPNOTSUPP, EAFNOSUPPORT = 1, 22, 25, 38, 92, 93, 95, 97
# Classic BPF: load a word, jump if equal, greater, or any bit set, do arithmetic, return.
LOAD, EQUAL, GREATER, ANY, AND, RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
Step = tuple[int, int, int, int]
NUMBER, ARCHITECTURE = (LOAD, 0, 0, 0), (LOAD, 0, 0, 4)


def argument(place: int) -> Step:
    """Load the lower half of an argument."""
    return LOAD, 0, 0, 16 + 8 * place


def upper(place: int) -> Step:
    """Load the upper half of an argument: of a pointer."""
    return LOAD, 0, 0, 20 + 8 * place


def refuse(error: int) -> Step:
    """Let the call fail; 0 lets it succeed without having been made."""
    return RETURN, 0, 0, 0x00050000 | error


ALLOW: Step = (RETURN, 0, 0, 0x7FFF0000)


def when(jump: int, value: int, *steps: Step) -> list[Step]:
    """Take some steps, which end in a return, where a comparison holds."""
    return [(jump, 0, len(steps), value), *steps]


def unless(jump: int, value: int, *steps: Step) -> list[Step]:
    """Take some steps, which end in a return, where a comparison does not hold."""
    return [(jump, len(steps), 0, value), *steps]


def program(column: int, architecture: int, clone: int, other_numbering: int) -> list[Step]:
    """The whole filter for one machine."""
    steps = [ARCHITECTURE, *unless(EQUAL, architecture, refuse(EPERM)), NUMBER]
    if other_numbering:
        steps += when(ANY, other_numbering, refuse(EPERM))
    # Newer calls than this list knows, and `clone3`, whose flags lie in memory: callers fall back to the old ones.
    steps += when(GREATER, LAST_KNOWN, refuse(ENOSYS)) + when(EQUAL, CLONE3, refuse(ENOSYS))
    for name, numbers in DENIED.items():
        if numbers[column] >= 0:
            steps += when(EQUAL, numbers[column], refuse(ENOSYS if name in ABSENT else EPERM))
    for numbers in TELLING.values():
        steps += when(EQUAL, numbers[column], refuse(ENOSYS))
    for numbers in (*ADVICE.values(), YIELD):
        steps += when(EQUAL, numbers[column], refuse(0))
    steps += when(EQUAL, SETAFFINITY[column], argument(0), *when(EQUAL, 0, ALLOW), refuse(EPERM))
    for numbers in SCHEDULING.values():
        steps += when(EQUAL, numbers[column], refuse(EPERM))
    for numbers in CLOCKS.values():
        steps += when(EQUAL, numbers[column], *of_clock())
    for numbers in SOCKETS.values():
        steps += when(EQUAL, numbers[column], *of_family())
    for numbers in (GETSOCKOPT, SETSOCKOPT):
        steps += when(EQUAL, numbers[column], *of_option())
    advice = [step for one in MADV_OF_OTHERS for step in when(EQUAL, one, refuse(EINVAL))]
    steps += when(EQUAL, WATCH[column], argument(2), *when(ANY, IN_MOVED, refuse(EINVAL)), ALLOW)
    steps += when(EQUAL, SETRLIMIT[column], argument(0), *when(EQUAL, RLIMIT_CORE, refuse(0)), ALLOW)
    steps += when(EQUAL, PRLIMIT[column], *of_limit())
    steps += when(EQUAL, MADVISE[column], argument(2), *advice, ALLOW)
    steps += when(EQUAL, PREADV2[column], argument(5), *when(ANY, RWF_NOWAIT, refuse(EOPNOTSUPP)), ALLOW)
    steps += when(EQUAL, STATX[column], argument(3), *when(ANY, STATX_MNT_ID_UNIQUE, refuse(EINVAL)), ALLOW)
    kind = [argument(1), (AND, 0, 0, COMMAND_KIND), *when(EQUAL, OF_NAMESPACES, refuse(ENOTTY)), ALLOW]
    steps += when(EQUAL, IOCTL[column], *kind)
    steps += when(EQUAL, SETPRIORITY[column], *of_priority())
    steps += when(EQUAL, clone, argument(0), *when(ANY, CLONE_NEW | CLONE_PIDFD, refuse(EPERM)), ALLOW)
    return [*steps, ALLOW]


def of_clock() -> list[Step]:
    """A clock of the machine, of the calling process, or of one of its threads."""
    return [
        argument(0),
        *unless(ANY, NEGATIVE, ALLOW),
        *when(ANY, THREADS_CLOCK, ALLOW),
        *when(EQUAL, OWN_CLOCK, ALLOW),
        refuse(EINVAL),
    ]


def of_priority() -> list[Step]:
    """Of a process (0), and that oneself; not of a user or a group. A lower one, which is a lower weight, has no effect."""
    lower = [argument(2), *when(EQUAL, 0, ALLOW), *when(GREATER, NEGATIVE - 1, ALLOW), refuse(0)]
    return [argument(0), *unless(EQUAL, 0, refuse(EPERM)), argument(1), *unless(EQUAL, 0, refuse(EPERM)), *lower]


def of_limit() -> list[Step]:
    """A limit of the calling process. That of crashes may be asked for; what it is set to is passed over."""
    told = [*unless(EQUAL, 0, refuse(0)), upper(2), *unless(EQUAL, 0, refuse(0)), ALLOW]
    own = [argument(1), *unless(EQUAL, RLIMIT_CORE, ALLOW), argument(2), *told]
    return [argument(0), *unless(EQUAL, 0, refuse(EPERM)), *own]


def of_option() -> list[Step]:
    """An option of sockets, or of IP, that tells nothing of others."""
    telling = [step for option in SO_TELLING for step in when(EQUAL, option, refuse(ENOPROTOOPT))]
    of_sockets = [argument(2), *telling, *when(GREATER, SO_LAST, refuse(ENOPROTOOPT)), ALLOW]
    of_ip = [argument(2), *when(EQUAL, IP_LOCAL_PORT_RANGE, refuse(ENOPROTOOPT)), ALLOW]
    return [argument(1), *when(EQUAL, SOL_SOCKET, *of_sockets), *when(EQUAL, SOL_IP, *of_ip), ALLOW]


def of_family() -> list[Step]:
    """A list of what is allowed: of other families some know no namespaces (AF_VSOCK), and all are more of the kernel."""
    internet = [argument(2), *(step for one in PROTOCOLS for step in when(EQUAL, one, ALLOW)), refuse(EPROTONOSUPPORT)]
    netlink = [argument(2), *when(EQUAL, NETLINK_ROUTE, ALLOW), refuse(EPROTONOSUPPORT)]
    return [
        argument(0),
        *when(EQUAL, AF_UNIX, ALLOW),
        *when(EQUAL, AF_INET, *internet),
        *when(EQUAL, AF_INET6, *internet),
        *when(EQUAL, AF_NETLINK, *netlink),
        refuse(EAFNOSUPPORT),
    ]


def bytes_of(steps: list[Step]) -> bytes:
    """A filter as the kernel reads it."""
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


# Once, not for every job; nothing on a machine that it is not written for.
FILTERS = [
    ctypes.create_string_buffer(bytes_of(program(*MACHINES[machine])))
    for machine in (platform.machine(),)
    if machine in MACHINES
]
STEP_BYTES = 8


def filter_calls() -> None:
    """Install the filter on this process and all that it starts, for good."""
    for text in FILTERS:
        pointer = struct.pack("@HP", len(text) // STEP_BYTES, ctypes.addressof(text))
        check(LIBC.prctl(PR_SET_SECCOMP, 2, pointer, 0, 0), "seccomp")
