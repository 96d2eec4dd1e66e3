package localpg

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// tailSize is about twenty lines of a server's log.
const tailSize = 4 << 10

// tail passes a log on and remembers its end, for the error of a start that fails.
type tail struct {
	to io.Writer

	mu  sync.Mutex
	end []byte
}

func newTail(to io.Writer) *tail {
	if to == nil {
		to = io.Discard
	}
	return &tail{to: to}
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.end = append(t.end, p...)
	if extra := len(t.end) - tailSize; extra > 0 {
		t.end = append(t.end[:0], t.end[extra:]...)
	}
	t.mu.Unlock()
	return t.to.Write(p)
}

// explain adds the last lines of the log to the error of a start.
func (t *tail) explain(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := t.end
	if len(end) == 0 {
		return err
	}
	if _, rest, found := bytes.Cut(end, []byte("\n")); found && len(end) == tailSize {
		end = rest // the first line lost its beginning
	}
	return fmt.Errorf("%w; the end of its log:\n%s", err, bytes.TrimRight(end, "\n"))
}
