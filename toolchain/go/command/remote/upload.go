// This file knows how an upload that takes long is told of: what is copied, how much of it, how long already and, where
// the resource has a time limit, how long at most.
package remote

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	provider "github.com/pulumi/pulumi-go-provider"
)

const (
	firstWord = 2 * time.Second
	nextWord  = 5 * time.Second
	mebibyte  = 1 << 20
)

// upload counts what is read of a content on its way to a machine.
type upload struct {
	content io.Reader
	size    int64
	read    atomic.Int64
}

// Read is the next piece.
func (u *upload) Read(piece []byte) (int, error) {
	length, err := u.content.Read(piece)
	u.read.Add(int64(length))
	return length, err
}

// Size is what the sftp client asks for, to send a large content in many pieces at once.
func (u *upload) Size() int64 { return u.size }

// tell says how far it is, beside the copying and until stop is called.
func (u *upload) tell(ctx context.Context, destination string) (stop func()) {
	began, over, told := time.Now(), make(chan struct{}), make(chan struct{})
	limit := "already"
	if end, isLimited := ctx.Deadline(); isLimited {
		limit = fmt.Sprintf("of at most %.0f s", end.Sub(began).Seconds())
	}
	go func() {
		defer close(told)
		for pause := firstWord; ; pause = nextWord {
			select {
			case <-over:
				return
			case <-time.After(pause):
				provider.GetLogger(ctx).InfoStatusf("waiting for %s to be copied: %.1f of %.1f MiB (%.0f s %s)",
					destination, mebibytes(u.read.Load()), mebibytes(u.size), time.Since(began).Seconds(), limit)
			}
		}
	}()
	return func() {
		close(over)
		<-told
	}
}

func mebibytes(count int64) float64 { return float64(count) / mebibyte }
