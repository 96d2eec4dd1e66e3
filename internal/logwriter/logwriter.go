// Package logwriter writes a log that many add to: while one write is under way, what is added is collected, and is the next
// one. So no request waits for the write of its line, and the busier the program is the fewer writes it makes.
package logwriter

import (
	"io"
	"sync"
)

// most is how much may wait to be written. Who adds more waits, so that a log which nobody reads is not kept in memory.
const most = 1 << 20

// Writer collects what is written to it, and writes it a moment later. A program that ends in that moment loses what waits, be it
// by a kill or a panic: Flush before it ends by itself, and use Handler, which has nothing wait that warns. What can not be
// written is lost.
type Writer struct {
	to io.Writer

	mu      sync.Mutex
	changed sync.Cond
	waiting []byte
	spare   []byte
	writing bool
	added   int64 // bytes
	written int64 // of those
}

// New makes a Writer.
func New(to io.Writer) *Writer {
	w := &Writer{to: to}
	w.changed.L = &w.mu
	return w
}

// Write implements io.Writer.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) > most {
		w.changed.Wait()
	}
	w.waiting = append(w.waiting, line...)
	w.added += int64(len(line))
	if !w.writing {
		w.writing = true
		go w.drain()
	}
	return len(line), nil
}

// Flush returns when all is written that was added before, whatever is added meanwhile.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for before := w.added; w.written < before; {
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
		_, _ = w.to.Write(text) // nobody could be told but by the log
		w.mu.Lock()
		w.spare, w.written = text, w.written+int64(len(text))
		w.changed.Broadcast()
	}
	w.writing = false
}
