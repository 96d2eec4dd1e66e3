package tenant

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/secret"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

const (
	userSessionDays     = 90 // then one signs in again, however often one comes
	userSessionIdleDays = 30
	mostUserSessions    = 100 // of one customer; beyond it the one used longest ago ends
)

// PageSessionLife is how long a cookie of ours lasts at the most.
const PageSessionLife = userSessionDays * 24 * time.Hour

// EndUsers signs the customers of platforms in, and keeps their sessions.
type EndUsers struct {
	db    *db.DB
	clerk *clerkapp.App
	keys  *SigningKeys
	queue *jobs.Enqueuer
	// origin is that of our pages, for which alone a token of Clerk's must have been made.
	origin string
}

// NewEndUsers makes an EndUsers that works under the customer surface's role.
func NewEndUsers(customer *db.DB, clerk *clerkapp.App, keys *SigningKeys, queue *jobs.Enqueuer, origin string) *EndUsers {
	return &EndUsers{customer, clerk, keys, queue, origin}
}

// Tokens are what a signed-in customer's product holds.
type Tokens struct {
	Session      id.UserSession
	Token        secret.Text // a JWT, good until ExpiresAt
	RefreshToken secret.Text // good once
	ExpiresAt    time.Time
	Customer     Customer
}

// Client is who asks for tokens.
type Client struct {
	Platform id.Platform
	Public   bool   // by a publishable key: an app or a page, which keeps no secret and must prove that it began the sign-in
	Retry    string // an idempotency key: with the same one the same request gets the same tokens again
}

func (c Client) retryHash() []byte {
	if c.Retry == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(c.Retry))
	return sum[:]
}

// Trade is what is traded for a session.
type Trade struct {
	Code        secret.Text
	Verifier    secret.Text // of the code challenge (PKCE, RFC 7636), where the sign-in had one
	RedirectURL string      // to which the code was sent; empty: not compared
}

var errCode = errs.New(errs.InvalidCredentials, "The code is not one of this platform, was used before, or is older than a minute. "+
	"Have the user sign in again.")

// Trade trades the code of a sign-in for a session, once. Whoever brings a code that was used before ends the session for
// which it was traded: one of the two who had it should not have had it (RFC 6749, section 4.1.2).
func (e *EndUsers) Trade(ctx context.Context, client Client, t Trade) (tokens Tokens, replayed bool, err error) {
	var refused error
	err = e.db.Tenant(ctx, client.Platform, func(ctx context.Context, tx db.Tenant) error {
		row, err := queries.LockCode(ctx, tx, tenantdb.LockCodeParams{PlatformID: string(tx.Platform), Hash: platform.Hash(t.Code)})
		if db.NoRows(err) {
			return errCode
		}
		if err != nil {
			return err
		}
		code := row.TenantSignInCode
		if refused = provesItself(client, t, code); refused != nil {
			return refused // and the code stays good for the one whose it is
		}
		if code.SessionID != nil {
			traded, err := lockSession(ctx, tx, id.UserSession(*code.SessionID))
			if db.NoRows(err) {
				return errCode
			}
			if err != nil {
				return err
			}
			tokens, refused, err = e.again(ctx, tx, client, traded, 0, client.Public, "code_reuse", errCode)
			replayed = refused == nil
			return err
		}
		if !row.Good {
			return errCode
		}
		session, err := e.begin(ctx, tx, code, client.retryHash())
		if err != nil {
			return err
		}
		err = queries.UseCode(ctx, tx, tenantdb.UseCodeParams{PlatformID: string(tx.Platform), Hash: code.Hash, SessionID: &session.ID})
		if err != nil {
			return err
		}
		tokens, err = e.issue(ctx, tx, session, client.Public)
		return err
	})
	if err == nil {
		err = refused
	}
	return tokens, replayed, err
}

