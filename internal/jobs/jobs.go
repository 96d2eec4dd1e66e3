// Package jobs runs work in the background, through River. It owns how a job is enqueued, worked and repeated; what a
// job does belongs to the module that enqueues it. The arguments of a job are ids only, and whoever works it believes
// nothing in them: the database is asked again.
package jobs

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/secret"
)

const schema = "river"

// Args are the arguments of a kind of job: a struct of ids whose Kind never changes.
type Args = river.JobArgs

// Outside is implemented by the arguments of jobs that wait for Stripe. They have a queue of their own, so that while
// Stripe is slow the other work goes on.
type Outside interface{ Outside() }

const outside = "outside"

const hurried = time.Millisecond

func queueOf(args Args) string {
	if _, ok := args.(Outside); ok {
		return outside
	}
	return river.QueueDefault
}

// Enqueuer puts jobs into a transaction: the job exists if and when that commits.
type Enqueuer struct{ client *river.Client[pgx.Tx] }

// NewEnqueuer makes an Enqueuer; it holds no connection.
func NewEnqueuer() (*Enqueuer, error) {
	client, err := river.NewClient(riverpgxv5.New(nil), &river.Config{Schema: schema})
	if err != nil {
		return nil, err
	}
	return &Enqueuer{client}, nil
}

// Hurry has each job announced at once, where otherwise those of a tenth of a second are announced together. It is called
// before anything is enqueued, and goes with that of the Registry.
func (e *Enqueuer) Hurry() (err error) {
	e.client, err = river.NewClient(riverpgxv5.New(nil), &river.Config{Schema: schema, FetchCooldown: hurried})
	return err
}

// Enqueue adds a job.
func (e *Enqueuer) Enqueue(ctx context.Context, tx db.Tx, args Args) error {
	_, err := e.client.InsertTx(ctx, tx.Pgx(), args, &river.InsertOpts{Queue: queueOf(args)})
	return err
}

// EnqueueIn adds a job that is not begun before the delay is over.
func (e *Enqueuer) EnqueueIn(ctx context.Context, tx db.Tx, delay time.Duration, args Args) error {
	_, err := e.client.InsertTx(ctx, tx.Pgx(), args, &river.InsertOpts{Queue: queueOf(args), ScheduledAt: time.Now().Add(delay)})
	return err
}

// Registry is what the modules' work is registered with before it starts.
type Registry struct {
	workers  *river.Workers
	periodic []*river.PeriodicJob
	pause    time.Duration
}

// Hurry has the work fetched as soon as there is any. Otherwise River takes a look ten times a second at the most, which is
// easier on the database.
func (r *Registry) Hurry() { r.pause = hurried }

// NewRegistry makes an empty Registry.
func NewRegistry() *Registry { return &Registry{workers: river.NewWorkers()} }

// Handle registers the work for one kind of job. An error has the job tried again later.
func Handle[T Args](r *Registry, work func(context.Context, T) error) {
	river.AddWorker(r.workers, river.WorkFunc(func(ctx context.Context, job *river.Job[T]) error {
		return work(ctx, job.Args)
	}))
}

// Every registers work that is done at the start and then again and again. One process enqueues it, but two runs may
// overlap, so it must bear that: a run is not unique, as one that a crash cut off would keep the next from its turn.
func Every[T Args](r *Registry, interval time.Duration, args T, work func(context.Context) error) {
	Handle(r, func(ctx context.Context, _ T) error { return work(ctx) })
	r.periodic = append(r.periodic, river.NewPeriodicJob(river.PeriodicInterval(interval),
		func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{Queue: queueOf(args), MaxAttempts: 1}
		}, &river.PeriodicJobOpts{RunOnStart: true}))
}

// Runner works the jobs of the database.
type Runner struct {
	client *river.Client[pgx.Tx]
	pool   *pgxpool.Pool
}

// Start begins to work. The URL must lead to PostgreSQL itself or a session pooler, as River listens for
// notifications; the session takes on the worker's role.
func Start(ctx context.Context, url secret.Text, r *Registry, log *slog.Logger) (*Runner, error) {
	cfg, err := pgxpool.ParseConfig(url.Reveal())
	if err != nil {
		return nil, errors.New("the worker's database URL can not be read")
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET ROLE "+string(db.Worker))
		return err
	}
	cfg.ConnConfig.RuntimeParams["application_name"] = string(db.Worker) + "_jobs"
	cfg.MaxConns = 6
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Schema:               schema,
		Workers:              r.workers,
		PeriodicJobs:         r.periodic,
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 16}, outside: {MaxWorkers: 16}},
		FetchCooldown:        r.pause, // 0 is River's own
		JobTimeout:           time.Minute,
		RescueStuckJobsAfter: 5 * time.Minute,
		ReindexerIndexNames:  []string{}, // only the owner may reindex, and nobody serves as the owner
		Logger:               slog.New(quiet{log.Handler()}),
		ErrorHandler:         errorLog{log},
	})
	if err != nil {
		pool.Close()
		return nil, err
	}
	if err := client.Start(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return &Runner{client, pool}, nil
}

// Stop lets the jobs under way end, until the context does; those left are tried again by another process.
func (r *Runner) Stop(ctx context.Context) error {
	defer r.pool.Close()
	if err := r.client.Stop(ctx); err != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return r.client.StopAndCancel(last)
	}
	return nil
}

// errorLog says which job failed and why. Arguments are ids, so they may be logged.
type errorLog struct{ log *slog.Logger }

func (e errorLog) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	e.log.WarnContext(ctx, "a job failed and will be tried again", "kind", job.Kind, "args", string(job.EncodedArgs),
		"attempt", job.Attempt, "error", err)
	return nil
}

func (e errorLog) HandlePanic(ctx context.Context, job *rivertype.JobRow, value any, _ string) *river.ErrorHandlerResult {
	e.log.ErrorContext(ctx, "a job panicked", "kind", job.Kind, "args", string(job.EncodedArgs), "panic", value,
		"stack", string(debug.Stack()))
	return nil
}

// quiet passes on River's warnings and errors; the rest is about River and not about us.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}
