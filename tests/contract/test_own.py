"""What a job has of its own: nothing that it changes, counts or is told is another job's."""

from __future__ import annotations

import pytest

from tests.sandboxes import LIMITS, CopyingHost, Place, outcomes, session
from ttc_data.sandbox.protocol import Sandbox

OWN = f"""
import os
import socket
import time
from pathlib import Path

import pytest

MEMORY = {LIMITS.memory_bytes}


def test_processes():
    assert os.getpid() == 2
    assert os.getppid() == 1
    assert [name for name in os.listdir("/proc") if name.isdigit()] == ["2"]
    pid = os.fork()
    if not pid:
        os._exit(0)
    assert pid == os.waitpid(pid, 0)[0] == 3


def test_clocks():
    for clock in (time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME):
        assert 10_000 <= time.clock_gettime(clock) < 10_060
    assert abs(time.time() - Path("/proc/self").stat().st_ctime) < 60


def test_network():
    assert socket.if_nameindex() == [(1, "lo")]
    lines = [line.split() for line in Path("/proc/net/dev").read_text().splitlines() if ":" in line]
    assert [(line[0], line[1], line[9]) for line in lines] == [("lo:", "0", "0")]


def readable(place):
    found = set()
    for name in os.listdir(place):
        try:
            os.listdir(place + "/" + name) if os.path.isdir(place + "/" + name) else open(place + "/" + name).close()
            found.add(name)
        except PermissionError:
            pass
    return found


def test_of_networks_it_counts_its_own():
    shown = readable("/proc/net")
    assert {{"dev", "route"}} <= shown <= {{
        "arp", "dev", "dev_mcast", "fib_trie", "if_inet6", "igmp", "igmp6", "ipv6_route", "netstat", "route", "snmp", "snmp6",
    }}
    assert {{"sockstat", "softnet_stat", "stat", "tcp", "udp", "unix"}} <= set(os.listdir("/proc/net")) - shown
    assert readable("/proc/thread-self/net") == readable("/proc/self/task/2/net") == shown
    pid = os.fork()
    if not pid:
        time.sleep(30)
    assert readable(f"/proc/{{pid}}/net") == shown
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    held = os.open("/proc/self/net/sockstat", os.O_PATH)
    for place in ("/proc/net/sockstat", "/proc/self/net/stat", f"/proc/self/fd/{{held}}"):
        with pytest.raises(OSError):
            os.chmod(place, 0o777)


def test_host_name():
    assert socket.gethostname() == "sandbox"


def test_devices():
    assert set(os.listdir("/dev")) == {{
        "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero",
    }}
    assert os.listdir("/dev/shm") == os.listdir("/dev/mqueue") == [] and os.listdir("/dev/pts") == ["ptmx"]
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        with pytest.raises(OSError):
            os.utime("/dev/" + name)
    with pytest.raises(OSError):
        os.utime(0)
    with pytest.raises(OSError):
        os.mkdir("/dev/more")
    with open("/dev/null", "w") as null, open("/dev/zero", "rb") as zero, open("/dev/urandom", "rb") as drawn:
        null.write("x")
        assert zero.read(3) == bytes(3) and len(drawn.read(3)) == 3
    os.close(os.openpty()[0])


def test_nothing_of_the_machine_is_counted():
    assert not os.path.exists("/sys") or os.listdir("/sys") == []
    assert os.getloadavg() == (0.0, 0.0, 0.0)
    assert os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") == MEMORY
    assert Path("/proc/meminfo").read_text().split()[:2] == ["MemTotal:", str(MEMORY // 1024)]
    for name in ("vmstat", "interrupts", "diskstats", "locks", "buddyinfo", "softirqs"):
        assert Path("/proc", name).read_text() == ""
    assert not os.path.exists("/proc/sys/fs/file-nr") and not os.path.exists("/proc/sys/kernel/random/entropy_avail")
    with pytest.raises(OSError):
        os.chmod("/proc/meminfo", 0o666)


def test_descriptors():
    names = set()
    for name in os.listdir("/proc/self/fd"):
        if os.path.lexists("/proc/self/fd/" + name):
            names.add(os.readlink("/proc/self/fd/" + name))
    assert len([name for name in names if name.startswith("pipe:")]) == 2  # what it prints and what it reports
    assert not [name for name in names if name.startswith(("socket:", "anon_inode:"))]
    assert not [line for line in open("/proc/self/maps") if " rw-s " in line]
"""


def test_a_job_has_its_own(place: Place, sandbox: Sandbox) -> None:
    """Twice: the second job is told the same as the first. Whatever process or thread asks, and by whatever path."""
    if isinstance(place.host, CopyingHost):
        pytest.skip("jobs of this sandbox share what is asked for here, and it says so")
    for _ in range(2):
        report = sandbox.run(session(OWN))
        assert set(outcomes(report).values()) == {"passed"}, report.tests
        assert len(report.tests) == 8