// provesItself refuses who does not fit the sign-in of the code.
func provesItself(client Client, t Trade, code tenantdb.TenantSignInCode) error {
	switch {
	case code.CodeChallenge == nil && client.Public:
		return errs.InvalidParam("codeVerifier", "This sign-in began without a codeChallenge, so its code is for a secret key alone. "+
			"Begin it with codeChallenge (PKCE, S256).")
	case code.CodeChallenge == nil && !t.Verifier.Empty():
		return errs.InvalidParam("codeVerifier", "The sign-in began without a codeChallenge, so there is nothing that codeVerifier verifies.")
	case code.CodeChallenge != nil && t.Verifier.Empty():
		return errs.InvalidParam("codeVerifier", "The sign-in began with a codeChallenge: send its codeVerifier.")
	case client.Public && t.RedirectURL == "":
		return errs.InvalidParam("redirectUrl", "Without a secret key, redirectUrl says where the code was sent.")
	}
	if code.CodeChallenge != nil {
		sum := sha256.Sum256([]byte(t.Verifier.Reveal()))
		if !hmac.Equal([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(*code.CodeChallenge)) {
			return errs.New(errs.InvalidCredentials, "codeVerifier is not that of the codeChallenge with which the sign-in began.")
		}
	}
	if t.RedirectURL != "" && t.RedirectURL != code.RedirectUrl {
		return errs.New(errs.InvalidCredentials, "The code was sent to another redirectUrl.")
	}
	return nil
}

// begin makes the session of a code.
func (e *EndUsers) begin(ctx context.Context, tx db.Tenant, code tenantdb.TenantSignInCode, retry []byte) (tenantdb.TenantSession, error) {
	return insertUserSession(ctx, tx, tenantdb.InsertSessionParams{
		CustomerID: code.CustomerID, Kind: string(productSession), RetryHash: retry, PublishableKey: code.PublishableKey,
		ClerkSessionID: code.ClerkSessionID, AuthenticatedAt: &code.AuthenticatedAt, UserAgent: code.UserAgent,
	})
}

// The kinds of session.
type sessionKind string

const (
	productSession sessionKind = "product" // in the developer's product, which renews its tokens
	pageSession    sessionKind = "page"    // on our own pages, by a cookie
)

func insertUserSession(ctx context.Context, tx db.Tenant, params tenantdb.InsertSessionParams) (tenantdb.TenantSession, error) {
	params.PlatformID, params.ID, params.Days = string(tx.Platform), string(id.NewUserSession()), userSessionDays
	made, err := queries.InsertSession(ctx, tx, params)
	if err != nil {
		return made, err
	}
	ended, err := queries.EndOldSessions(ctx, tx, tenantdb.EndOldSessionsParams{
		PlatformID: string(tx.Platform), CustomerID: params.CustomerID, Most: mostUserSessions,
	})
	if err != nil || ended == 0 {
		return made, err
	}
	return made, queries.UserChanged(ctx, tx, tenantdb.UserChangedParams{PlatformID: string(tx.Platform), UserID: params.CustomerID})
}

var errRefresh = errs.New(errs.InvalidCredentials, "The refresh token is not one of this platform, has expired, or its session has "+
	"ended. Have the user sign in again.")

// Refresh trades a refresh token for the next one, and a new session token. Each is good once: whoever brings one that was
// used before ends the session, as one of the two who had it should not have had it (RFC 9700, section 4.14.2). One that a
// backend got is of no use without the secret key (RFC 6749, section 6).
func (e *EndUsers) Refresh(ctx context.Context, client Client, refreshToken secret.Text) (tokens Tokens, replayed bool, err error) {
	session, generation, public, ok := e.readRefreshToken(client.Platform, refreshToken)
	if !ok {
		return tokens, false, errRefresh
	}
	if client.Public && !public {
		return tokens, false, errs.New(errs.InvalidCredentials, "This session was begun with a secret key, and is refreshed with one alone.")
	}
	var refused error
	err = e.db.Tenant(ctx, client.Platform, func(ctx context.Context, tx db.Tenant) error {
		row, err := lockSession(ctx, tx, session)
		if db.NoRows(err) || err == nil && (!row.Lives || row.TenantSession.Kind != string(productSession)) {
			return errRefresh
		}
		if err != nil {
			return err
		}
		if row.TenantSession.Generation != generation {
			tokens, refused, err = e.again(ctx, tx, client, row, generation+1, public, "reuse", errRefresh)
			replayed = refused == nil
			return err
		}
		next := row.TenantSession
		next.Generation, next.RetryHash = generation+1, client.retryHash()
		tokens, err = e.issue(ctx, tx, next, public)
		return err
	})
	if err == nil {
		err = refused
	}
	return tokens, replayed, err
}

// again answers who brings something that was used before. With the idempotency key of the use, which only its sender
// knows, it is the same request again, whose answer was lost: the tokens of that generation are as good as they were. All
// others end the session.
func (e *EndUsers) again(
	ctx context.Context, tx db.Tenant, client Client, row tenantdb.LockSessionRow, generation int32, public bool, reason string, refusal error,
) (tokens Tokens, refused, err error) {
	now, retry := row.TenantSession, client.retryHash()
	if row.Lives && retry != nil && now.Generation == generation && hmac.Equal(retry, now.RetryHash) {
		tokens, err = e.issue(ctx, tx, now, public)
		return tokens, nil, err
	}
	return tokens, refusal, endSessions(ctx, tx, now.CustomerID, id.UserSession(now.ID), reason)
}

func lockSession(ctx context.Context, tx db.Tenant, session id.UserSession) (tenantdb.LockSessionRow, error) {
	return queries.LockSession(ctx, tx, tenantdb.LockSessionParams{
		PlatformID: string(tx.Platform), ID: string(session), IdleDays: userSessionIdleDays,
	})
}

// issue makes the tokens of a session's generation, and stores it. Public is whether who gets them keeps no secret.
func (e *EndUsers) issue(ctx context.Context, tx db.Tenant, session tenantdb.TenantSession, public bool) (Tokens, error) {
	customer, err := readCustomer(ctx, tx, session.CustomerID)
	if err != nil {
		return Tokens{}, err
	}
	// A token names the key with which the sign-in began, so that who verifies it need not learn of a rotation; only when
	// that opens nothing any more, the present one.
	key := session.PublishableKey
	if parsed, ok := id.ParseKey(key); ok {
		_, err := queries.UsableKey(ctx, tx, tenantdb.UsableKeyParams{PlatformID: string(tx.Platform), Hash: parsed.Hash()})
		if db.NoRows(err) {
			key = customer.PublishableKey
		} else if err != nil {
			return Tokens{}, err
		}
	}
	left, err := queries.SecondsUntil(ctx, tx, session.ExpiresAt)
	if err != nil {
		return Tokens{}, err
	}
	claims := SessionClaims{Customer: customer.ID, PublishableKey: key, Session: id.UserSession(session.ID), Plan: customer.Plan}
	token, err := e.keys.Sign(&claims, e.keys.now().Add(time.Duration(left*float64(time.Second))))
	if err != nil {
		return Tokens{}, err
	}
	err = queries.RenewSession(ctx, tx, tenantdb.RenewSessionParams{
		PlatformID: string(tx.Platform), ID: session.ID, Generation: session.Generation, RetryHash: session.RetryHash,
		TokenUntil: claims.ExpiresAt,
	})
	return Tokens{
		Session: claims.Session, Token: secret.New(token), ExpiresAt: claims.ExpiresAt, Customer: customer,
		RefreshToken: e.refreshToken(tx.Platform, claims.Session, session.Generation, public),
	}, err
}

// A refresh token is rt_, the session, a generation, and a MAC of them and the platform, by another key for those who keep
// no secret: what is stored of it is the generation alone, so that one which was used before can be told from one that never
// was, however long ago that is.
func (e *EndUsers) refreshToken(at id.Platform, session id.UserSession, generation int32, public bool) secret.Text {
	mac := e.keys.macs(refreshTokens(public), string(at), string(session), strconv.Itoa(int(generation)))[0]
	return secret.New("rt_" + strings.TrimPrefix(string(session), "uss_") + "_" + strconv.Itoa(int(generation)) + "_" +
		base64.RawURLEncoding.EncodeToString(mac))
}

func refreshTokens(public bool) string {
	if public {
		return "refresh tokens without a secret key"
	}
	return "refresh tokens"
}

func (e *EndUsers) readRefreshToken(at id.Platform, token secret.Text) (session id.UserSession, generation int32, public, ok bool) {
	rest, ok := strings.CutPrefix(token.Reveal(), "rt_")
	parts := strings.SplitN(rest, "_", 3)
	if !ok || len(parts) != 3 {
		return "", 0, false, false
	}
	n, err := strconv.ParseInt(parts[1], 10, 32)
	mac, err2 := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || err2 != nil {
		return "", 0, false, false
	}
	session = id.UserSession("uss_" + parts[0])
	for _, public = range []bool{false, true} {
		macs := e.keys.macs(refreshTokens(public), string(at), string(session), strconv.Itoa(int(n)))
		if slices.ContainsFunc(macs, func(want []byte) bool { return hmac.Equal(mac, want) }) {
			return session, int32(n), public, true
		}
	}
	return "", 0, false, false
}

// Revoke ends the session of a refresh token, used or not. That there is none is no error: it has ended.
func (e *EndUsers) Revoke(ctx context.Context, at id.Platform, refreshToken secret.Text) error {
	session, _, _, ok := e.readRefreshToken(at, refreshToken)
	if !ok {
		return nil
	}
	return e.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		row, err := lockSession(ctx, tx, session)
		if db.NoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return endSessions(ctx, tx, row.TenantSession.CustomerID, session, "signed_out")
	})
}

