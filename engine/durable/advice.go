package durable

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Advise adds what to do to an error of a file system that has a known way out.
func Advise(err error) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%w; make room, for instance with `ouroflow cache gc`, then run again: what was stored before is kept", err)
	case errors.Is(err, unix.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; make the folder writable, or choose another with --cache or --runs, then run again: what was stored before is kept", err)
	default:
		return err
	}
}
