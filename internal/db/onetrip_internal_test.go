package db

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestWhatAServerSaysIsUnderstoodInEveryLanguage(t *testing.T) {
	t.Parallel()
	german := &pgconn.PgError{Severity: "FEHLER", SeverityUnlocalized: "ERROR", Code: "23505"}
	if err := (&Trip{asked: 1}).fate(german); !errors.Is(err, ErrRolledBack) {
		t.Errorf("a statement that failed is %v", err)
	}
	if !isDead(&pgconn.PgError{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "57P01"}) {
		t.Error("a connection that was ended is not taken for dead")
	}
}