// UserSession is where a customer is signed in.
type UserSession struct {
	ID        id.UserSession `json:"id"`
	Kind      string         `json:"kind"` // product, or page: one of ours
	UserAgent string         `json:"userAgent"`
	CreatedAt time.Time      `json:"createdAt"`
	SeenAt    time.Time      `json:"seenAt"`
}

// Sessions lists the customer's sessions, the one used last first.
func (e *EndUsers) Sessions(ctx context.Context, at id.Platform, customer string) ([]UserSession, error) {
	sessions := []UserSession{}
	err := e.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if _, err := readCustomer(ctx, tx, customer); err != nil {
			return err
		}
		rows, err := queries.LiveSessions(ctx, tx, tenantdb.LiveSessionsParams{
			PlatformID: string(at), CustomerID: customer, IdleDays: userSessionIdleDays,
		})
		for _, row := range rows {
			sessions = append(sessions, UserSession{id.UserSession(row.ID), row.Kind, row.UserAgent, row.CreatedAt, row.SeenAt})
		}
		return err
	})
	return sessions, err
}

// EndSessions has the developer end a session of a customer; an empty id ends all. From the moment that this returns, the
// tokens of what has ended open nothing here. At Clerk nothing ends: the user may be signed in for another platform.
func (e *EndUsers) EndSessions(ctx context.Context, at id.Platform, customer string, session id.UserSession) error {
	return e.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if _, err := readCustomer(ctx, tx, customer); err != nil {
			return err
		}
		return endSessions(ctx, tx, customer, session, "ended_by_developer")
	})
}

