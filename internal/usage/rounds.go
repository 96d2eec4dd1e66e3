package usage

import (
	"context"
	"errors"
	"time"
)

// What is worked out beside the counting goes in rounds over the platforms that are due, the longest waiting first.

const (
	workFor     = 30 * time.Second // of a job's minute, before nothing more is begun
	longestStep = 25 * time.Second // for what is begun
)

// inTurn makes a step for each of those that are due, and rests after each for many times as long as it took: so a round takes a
// twentieth of a connection and leaves the rest to the counting, however many are due. What there is no time for is left to the
// next round. A step that fails leaves the others as they are.
func inTurn[T any](ctx context.Context, due []T, step func(T) error) error {
	ends := time.Now().Add(workFor)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-longestStep-time.Second).Before(ends) {
		ends = deadline.Add(-longestStep - time.Second) // so that what was begun ends in the time of the job
	}
	var failed error
	for i, one := range due {
		began := time.Now()
		failed = errors.Join(failed, step(one))
		rest := 19 * time.Since(began)
		if i == len(due)-1 || time.Now().Add(rest).After(ends) {
			break
		}
		select {
		case <-ctx.Done():
			return errors.Join(failed, ctx.Err())
		case <-time.After(rest):
		}
	}
	return failed
}

// bounded runs fn with the time that one step of such work may take.
func bounded(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, longestStep)
	defer cancel()
	return fn(ctx)
}