NETLINK = """
import socket
import struct

import pytest

LINK, ADDRESS, NEIGHBOUR, NEIGHBOURS_TABLE, DUMP = 18, 22, 30, 66, 0x301
ATTACH, DETACH, LOCK = 26, 27, 44


@pytest.fixture
def netlink():
    with socket.socket(16, socket.SOCK_RAW, 0) as link:
        link.settimeout(0.2)
        yield link


def ask(link, kind, family):
    link.send(struct.pack("IHHII", 20, kind, DUMP, 1, 0) + struct.pack("B3x", family))
    return struct.unpack_from("IH", link.recv(65536))[1]


def test_interfaces_and_addresses(netlink):
    assert socket.if_nameindex() == [(1, "lo")]
    assert socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4] == ("127.0.0.1", 80)
    assert ask(netlink, LINK, 0) == 16


def test_addresses(netlink):
    assert ask(netlink, ADDRESS, 0) == 20


@pytest.mark.parametrize("locked", ["as it is", "after an attempt to unlock it"])
def test_tables_of_neighbours(netlink, locked):
    if locked != "as it is":
        for option in (ATTACH, DETACH, LOCK):
            with pytest.raises(OSError):
                netlink.setsockopt(socket.SOL_SOCKET, option, bytes(16))
    with pytest.raises(TimeoutError):
        ask(netlink, NEIGHBOURS_TABLE, 2)


def test_flags():
    with socket.socket(16, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0) as link:
        assert not link.get_inheritable()
        with pytest.raises(BlockingIOError):
            link.recv(1)
    with pytest.raises(OSError):
        socket.socket(16, socket.SOCK_STREAM, 0)
"""


def test_netlink_tells_of_interfaces_and_not_of_neighbours(place: Place, sandbox: Sandbox) -> None:
    """The tables of neighbours are counted for all namespaces together."""
    if isinstance(place.host, CopyingHost):
        pytest.skip("jobs of this sandbox share what is asked for here, and it says so")
    report = sandbox.run(session(NETLINK))
    assert set(outcomes(report).values()) == {"passed"}, report.tests
    assert len(report.tests) == 5


FAMILIES = """
import ctypes
import errno
import socket

import pytest

NETLINK, MPTCP = 16, 262


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_allowed(family, kind):
    socket.socket(family, kind).close()


def test_a_pair_and_the_list_of_interfaces():
    for end in socket.socketpair():
        end.close()
    socket.socket(NETLINK, socket.SOCK_RAW, 0).close()


@pytest.mark.parametrize("family", [number for number in range(3, 60) if number not in (10, NETLINK)])
def test_refused(family):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        with pytest.raises(OSError) as caught:
            socket.socket(family, kind)
        assert caught.value.errno == errno.EAFNOSUPPORT


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize("protocol", [1, 33, 132, 136, MPTCP])
def test_refused_protocols(family, protocol):
    with pytest.raises(OSError) as caught:
        socket.socket(family, socket.SOCK_STREAM, protocol)
    assert caught.value.errno == errno.EPROTONOSUPPORT


@pytest.mark.parametrize("protocol", [4, 9, 12, 15, 16])
def test_refused_netlink(protocol):
    with pytest.raises(OSError):
        socket.socket(NETLINK, socket.SOCK_RAW, protocol)
"""


def test_socket_families_are_a_list_of_what_is_allowed(sandbox: Sandbox) -> None:
    """AF_VSOCK knows no network namespaces; the others are more of the kernel than tests need."""
    report = sandbox.run(session(FAMILIES))
    assert set(outcomes(report).values()) == {"passed"}, report.tests
    assert len(report.tests) == 6 + 1 + 55 + 10 + 5


TELLING = """
import ctypes
import errno
import mmap
import os
import socket
import time

import pytest

libc = ctypes.CDLL(None, use_errno=True)
PLACE = "/environment/site/pytest/__init__.py"


def refused(call, *arguments):
    assert libc.syscall(call, *arguments) == -1
    return ctypes.get_errno()


@pytest.mark.parametrize("call", [451, 300, 206, 458, 27, 303, 434, 457], ids=str)
def test_not_there(call):
    assert refused(call, 0, 0, 0, 0, 0, 0) == errno.ENOSYS


def test_advice_has_no_effect_and_no_error():
    held = os.open(PLACE, os.O_RDONLY)
    os.posix_fadvise(held, 0, 0, os.POSIX_FADV_DONTNEED)
    os.sync()
    os.close(held)


def test_pages_in_memory_are_not_told():
    held = os.open(PLACE, os.O_RDONLY)
    with pytest.raises(OSError):
        os.preadv(held, [bytearray(10)], 0, os.RWF_NOWAIT)
    assert os.preadv(held, [bytearray(10)], 0) == 10
    with mmap.mmap(-1, 4096) as memory:
        memory.madvise(mmap.MADV_DONTNEED)
        for advice in (12, 20, 21):
            with pytest.raises(OSError):
                memory.madvise(advice)


@pytest.mark.parametrize("option", [57, 71, 76, 77, 85, 200])
def test_options_of_sockets(option):
    one, other = socket.socketpair()
    with one, other:
        for call in (lambda: one.getsockopt(socket.SOL_SOCKET, option, 8), lambda: one.setsockopt(socket.SOL_SOCKET, option, 1)):
            with pytest.raises(OSError) as caught:
                call()
            assert caught.value.errno == errno.ENOPROTOOPT
        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_range_of_ports(family):
    with socket.socket(family) as one:
        with pytest.raises(OSError) as caught:
            one.setsockopt(socket.IPPROTO_IP, 51, 0)
        assert caught.value.errno == errno.ENOPROTOOPT
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def test_clocks_of_others():
    child = os.fork()
    if not child:
        time.sleep(5)
        os._exit(0)
    for pid in (1, child):
        with pytest.raises(OSError):
            time.clock_gettime((~pid << 3) | 2)
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID) > 0 and time.thread_time() > 0
    assert time.clock_gettime((~0 << 3) | 2) > 0
"""


def test_calls_that_tell_of_others_are_not_there(sandbox: Sandbox) -> None:
    report = sandbox.run(session(TELLING))
    assert set(outcomes(report).values()) == {"passed"}, report.tests
