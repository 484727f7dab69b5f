"""Takes from a job what it must not have, and gives it a fresh working tree.

Where the kernel allows it, a job has user, mount and IPC namespaces of its own: its tree is an overlay over the
environment's read-only one, its `/tmp` and `/dev/shm` are memory of its own, and all of it is gone with its last process,
at a cost that does not grow with the tree. Elsewhere the tree is copied, and what a job wrote is removed before the next.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import shutil
import struct
from typing import Any

from ttc_data.sandbox.inside.rewritten import is_test

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 4, 22, 24, 38, 47
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER = 0x20000, 0x08000000, 0x10000000
# Of user, mount, process, network, IPC, host-name and cgroup namespaces.
CLONE_NEW = 0x7E020000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_BIND = 1, 2, 4, 4096
# Where a job can write besides its tree.
SCRATCH = (("/tmp", 0o1777), ("/dev/shm", 0o1777))
# Calls that no test needs and that reach the kernel's larger surfaces: on x86-64, on arm64 (-1: not there).
# What Docker's own profile withholds from a container without capabilities, tracing of other processes, and memory that
# belongs to no process.
DENIED = {
    "acct": (163, 89), "add_key": (248, 217), "bpf": (321, 280), "chroot": (161, 51), "clock_adjtime": (305, 266),
    "clock_settime": (227, 112), "delete_module": (176, 106), "finit_module": (313, 273), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fsopen": (430, 430), "fspick": (433, 433), "init_module": (175, 105),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "io_uring_setup": (425, 425), "ioperm": (173, -1),
    "iopl": (172, -1), "kcmp": (312, 272), "kexec_file_load": (320, 294), "kexec_load": (246, 104),
    "keyctl": (250, 219), "lookup_dcookie": (212, 18), "memfd_create": (319, 279), "memfd_secret": (447, 447), "migrate_pages": (256, 238),
    "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429), "move_pages": (279, 239), "nfsservctl": (180, 42), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "perf_event_open": (298, 241), "pidfd_getfd": (438, 438), "pivot_root": (155, 41), "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "ptrace": (101, 117), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "reboot": (169, 142), "request_key": (249, 218), "setns": (308, 268),
    "settimeofday": (164, 170), "shmget": (29, 194), "swapoff": (168, 225), "swapon": (167, 224), "sysfs": (139, -1), "syslog": (103, 116),
    "umount2": (166, 39), "unshare": (272, 97), "uselib": (134, -1), "userfaultfd": (323, 282), "ustat": (136, -1),
    "vhangup": (153, 58), "ioprio_set": (251, 30),
}  # fmt: skip
# Of these the caller looks for another way when they are not there. Both hold memory that no limit counts.
ABSENT = ("memfd_create", "shmget")
# A process may do this to itself (0 in the first argument), not to process 1, which has the same user.
OWN_ONLY = {
    "prlimit64": (302, 261), "sched_setaffinity": (203, 122), "sched_setattr": (314, 274), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
}  # fmt: skip
SETPRIORITY = (141, 140)
# Machine: place in the table above, audit architecture, number of `clone`, flag of calls in another numbering.
MACHINES = {"x86_64": (0, 0xC000003E, 56, 0x40000000), "aarch64": (1, 0xC00000B7, 220, 0)}
CLONE3, LAST_KNOWN = 435, 466
EPERM, ENOSYS = 1, 38


def check(result: int, what: str) -> None:
    """Raise what the C library says went wrong."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))


