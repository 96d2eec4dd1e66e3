package platform

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform/platformdb"
	"github.com/dream-api/dream-api/internal/secret"
)

const (
	sessionDays     = 30
	sessionIdleDays = 14
)

// SessionLife is after what one signs in again, however often one comes.
const SessionLife = sessionDays * 24 * time.Hour

// Session is a developer's sign-in in one browser.
type Session struct {
	ID        id.Session `json:"id"`
	UserAgent string     `json:"userAgent"`
	CreatedAt time.Time  `json:"createdAt"`
	SeenAt    time.Time  `json:"seenAt"`
}

// SignIn trades a token of the developers' Clerk app for a session of ours, in the place of the former one that the
// browser had, and returns the cookie's value. Clerk's own session lives by a script that renews it every minute; ours
// needs none.
func (s *Service) SignIn(ctx context.Context, token string, former secret.Text, userAgent string) (Developer, id.Session, secret.Text, error) {
	developer, claims, err := s.byClerkToken(ctx, token)
	if err != nil {
		return Developer{}, "", secret.Text{}, err
	}
	lives := false
	if claims.SessionID != "" {
		if lives, err = s.clerk.SessionLives(ctx, claims.SessionID); err != nil {
			return Developer{}, "", secret.Text{}, err
		}
	}
	if !lives {
		return Developer{}, "", secret.Text{}, errs.New(errs.InvalidCredentials, "This sign-in has ended. Sign in again.")
	}
	userAgent = strings.ToValidUTF8(userAgent[:min(len(userAgent), 300)], "")
	userAgent = strings.ReplaceAll(userAgent, "\x00", "")
	cookie, session := NewSecret(), id.NewSession()
	err = s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		if err := queries.EndSessionOfCookie(ctx, tx, Hash(former)); err != nil {
			return err
		}
		return queries.InsertSession(ctx, tx, platformdb.InsertSessionParams{
			Hash: Hash(cookie), ID: string(session), DeveloperID: string(developer.ID), ClerkSessionID: claims.SessionID,
			UserAgent: userAgent, Days: sessionDays,
		})
	})
	return developer, session, cookie, err
}

// BySession returns the developer whose browser holds the cookie, and the session's id.
func (s *Service) BySession(ctx context.Context, cookie secret.Text) (Developer, id.Session, error) {
	var developer Developer
	var session id.Session
	err := s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		row, err := queries.DeveloperBySession(ctx, tx, platformdb.DeveloperBySessionParams{
			Hash: Hash(cookie), IdleDays: sessionIdleDays,
		})
		if db.NoRows(err) {
			return errs.New(errs.Unauthenticated, "You are not signed in here, or no longer. Sign in.")
		}
		if err != nil {
			return err
		}
		developer = Developer{id.Developer(row.ID), row.Email, row.Name, row.CreatedAt}
		session = id.Session(row.SessionID)
		if row.Unseen {
			return queries.TouchSession(ctx, tx, row.SessionID)
		}
		return nil
	})
	return developer, session, err
}

// Sessions lists the developer's sessions, the one used last first.
func (s *Service) Sessions(ctx context.Context, developer id.Developer) ([]Session, error) {
	var sessions []Session
	err := s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		rows, err := queries.Sessions(ctx, tx, platformdb.SessionsParams{
			DeveloperID: string(developer), IdleDays: sessionIdleDays,
		})
		sessions = make([]Session, len(rows))
		for i, row := range rows {
			sessions[i] = Session{id.Session(row.ID), row.UserAgent, row.CreatedAt, row.SeenAt}
		}
		return err
	})
	return sessions, err
}

// EndAtClerk is the job that ends a session at Clerk.
type EndAtClerk struct {
	ClerkSessionID string `json:"clerkSessionId"`
}

// Kind names the job.
func (EndAtClerk) Kind() string { return "platform.end_at_clerk" }

// SignOut ends a session of the developer and, by a job, the one at Clerk that it came from: else the next sign-in would
// pass unasked. An empty id ends them all.
func (s *Service) SignOut(ctx context.Context, developer id.Developer, session id.Session) error {
	return s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
		var atClerk []string
		if session == "" {
			atClerk, err = queries.EndSessions(ctx, tx, string(developer))
		} else {
			atClerk, err = queries.EndSession(ctx, tx, platformdb.EndSessionParams{
				DeveloperID: string(developer), ID: string(session),
			})
		}
		for _, one := range atClerk {
			if err == nil && one != "" {
				err = s.queue.Enqueue(ctx, tx, EndAtClerk{one})
			}
		}
		return err
	})
}

// NewSecret makes a text that cannot be guessed, for a cookie or a ticket. Only its Hash is stored.
func NewSecret() secret.Text { return secret.New(rand.Text() + rand.Text()) }

// Hash is the SHA-256 by which such a secret is known to the database.
func Hash(s secret.Text) []byte {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return sum[:]
}
