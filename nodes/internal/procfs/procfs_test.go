package procfs

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestStat(t *testing.T) {
	self := Stat(os.Getpid())
	session, err := unix.Getsid(0)
	if err != nil || self == nil || self[Session] != strconv.Itoa(session) || self[State] == "Z" {
		t.Errorf("stat = %q, session %d, %v", self, session, err)
	}
	if ticks, err := strconv.Atoi(self[Start]); err != nil || ticks <= 0 {
		t.Errorf("start = %q", self[Start])
	}
	if none := Stat(-1); none != nil {
		t.Errorf("a process that isn't has %q", none)
	}
}
