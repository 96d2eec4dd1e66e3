// Package logwriter writes a log that many add to: while one write is under way, what is added is collected, and is the next
// one. So no request waits for the write of its line, and the busier the program is the fewer writes it makes.
package logwriter

import (
	"io"
	"sync"
)

// most is how much may wait to be written. Who adds more waits, so that a log which nobody reads is not kept in memory.
const most = 1 << 20

// Writer collects what is written to it, and writes it a moment later. Only a program that is killed in that moment loses
// what waits: Flush before it ends.
type Writer struct {
	to io.Writer

	mu      sync.Mutex
	changed sync.Cond
	waiting []byte
	spare   []byte
	writing bool
	failed  error // of the last write; who writes next is told
}

// New makes a Writer.
func New(to io.Writer) *Writer {
	w := &Writer{to: to}
	w.changed.L = &w.mu
	return w
}

// Write implements io.Writer. Its error is that of an earlier write.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) > most {
		w.changed.Wait()
	}
	if err := w.failed; err != nil {
		w.failed = nil
		return 0, err
	}
	w.waiting = append(w.waiting, line...)
	if !w.writing {
		w.writing = true
		go w.drain()
	}
	return len(line), nil
}

// Flush returns when all is written that was written before.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.writing {
		w.changed.Wait()
	}
}

// drain writes until nothing waits.
func (w *Writer) drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) > 0 {
		text := w.waiting
		w.waiting, w.spare = w.spare[:0], nil
		w.mu.Unlock()
		_, err := w.to.Write(text)
		w.mu.Lock()
		if w.spare = text; err != nil {
			w.failed = err
		}
		w.changed.Broadcast()
	}
	w.writing = false
	w.changed.Broadcast()
}
