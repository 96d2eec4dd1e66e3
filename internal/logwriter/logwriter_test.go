package logwriter_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/dream-api/dream-api/internal/logwriter"
)

// slow is a file whose writes end when they are let go.
type slow struct {
	letGo chan error

	mu     sync.Mutex
	writes []string
}

func (s *slow) Write(text []byte) (int, error) {
	s.mu.Lock()
	s.writes = append(s.writes, string(text))
	s.mu.Unlock()
	return len(text), <-s.letGo
}

func (s *slow) written() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.writes)
}

func add(t *testing.T, w *logwriter.Writer, text string) {
	t.Helper()
	if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestWhatIsAddedDuringAWriteIsTheNextOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := &slow{letGo: make(chan error)}
		w := logwriter.New(file)
		add(t, w, "a\n")
		synctest.Wait()
		add(t, w, "b\n")
		add(t, w, "c\n")
		file.letGo <- nil
		synctest.Wait()
		flushed := false
		go func() { w.Flush(); flushed = true }()
		synctest.Wait()
		if flushed {
			t.Error("it is flushed while lines wait")
		}
		add(t, w, "d\n")
		file.letGo <- nil
		synctest.Wait()
		if !flushed {
			t.Error("it waits for what was added later")
		}
		file.letGo <- nil
		synctest.Wait()
		if got := file.written(); !slices.Equal(got, []string{"a\n", "b\nc\n", "d\n"}) {
			t.Errorf("%q", got)
		}
		w.Flush() // where nothing waits
	})
}

func TestALogThatNobodyReadsIsNotKeptInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := &slow{letGo: make(chan error)}
		w := logwriter.New(file)
		line := strings.Repeat("x", 1<<10)
		added := 0
		go func() {
			for added < 5000 {
				add(t, w, line)
				added++
			}
		}()
		synctest.Wait()
		if added < 1000 || added > 2100 { // as much may be in the write under way
			t.Errorf("%d kilobytes wait", added)
		}
		close(file.letGo)
		synctest.Wait()
		w.Flush()
		if got := len(strings.Join(file.written(), "")); added != 5000 || got != 5000<<10 {
			t.Errorf("of %d kilobytes, %d bytes are written", added, got)
		}
	})
}

func TestAFailureLosesNothingButItsOwnLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := &slow{letGo: make(chan error, 2)}
		w := logwriter.New(file)
		file.letGo <- errors.New("the disk is full")
		add(t, w, "a\n")
		w.Flush()
		file.letGo <- nil
		add(t, w, "b\n") // there may be room again
		w.Flush()
		if got := file.written(); !slices.Equal(got, []string{"a\n", "b\n"}) {
			t.Errorf("%q", got)
		}
	})
}

func TestLinesOfManyStayWhole(t *testing.T) {
	t.Parallel()
	file := &slow{letGo: make(chan error)}
	close(file.letGo)
	w := logwriter.New(file)
	var writers sync.WaitGroup
	for n := range 20 {
		writers.Go(func() {
			for i := range 500 {
				add(t, w, fmt.Sprintf("writer %d says %d\n", n, i))
			}
		})
	}
	writers.Wait()
	w.Flush()
	next := make([]int, 20)
	for line := range strings.Lines(strings.Join(file.written(), "")) {
		var n, i int
		if _, err := fmt.Sscanf(line, "writer %d says %d\n", &n, &i); err != nil || next[n] != i {
			t.Fatalf("%q follows line %d of that writer: %v", line, next[n]-1, err)
		}
		next[n]++
	}
	if slices.Min(next) != 500 {
		t.Errorf("of 500 lines each: %v", next)
	}
}
