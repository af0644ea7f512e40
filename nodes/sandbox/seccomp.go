package sandbox

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// allowed are the system calls that programs in Python make. All others fail with
// EPERM: mounting, tracing, namespaces, keys, kernel modules, BPF, io_uring, and the
// shared memory and queues of System V and POSIX, which outlive their processes.
var allowed = []string{
	// files
	"access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
	"faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchown", "fchownat", "fcntl",
	"fdatasync", "fgetxattr", "flistxattr", "flock", "fstat", "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd",
	"getdents", "getdents64", "getxattr", "ioctl", "lchown", "lgetxattr", "link", "linkat", "listxattr", "llistxattr",
	"lseek", "lstat", "memfd_create", "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2", "pipe", "pipe2",
	"pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readlink", "readlinkat", "readv",
	"rename", "renameat", "renameat2", "rmdir", "sendfile", "splice", "stat", "statfs", "statx", "symlink", "symlinkat",
	"sync_file_range", "tee", "truncate", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimes", "write", "writev",
	// memory
	"brk", "madvise", "membarrier", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mprotect", "mremap", "msync",
	"munlock", "munlockall", "munmap",
	// processes, threads and signals
	"alarm", "arch_prctl", "capget", "clone", "clone3", "execve", "execveat", "exit", "exit_group", "fork", "futex",
	"futex_waitv", "get_robust_list", "getcpu", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp",
	"getpid", "getppid", "getpriority", "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid",
	"kill", "nanosleep", "pause", "pidfd_open", "pidfd_send_signal", "prctl", "restart_syscall", "rseq",
	"rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
	"rt_sigtimedwait", "setgroups", "setresgid", "setresuid", "capset", "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr",
	"sched_getparam", "sched_getscheduler", "sched_rr_get_interval", "sched_yield", "set_robust_list", "set_tid_address",
	"setitimer", "getitimer", "setpgid", "setpriority", "setrlimit", "setsid", "sigaltstack", "tgkill", "tkill", "vfork",
	"wait4", "waitid",
	// waiting and time
	"clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait",
	"epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "gettimeofday", "poll", "ppoll", "pselect6", "select",
	"signalfd", "signalfd4", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime",
	"timerfd_create", "timerfd_gettime", "timerfd_settime", "times",
	// sockets: there is no network, but asyncio and multiprocessing talk over local ones
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom", "recvmmsg",
	"recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "socketpair",
	// the machine
	"getrandom", "sysinfo", "uname",
}

// refusedFlags are the flags of clone that make namespaces, or children of the fork
// server's that it knows nothing of. (clone3 hides its flags in memory; it fails as if the
// kernel had none, and libraries fall back to clone.)
const refusedFlags = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWTIME | unix.CLONE_PARENT

// systemCalls returns the filter as the kernel takes it: struct sock_filter, one after
// another.
var systemCalls = sync.OnceValues(func() ([]byte, error) {
	policy, err := filterPolicy()
	if err != nil {
		return nil, err
	}
	return assembled(policy)
})

// judgeSocket is the descriptor by which a candidate talks with the judge.
const judgeSocket = 3

// sealed returns the filter that is added for a candidate that shares its process with
// tests. It ends what installs a handler of signals, which would see the frames of tests,
// or starts a process, which would inherit them, and what puts another file in the place of
// the socket to the judge.
var sealed = sync.OnceValues(func() ([]byte, error) {
	info, err := arch.GetInfo("")
	if err != nil {
		return nil, err
	}
	forks := slices.DeleteFunc([]string{"fork", "vfork"}, func(name string) bool {
		_, known := info.SyscallNames[name]
		return !known
	})
	end := seccomp.ActionKillProcess
	replaces := []seccomp.NameWithConditions{}
	if _, known := info.SyscallNames["dup2"]; known {
		replaces = append(replaces, seccomp.NameWithConditions{Name: "dup2", Conditions: seccomp.ArgumentConditions{{Argument: 1, Operation: seccomp.Equal, Value: judgeSocket}}})
	}
	return assembled(&seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls: []seccomp.SyscallGroup{
			{Action: end, Names: forks},
			{Action: end, NamesWithCondtions: append(replaces, []seccomp.NameWithConditions{
				{Name: "clone", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.BitsNotSet, Value: unix.CLONE_THREAD}}},
				{Name: "close", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.Equal, Value: judgeSocket}}},
				{Name: "close_range", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.LessOrEqual, Value: judgeSocket}}},
				{Name: "dup3", Conditions: seccomp.ArgumentConditions{{Argument: 1, Operation: seccomp.Equal, Value: judgeSocket}}},
				// The C library handles two signals of its own when the first thread starts.
				{Name: "rt_sigaction", Conditions: seccomp.ArgumentConditions{
					{Argument: 1, Operation: seccomp.NotEqual, Value: 0},
					{Argument: 0, Operation: seccomp.NotEqual, Value: 32},
					{Argument: 0, Operation: seccomp.NotEqual, Value: 33},
				}},
			}...)},
		},
	})
})

func assembled(policy *seccomp.Policy) ([]byte, error) {
	instructions, err := policy.Assemble()
	if err != nil {
		return nil, err
	}
	raw, err := bpf.Assemble(instructions)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = binary.Write(&b, binary.NativeEndian, raw)
	return b.Bytes(), err
}

func filterPolicy() (*seccomp.Policy, error) {
	info, err := arch.GetInfo("")
	if err != nil {
		return nil, err
	}
	plain := slices.DeleteFunc(slices.Clone(allowed), func(name string) bool {
		_, known := info.SyscallNames[name]
		return !known || name == "clone" || name == "clone3" // not every machine has every call
	})
	return &seccomp.Policy{
		DefaultAction: seccomp.ActionErrno,
		// Conditions come last: what fails one is compared with nothing more.
		Syscalls: []seccomp.SyscallGroup{
			{Action: seccomp.ActionAllow, Names: plain},
			{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: []string{"clone3"}},
			{Action: seccomp.ActionAllow, NamesWithCondtions: []seccomp.NameWithConditions{
				{Name: "clone", Conditions: seccomp.ArgumentConditions{{Operation: seccomp.BitsNotSet, Value: refusedFlags}}},
				{Name: "socket", Conditions: seccomp.ArgumentConditions{{Operation: seccomp.Equal, Value: unix.AF_UNIX}}},
				{Name: "socket", Conditions: seccomp.ArgumentConditions{{Operation: seccomp.Equal, Value: unix.AF_INET}}},
				{Name: "socket", Conditions: seccomp.ArgumentConditions{{Operation: seccomp.Equal, Value: unix.AF_INET6}}},
				{Name: "prlimit64", Conditions: seccomp.ArgumentConditions{{Operation: seccomp.Equal, Value: 0}}}, // of the caller itself
			}},
		},
	}, nil
}