// SignOut has the customer end a session; an empty id ends all. The sessions at Clerk from which they came end too: else
// whoever holds the device signs in again unasked.
func (e *EndUsers) SignOut(ctx context.Context, at id.Platform, customer string, session id.UserSession) error {
	return e.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if err := e.endAtClerk(ctx, tx, customer, session); err != nil {
			return err
		}
		return endSessions(ctx, tx, customer, session, "signed_out")
	})
}

// endAtClerk has the session at Clerk end from which the customer's came; for an empty id all of which any came, also those
// that have ended here: of each a browser may still hold it.
func (e *EndUsers) endAtClerk(ctx context.Context, tx db.Tenant, customer string, session id.UserSession) error {
	atClerk, err := queries.ClerkSessionsOf(ctx, tx, tenantdb.ClerkSessionsOfParams{
		PlatformID: string(tx.Platform), CustomerID: customer, ID: orNil(string(session)),
	})
	for _, one := range atClerk {
		if err == nil {
			err = queries.ClerkSessionEnded(ctx, tx, one)
		}
		if err == nil {
			err = e.queue.Enqueue(ctx, tx.Tx, EndUserAtClerk{one})
		}
	}
	return err
}

// EndUserAtClerk is the job that ends an end user's session at Clerk.
type EndUserAtClerk struct {
	ClerkSessionID string `json:"clerkSessionId"`
}

// Kind names the job.
func (EndUserAtClerk) Kind() string { return "tenant.end_at_clerk" }

// endSessions ends one session or, for an empty id, all of the customer's, and what codes there are. Whoever remembers the
// customer looks again: the tokens of what has ended are not taken any more.
func endSessions(ctx context.Context, tx db.Tenant, customer string, session id.UserSession, reason string) error {
	if session == "" { // before the sessions: one that is being made of a code is seen by then
		if err := queries.EndCodes(ctx, tx, tenantdb.EndCodesParams{PlatformID: string(tx.Platform), CustomerID: customer}); err != nil {
			return err
		}
	}
	ended, err := queries.EndSessions(ctx, tx, tenantdb.EndSessionsParams{
		PlatformID: string(tx.Platform), CustomerID: customer, ID: orNil(string(session)), Reason: &reason,
	})
	if err != nil || ended == 0 {
		return err
	}
	by := ByCustomer
	if reason == "ended_by_developer" {
		by = viaOf(ctx)
	}
	err = RecordHere(ctx, tx, TimelineEntry{CustomerID: customer, Kind: SessionsEnded, Via: by, Detail: map[string]any{"sessions": ended, "reason": reason}})
	if err != nil {
		return err
	}
	return queries.UserChanged(ctx, tx, tenantdb.UserChangedParams{PlatformID: string(tx.Platform), UserID: customer})
}