def can_isolate(config: dict[str, Any]) -> bool:
    """Whether jobs can have namespaces and an overlay here: tried once, in a process of its own."""
    if platform.machine() not in MACHINES or not config["alone"]:
        return False
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            isolate(config)
            place = config["work"]
            for entry in os.scandir(place):
                if entry.is_dir(follow_symlinks=False):  # a folder that was removed and made again is empty
                    shutil.rmtree(os.path.join(place, entry.name))
                    os.mkdir(os.path.join(place, entry.name))
                    if os.listdir(os.path.join(place, entry.name)):
                        os._exit(1)
                    break
            with open(os.path.join(place, ".ttcdata-probe"), "x"):
                pass
            status = 0
        except (OSError, ValueError):  # not allowed, or an overlay that is not whole
            pass
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def isolate(config: dict[str, Any]) -> int:
    """Enter new namespaces and mount the working tree and the scratch folders; gives a descriptor of the overlay's changes."""
    LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # else the maps below belong to root
    uid, gid = os.getuid(), os.getgid()
    check(LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC), "unshare")
    for name, text in (
        ("setgroups", "deny"), ("uid_map", "%d %d 1" % (uid, uid)), ("gid_map", "%d %d 1" % (gid, gid))
    ):  # fmt: skip
        with open("/proc/self/" + name, "w", encoding="ascii") as file:
            file.write(text)
    size = config["limits"]["scratch_bytes"]
    flags = MS_NOSUID | MS_NODEV
    mount("tmpfs", "/tmp", "tmpfs", flags, "size=%d,nr_inodes=%d,mode=1777" % (size, size // 1024))
    mask = os.umask(0)
    for name, mode in (("changes", 0o755), ("overlay", 0o755), ("shm", 0o1777), ("tmp", 0o1777)):
        os.mkdir("/tmp/" + name, mode)
    os.umask(mask)
    layers = "lowerdir=%s,upperdir=/tmp/changes,workdir=/tmp/overlay,userxattr" % config["tree"]
    mount("overlay", config["work"], "overlay", flags, layers)
    changes = os.open("/tmp/changes", os.O_RDONLY | os.O_DIRECTORY)
    # The tree beneath holds what was masked, and the tests as they were.
    mount("tmpfs", config["tree"], "tmpfs", flags | MS_RDONLY, "size=4k,nr_inodes=2,mode=555")
    mount("/tmp/shm", "/dev/shm", "", MS_BIND, "")
    mount("/tmp/tmp", "/tmp", "", MS_BIND, "")  # last: it hides the others
    return changes


def mount(source: str, target: str, kind: str, flags: int, data: str) -> None:
    """The system call; raises `OSError`."""
    check(LIBC.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()), "mount " + target)


def lay_out(config: dict[str, Any], files: dict[str, str | None], tests: list[str]) -> int:
    """Make the working tree: the environment's files, then the job's own on top.

    What is there already stays and keeps its bytecode, for to compile 1,000 lines takes 20 ms; but not a test file: one
    that was changed must not look unlike one that was not.

    Gives a descriptor of the folder that holds what is changed in it; of the tree itself where it is a copy.
    """
    work = config["work"]
    if config["isolate"]:
        changes = isolate(config)
    else:
        empty(work, 0o755)
        for place, mode in config["scratch"]:
            empty(place, mode)
        if config["alone"]:
            remove_ipc()
        copy_tree(config["tree"], work)
        changes = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    os.chdir(work)
    files = {
        path: text
        for path, text in files.items()
        if text is None or is_test(path, tests) or not holds(os.path.join(work, path), text)
    }
    for path, text in files.items():
        forget_bytecode(os.path.join(work, path))
        if text is None:
            remove(work, path)
    for path, text in files.items():
        if text is not None:
            write(os.path.join(work, path), text)
    os.mkdir(config["home"])
    return changes


def holds(place: str, text: str) -> bool:
    """Whether a file is what a job brings."""
    if os.path.islink(place):
        return False
    try:
        with open(place, "rb") as file:
            return file.read() == text.encode("utf-8", "surrogateescape")
    except OSError:
        return False


def forget_bytecode(place: str) -> None:
    """Remove what was compiled of a file that is about to change: it tells what stood there."""
    folder, name = os.path.split(place)
    cache = os.path.join(folder, "__pycache__")
    stem = os.path.splitext(name)[0] + "."
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for one in os.listdir(cache):
            if one.startswith(stem):
                os.unlink(os.path.join(cache, one))


def write(place: str, text: str) -> None:
    """Write a new file: what stood there may belong to the tree beneath."""
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(place)
    with open(place, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))


def remove(work: str, path: str) -> None:
    """Remove a file, and the folders that are empty without it, as git does: a file may take their place."""
    place = os.path.join(work, path)
    if os.path.lexists(place):
        os.unlink(place)
    folder = os.path.dirname(place)
    while len(folder) > len(work):
        try:
            os.rmdir(folder)
        except OSError:  # holds something else, or is not there
            return
        folder = os.path.dirname(folder)


def empty(place: str, mode: int) -> None:
    """Remove all that lies in a folder, whatever permissions and however deep a nesting a job left.

    Inner folders are moved to the top before they are emptied: a path never grows longer than the kernel takes, and
    nothing recurses.
    """
    with contextlib.suppress(PermissionError):  # not ours, so no job could change it
        os.chmod(place, mode)
    waiting = [os.path.join(place, name) for name in os.listdir(place)]
    number = 0
    while waiting:
        path = waiting.pop()
        if os.path.islink(path) or not os.path.isdir(path):
            os.unlink(path)
            continue
        os.chmod(path, 0o700)
        for name in os.listdir(path):
            inner = os.path.join(path, name)
            if os.path.islink(inner) or not os.path.isdir(inner):
                os.unlink(inner)
                continue
            os.chmod(inner, 0o700)  # moving a folder writes its "..", which takes permission to write it
            away = os.path.join(place, ".removed-%d" % number)
            while os.path.lexists(away):
                number += 1
                away = os.path.join(place, ".removed-%d" % number)
            os.rename(inner, away)
            waiting.append(away)
        os.rmdir(path)


