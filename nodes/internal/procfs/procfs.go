// Package procfs reads what the kernel tells about processes.
package procfs

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The fields of Stat.
const (
	State   = 0 // a letter: Z is a process that has ended and wasn't waited for
	Session = 3
	Start   = 19 // in ticks since the machine started
)

// Stat returns what /proc/PID/stat says after the name of the process, nil if there is
// no such process.
func Stat(pid int) []string {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	text := string(b)
	fields := strings.Fields(text[strings.LastIndex(text, ")")+1:]) // the name before may have blanks
	if err != nil || len(fields) <= Start {
		return nil
	}
	return fields
}
