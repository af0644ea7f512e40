package cas

import (
	"context"

	"github.com/ouroflow/ouroflow/engine/digest"
)

// Holder says who has a row.
type Holder int

// The holders that Claim.Take tells apart.
const (
	Known  Holder = iota // it is stored
	Mine                 // nobody had it; this claim does now
	Theirs               // another live claim computes it
)

// Claim divides the rows of a group among all who work on some of them at the
// same time, in one process or in many. What it took is free again when it is
// closed or its process ends, however it ends.
type Claim interface {
	// Take brings x up to date with what others stored, and takes those of keys
	// that are neither stored nor taken. It returns the holder of each, and what
	// was found damaged on the way.
	Take(x *Index, keys []digest.Digest) ([]Holder, []*Miss, error)
	// Close gives back what was taken and isn't stored.
	Close() error
}

// Locker lets one of several runs at a time compute what a key leads to.
type Locker interface {
	// Lock waits until nobody else holds key, and calls waiting once if that takes
	// time. The lock ends with unlock or with the process.
	Lock(ctx context.Context, key digest.Digest, waiting func()) (unlock func(), err error)
}
