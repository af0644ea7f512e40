package containers

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/ouroflow/ouroflow/nodes/internal/procfs"
)

// ownerOf names a process, also against a later one of the same number, and one in
// another namespace of processes.
func ownerOf(pid int) string {
	return fmt.Sprintf("%d %s %s", pid, startTime(pid), processNamespace())
}

// ownerName is this process as a part of names.
func ownerName() string { return strings.ReplaceAll(ownerOf(os.Getpid()), " ", "-") }

// processNamespace is the number of the namespace that process numbers belong to.
func processNamespace() string {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.Trim(strings.TrimPrefix(link, "pid:"), "[]")
}

// startTime is when a process was started, in ticks since the machine was; "" if
// there is no such process.
func startTime(pid int) string {
	stat := procfs.Stat(pid)
	if stat == nil {
		return ""
	}
	return stat[procfs.Start]
}

// isAlive reports whether an owner runs. Of those in other namespaces this can't be
// told, so they count as alive.
func isAlive(owner string) bool {
	fields := strings.Fields(owner)
	if len(fields) != 3 {
		return false
	}
	if fields[2] != processNamespace() {
		return true
	}
	pid, err := strconv.Atoi(fields[0])
	return err == nil && startTime(pid) == fields[1]
}