def copy_tree(source: str, destination: str) -> None:
    """Copy files and folders with their dates, readable and writable by us alone."""
    for entry in os.scandir(source):
        target = os.path.join(destination, entry.name)
        if entry.is_dir(follow_symlinks=False):
            os.mkdir(target)
            copy_tree(entry.path, target)
        else:
            shutil.copyfile(entry.path, target)
            status = entry.stat()
            os.chmod(target, status.st_mode & 0o700 | 0o600)
            os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))  # the date that its bytecode belongs to


def remove_ipc() -> None:
    """Remove what System V IPC keeps without a process."""
    for kind, control in (("shm", LIBC.shmctl), ("msg", LIBC.msgctl), ("sem", LIBC.semctl)):
        try:
            with open("/proc/sysvipc/" + kind, encoding="ascii") as table:
                numbers = [int(line.split()[1]) for line in table.readlines()[1:]]
        except FileNotFoundError:  # a kernel without it
            continue
        for number in numbers:
            if kind == "sem":
                control(number, 0, 0)  # 0 is IPC_RMID
            else:
                control(number, 0, None)


def limit(limits: dict[str, int]) -> None:
    """Bound what one process may use. After `isolate`: the number of processes is then counted in its namespace alone."""
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_MSGQUEUE, 0),  # a queue would outlive the job
    ):
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def give_up_rights() -> None:
    """Drop every capability for good, and refuse the calls in `DENIED` from now on."""
    for number in range(64):
        if LIBC.prctl(PR_CAPBSET_DROP, number, 0, 0, 0):
            break  # past the last one, or not ours to drop
    LIBC.prctl(PR_CAP_AMBIENT, 4, 0, 0, 0)  # 4 clears them all
    header = struct.pack("=II", 0x20080522, 0)
    check(LIBC.capset(header, struct.pack("=6I", *[0] * 6)), "capset")
    check(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    if platform.machine() in MACHINES:
        filter_calls(*MACHINES[platform.machine()])


def filter_calls(column: int, architecture: int, clone: int, other_numbering: int) -> None:
    """Install a seccomp filter (classic BPF: load 0x20, jump 0x15 ==, 0x25 >, 0x45 &, return 0x06)."""
    refuse, missing, allow = 0x00050000 | EPERM, 0x00050000 | ENOSYS, 0x7FFF0000
    steps = [(0x20, 0, 0, 4), (0x15, 1, 0, architecture), (0x06, 0, 0, refuse), (0x20, 0, 0, 0)]
    if other_numbering:
        steps += [(0x45, 0, 1, other_numbering), (0x06, 0, 0, refuse)]
    # Newer calls than this list knows, and `clone3`, whose flags lie in memory: callers fall back to the old ones.
    steps += [(0x25, 0, 1, LAST_KNOWN), (0x06, 0, 0, missing), (0x15, 0, 1, CLONE3), (0x06, 0, 0, missing)]
    for name, numbers in DENIED.items():
        if numbers[column] >= 0:
            steps += [(0x15, 0, 1, numbers[column]), (0x06, 0, 0, missing if name in ABSENT else refuse)]
    own = [(0x15, 0, 1, 0), (0x06, 0, 0, allow), (0x06, 0, 0, refuse)]
    for numbers in OWN_ONLY.values():
        steps += [(0x15, 0, 4, numbers[column]), (0x20, 0, 0, 16), *own]
    # Of a process (0), and that oneself; not of a user or a group.
    steps += [(0x15, 0, 6, SETPRIORITY[column]), (0x20, 0, 0, 16), (0x15, 0, 3, 0), (0x20, 0, 0, 24), *own]
    steps += [(0x15, 0, 3, clone), (0x20, 0, 0, 16), (0x45, 0, 1, CLONE_NEW), (0x06, 0, 0, refuse), (0x06, 0, 0, allow)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    pointer = struct.pack("@HP", len(steps), ctypes.addressof(program))
    check(LIBC.prctl(PR_SET_SECCOMP, 2, pointer, 0, 0), "seccomp")
