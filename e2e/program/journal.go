package program

import (
	"bytes"
	"strings"
	"sync"
)

// Journal is what a process has said so far.
type Journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *Journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *Journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// end is the last of it, which is where a failure shows.
func (j *Journal) end() string {
	all := strings.SplitAfter(j.String(), "\n")
	return strings.Join(all[max(0, len(all)-40):], "")
}
