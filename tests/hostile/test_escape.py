"""Leaving the sandbox, or reaching the runner: an answer that is right only where the attempt succeeds."""

from __future__ import annotations

import pytest

from tests.hostile.trial import assert_earns_nothing, right_if
from ttc_data.sandbox.protocol import Sandbox

ATTEMPTS = {
    "ptrace of process 1": "return libc.ptrace(16, 1, None, None) == 0 or libc.ptrace(0x4206, 1, None, None) == 0",
    "ptrace of its own child": (
        "pid = os.fork()\nif not pid:\n    signal.pause()\ndone = libc.ptrace(16, pid, None, None) == 0\n"
        "os.kill(pid, 9)\nreturn done"
    ),
    "the memory of process 1": "return open('/proc/1/mem', 'rb')",
    "the memory of process 1, written": "return open('/proc/1/mem', 'r+b')",
    "the descriptors of process 1": (
        "for fd in range(64):\n    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):\n"
        "        with contextlib.suppress(OSError):\n"
        "            return os.open('/proc/1/fd/%d' % fd, flags) >= 0"
    ),
    "the names of process 1's descriptors": "return os.listdir('/proc/1/fd')",
    "the environment and arguments of process 1": "return open('/proc/1/environ', 'rb').read()",
    "the maps of process 1": "return open('/proc/1/maps').read()",
    "the root of process 1": "return os.listdir('/proc/1/root')",
    "the work folder of process 1": "return os.listdir('/proc/1/cwd')",
    "process_vm_readv": (
        "class Part(ctypes.Structure):\n    _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]\n"
        "mine, its = ctypes.create_string_buffer(8), Part(0x400000, 8)\n"
        "return libc.process_vm_readv(1, ctypes.byref(Part(ctypes.addressof(mine), 8)), 1, ctypes.byref(its), 1, 0) > 0"
    ),
    "a descriptor taken through a pidfd": (
        "pidfd = os.pidfd_open(1)\nreturn any(libc.syscall(438, pidfd, fd, 0) >= 0 for fd in range(64))"
    ),
    "signals to process 1": (
        "for number in signal.valid_signals():\n    os.kill(1, number)\n"
        "with contextlib.suppress(OSError):\n    for number in (9, 15, 19):\n"
        "        signal.pidfd_send_signal(os.pidfd_open(1), number)"
    ),
    "queued signals to process 1": "for number in range(1, 65):\n    libc.sigqueue(1, number, None)",
    "a namespace of users": "return libc.unshare(0x10000000) == 0",
    "every namespace by itself": "return any(libc.unshare(1 << bit) == 0 for bit in (7, 17, 25, 26, 27, 28, 29, 30))",
    "clone with a namespace": (
        "pid = libc.syscall(56, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)\nif pid == 0:\n    os._exit(0)\nreturn pid > 0"
    ),
    "clone3 with a namespace": (
        "import struct\nwords = ctypes.create_string_buffer(struct.pack('8Q', 0x10000000, 0, 0, 0, signal.SIGCHLD, "
        "0, 0, 0))\n"
        "pid = libc.syscall(435, words, 64)\nif pid == 0:\n    os._exit(0)\nreturn pid > 0"
    ),
    "the namespaces of process 1": (
        "for path in glob.glob('/proc/1/ns/*'):\n    with contextlib.suppress(OSError):\n"
        "        if libc.setns(os.open(path, 0), 0) == 0:\n            return True"
    ),
    "a crash that the machine's own program is handed": (
        "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "libc.syscall(160, 4, (ctypes.c_ulong * 2)(0, 0))\nreturn resource.getrlimit(resource.RLIMIT_CORE)[0] != 1"
    ),
    "mount": "return libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0",
    "mount of the host's disk": (
        "return any(libc.mount(path.encode(), b'/tmp', b'ext4', 1, None) == 0 for path in glob.glob('/dev/[vsn]*'))"
    ),
    "mount by the new calls": "return libc.syscall(430, b'tmpfs', 0) >= 0 or libc.syscall(428, -100, b'/', 1) >= 0",
    "umount": "return libc.umount2(b'/testbed', 2) == 0 or libc.umount2(b'/environment/tree', 2) == 0",
    "remount with write access": "return libc.mount(b'none', b'/', None, 32, None) == 0",
    "pivot_root": "return libc.syscall(155, b'/tmp', b'/tmp') == 0",
    "chroot": (
        "os.mkdir('/tmp/root')\nout = os.open('/', 0)\nos.chroot('/tmp/root')\nos.fchdir(out)\nreturn True"
    ),
    "becoming root": (
        "for call in (os.setuid, os.setgid, os.seteuid):\n    with contextlib.suppress(OSError):\n        call(0)\n"
        "        return True\n"
        "os.setgroups([0])\nreturn True"
    ),
    "programs that make one root": (
        "import subprocess\nfor name in ('su', 'sudo', 'pkexec', 'mount', 'newuidmap', 'passwd', 'chsh'):\n"
        "    with contextlib.suppress(OSError):\n"
        "        said = subprocess.run([name, '-c', 'id -u'], capture_output=True, stdin=-3, timeout=1).stdout\n"
        "        if said.strip() == b'0':\n            return True"
    ),
    "a program with the set-user bit": (
        "import shutil\nshutil.copy('/bin/cat', '/tmp/cat')\nos.chown('/tmp/cat', 0, 0)\n"
        "os.chmod('/tmp/cat', 0o4755)\nreturn True"
    ),
    "capabilities": (
        "import struct\nheader = struct.pack('=II', 0x20080522, 0)\n"
        "return libc.capset(header, struct.pack('=6I', *[0xffffffff] * 6)) == 0"
    ),
    "a key of the kernel": (
        "return libc.syscall(248, b'user', b'x', b'x', 1, -4) > 0 or libc.syscall(250, 0, -4, 1) > 0"
    ),
    "bpf": "return libc.syscall(321, 0, ctypes.create_string_buffer(128), 128) >= 0",
    "io_uring": "return libc.syscall(425, 8, ctypes.create_string_buffer(128)) >= 0",
    "userfaultfd": "return libc.syscall(323, 0) >= 0 or libc.syscall(323, 1) >= 0",
    "perf events": "return libc.syscall(298, ctypes.create_string_buffer(128), 0, -1, -1, 0) >= 0",
    "open_by_handle_at": (
        "import struct\nhandle = ctypes.create_string_buffer(struct.pack('=IiQ', 8, 1, 2))\n"
        "return libc.open_by_handle_at(os.open('/', 0), handle, 0) >= 0"
    ),
    "a module of the kernel": "return libc.syscall(313, os.open('/dev/null', 0), b'', 0) == 0",
    "kernel settings": (
        "paths = glob.glob('/proc/sys/kernel/*') + glob.glob('/proc/sys/[nuv][a-z]*/*')\nfor path in paths:\n"
        "    with contextlib.suppress(OSError, ValueError):\n        with open(path, 'r+b', 0) as file:\n"
        "            text = file.read(100)\n            file.seek(0)\n            return file.write(text) > 0\n"
        "with open('/proc/sysrq-trigger', 'w'):\n    return True"
    ),
    "the log of the kernel": (
        "return os.open('/dev/kmsg', os.O_RDONLY) >= 0 or libc.klogctl(3, ctypes.create_string_buffer(99), 99) >= 0"
    ),
    "control groups": (
        "for place, _, files in os.walk('/sys/fs/cgroup'):\n    for name in files:\n"
        "        with contextlib.suppress(OSError):\n"
        "            os.open(place + '/' + name, os.O_WRONLY)\n            return True"
    ),
    "devices": (
        "for path in glob.glob('/dev/[vsn]d*') + ['/dev/mem', '/dev/kvm', '/dev/fuse', '/dev/net/tun', "
        "'/dev/loop-control', '/dev/vsock']:\n"
        "    with contextlib.suppress(OSError):\n        os.open(path, os.O_RDWR)\n        return True"
    ),
    "device nodes": "import stat\nos.mknod('/tmp/disk', 0o600 | stat.S_IFBLK, os.makedev(254, 0))\nreturn True",
    "a terminal's input": "import fcntl\nreturn fcntl.ioctl(0, 0x5412, b'x') == b'x' and os.isatty(0)",
    "the clock": "import time\ntime.clock_settime(time.CLOCK_REALTIME, 0)\nreturn True",
    "the network": (
        "for address in (('1.1.1.1', 80), ('169.254.169.254', 80), ('172.17.0.1', 2375), ('10.0.0.1', 22)):\n"
        "    with contextlib.suppress(OSError):\n        return socket.create_connection(address, 0.3)"
    ),
    "names of the network": "return socket.getaddrinfo('example.org', 80)",
    "raw and packet sockets": (
        "for kind in ((socket.AF_PACKET, socket.SOCK_RAW), (socket.AF_INET, socket.SOCK_RAW)):\n"
        "    with contextlib.suppress(OSError):\n"
        "        return socket.socket(*kind)"
    ),
    "a network device of its own": (
        "import fcntl\nhandle = os.open('/dev/net/tun', os.O_RDWR)\n"
        "fcntl.ioctl(handle, 0x400454ca, b'tap0' + bytes(36))\nreturn True"
    ),
    "a socket to the virtual machine's host": (
        "sock = socket.socket(socket.AF_VSOCK)\nsock.settimeout(0.3)\nsock.connect((2, 1024))\nreturn True"
    ),
    "abstract sockets of the host": "return [one for one in open('/proc/net/unix') if '@' in one]",
    "the docker socket": (
        "for path in ('/var/run/docker.sock', '/run/docker.sock', '/run/containerd/containerd.sock', "
        "'/run/user/0/docker.sock'):\n"
        "    with contextlib.suppress(OSError):\n        socket.socket(socket.AF_UNIX).connect(path)\n"
        "        return True"
    ),
    "files of the host": (
        "paths = ('/etc/shadow', '/root/.bashrc', '/root/.ssh', '/home/user', '/work', '/srv', '/mnt/host', '/host', "
        "'/.dockerenv.secret')\n"
        "for path in paths:\n    with contextlib.suppress(OSError):\n"
        "        return os.listdir(path) if os.path.isdir(path) else open(path).read()"
    ),
    "a file of the host by a link": (
        "os.symlink('/proc/1/root/etc/shadow', '/tmp/link')\nreturn open('/tmp/link').read()"
    ),
    "the host's processes": (
        "return [name for name in os.listdir('/proc') if name.isdigit() and int(name) not in (1, os.getpid())]"
    ),
    "the environment's packages": "open('/environment/site/pytest.py', 'w').close()\nreturn True",
    "the environment's tree": (
        "path = '/environment/tree/calc/core.py'\nwith contextlib.suppress(OSError):\n    os.chmod(path, 0o666)\n"
        "open(path, 'a').close()\nreturn True"
    ),
    "the environment's folders renamed": "os.rename('/environment/tree', '/environment/other')\nreturn True",
    "the interpreter": "open(os.path.realpath(sys.executable), 'r+b')\nreturn True",
    "a limit of its own, raised": (
        "import resource\nfor kind in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, "
        "resource.RLIMIT_CORE):\n"
        "    with contextlib.suppress(OSError, ValueError):\n        soft, hard = resource.getrlimit(kind)\n"
        "        resource.setrlimit(kind, (hard + 1, hard + 1))\n"
        "        if resource.getrlimit(kind) != (soft, hard):\n            return True"
    ),
    "a higher priority": "os.setpriority(os.PRIO_PROCESS, 0, -5)\nreturn True",
    "a lower weight": "os.nice(5)\nreturn os.nice(0) > 0",
    "a policy for idle times": "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nreturn True",
    "a longer slice": (
        "import struct\nasked = struct.pack('=IIQiIQQQ', 48, 0, 0, 0, 0, 10**8, 0, 0)\n"
        "return libc.syscall({'x86_64': 314, 'aarch64': 274}[os.uname().machine], 0, asked, 0) == 0"
    ),
    "yielding the rest of a slice": (
        "def forfeited():\n    lines = open('/proc/self/sched').read().splitlines()\n"
        "    return next(float(line.split(':')[1]) for line in lines if line.startswith('se.vruntime'))\n"
        "before, begun = forfeited(), time.process_time()\n"
        "while time.process_time() < begun + 0.1:\n    os.sched_yield()\n"
        "return forfeited() - before > 5_000"
    ),
    "real-time scheduling": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))\nreturn True",
    "locked memory": "return libc.mlockall(3) == 0 and libc.mlock(ctypes.create_string_buffer(1 << 27), 1 << 27) == 0",
    "the job's mounts seen from the runner": (
        "return 'overlay' in open('/proc/1/mounts').read().split('/testbed')[1][:20]"
    ),
    "32-bit system calls": "return libc.personality(8) == -1 and libc.syscall(0x40000000 | 39) > 0",
    "another numbering of system calls": "return libc.syscall(0x40000000 | 39) > 0",
    "System V objects of other jobs": (
        "return any(len(open('/proc/sysvipc/' + kind).readlines()) > 1 for kind in ('shm', 'msg', 'sem'))"
    ),
}  # fmt: skip


@pytest.mark.parametrize("technique", ATTEMPTS)
def test_escape_by(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, right_if(ATTEMPTS[technique]), timeout_s=6.0)
