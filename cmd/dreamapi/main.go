// Command dreamapi is the whole product in one program: the three surfaces, their background work, the migrations, and
// for development a PostgreSQL and stand-ins for third parties.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if os.Getenv("GOGC") == "" {
		// What is remembered of keys and users is many small things that live long, and each collection goes through all of
		// them: at the default of 100 that is a third of the work of a tracked call.
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		// What waits to be counted is bounded, but under a flood of large batches five times that would be a gigabyte: from
		// here on the collector runs as often as it takes.
		debug.SetMemoryLimit(384 << 20)
	}
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dreamapi:", err)
		var bad usageError
		if errors.As(err, &bad) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// usageError is a mistake in how the program was called.
type usageError string

func (e usageError) Error() string { return string(e) }

// version is set when a release is built.
var version = ""

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development"
}

// run is the program. It ends when its work is done or ctx is.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	command, rest := "help", []string(nil)
	if len(args) > 0 {
		command, rest = args[0], args[1:]
	}
	switch command {
	case "serve":
		return serve(ctx, rest, environ, stderr)
	case "dev":
		return dev(ctx, rest, environ, stdout, stderr)
	case "sandbox":
		return sandbox(ctx, rest, stdout, stderr)
	case "migrate":
		return migrate(ctx, rest, environ, stdout)
	case "developer-token":
		return developerToken(ctx, rest, environ, stdout)
	case "rebuild-usage":
		return rebuildUsage(ctx, rest, environ, stdout)
	case "version", "--version", "-v":
		_, err := fmt.Fprintln(stdout, versionText())
		return err
	case "help", "-h", "--help":
		return help(rest, stdout)
	default:
		return usageError(fmt.Sprintf("there is no command %q; `dreamapi help` lists them", command))
	}
}

func help(args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == "serve" {
		return helpServe(out)
	}
	if len(args) > 0 {
		return usageError("dreamapi help explains every command, and dreamapi help serve the variables of serve")
	}
	_, err := fmt.Fprint(out, `dreamapi gives a SaaS auth, billing and usage limits.

  dreamapi dev                    run everything on this machine: no account, no configuration
      --demo                      make a year of a product first, once: its customers, what they pay and what they use
      --demo-customers N          how many customers it has; 5000 unless said
      --demo-seed N               another year; the same seed gives the same one
  dreamapi serve                  serve in production; configured by the environment (dreamapi help serve)
      --migrate                   bring the schema up to date first
      --unsafe-durability         accept a database that may lose in a crash what was answered: with fsync,
                                  full_page_writes or synchronous_commit off
      --unsafe-sandbox            accept the addresses of a sandbox, and a database made for tests, whatever its durability
  dreamapi developer-token EMAIL  make a token for the JSON API of the developer who signed up at Clerk with EMAIL;
                                  reads the same environment as serve
  dreamapi sandbox                run only the stand-ins for third parties, for tests of serve
      --dir DIR                   keep their state there
      --clerk-addr HOST:PORT      where the one for Clerk listens; a free port unless said
      --stripe-addr HOST:PORT     where the one for Stripe listens; likewise
      --developer-url, --oauth-url, --customer-url URL
                                  the surfaces to which events and browsers go; nowhere unless said
  dreamapi migrate [up|status]    bring the schema of DATABASE_URL up to date, or say how it stands
      --print-roles [OWNER]       print the SQL with which an administrator creates the roles
  dreamapi rebuild-usage          compare the sums of usage by hour with the days of the users, in DATABASE_URL
      --write                     mend hours that have too little
      --surplus                   and those that have too much, which need not be a fault: see docs/self-hosting.md
  dreamapi version
  dreamapi help
`)
	return err
}
