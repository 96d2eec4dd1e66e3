package clerk

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Clerk's defaults.
const (
	sessionLifetime = 7 * 24 * time.Hour
	sessionAbandon  = 30 * 24 * time.Hour
)

type session struct {
	ID           string `json:"id"`
	UserID       string `json:"user_id"`
	ClientID     string `json:"client_id"`
	Status       string `json:"status"`
	CookieHash   string `json:"cookie_hash"` // "" if no browser holds the session
	IP           string `json:"ip"`
	UserAgent    string `json:"user_agent"`
	CreatedAt    int64  `json:"created_at"` // which is when the first factor was verified
	UpdatedAt    int64  `json:"updated_at"`
	LastActiveAt int64  `json:"last_active_at"`
	ExpireAt     int64  `json:"expire_at"`
	AbandonAt    int64  `json:"abandon_at"`
}

// sessionJSON is a session as Clerk sends it.
type sessionJSON struct {
	Object                   string        `json:"object"`
	ID                       string        `json:"id"`
	UserID                   string        `json:"user_id"`
	ClientID                 string        `json:"client_id"`
	Actor                    any           `json:"actor"`
	Status                   string        `json:"status"`
	LastActiveOrganizationID *string       `json:"last_active_organization_id"`
	LastActiveAt             int64         `json:"last_active_at"`
	LatestActivity           *activityJSON `json:"latest_activity"`
	ExpireAt                 int64         `json:"expire_at"`
	AbandonAt                int64         `json:"abandon_at"`
	UpdatedAt                int64         `json:"updated_at"`
	CreatedAt                int64         `json:"created_at"`
}

type activityJSON struct {
	Object    string `json:"object"`
	ID        string `json:"id"`
	IsMobile  bool   `json:"is_mobile"`
	IPAddress string `json:"ip_address"`
}

func (t *tx) sessionJSON(s *session) sessionJSON {
	wire := sessionJSON{Object: "session", ID: s.ID, UserID: s.UserID, ClientID: s.ClientID, Status: t.statusOf(s),
		LastActiveAt: s.LastActiveAt, ExpireAt: s.ExpireAt, AbandonAt: s.AbandonAt, UpdatedAt: s.UpdatedAt, CreatedAt: s.CreatedAt}
	if s.CookieHash != "" {
		wire.LatestActivity = &activityJSON{Object: "session_activity", ID: strings.Replace(s.ID, "sess", "sess_activity", 1),
			IsMobile: strings.Contains(s.UserAgent, "Mobile"), IPAddress: s.IP}
	}
	return wire
}

// statusOf is the session's status now: nothing runs at the moment it expires.
func (t *tx) statusOf(s *session) string {
	if s.Status == "active" && t.millis() >= s.ExpireAt {
		return "expired"
	}
	return s.Status
}

// newSession signs the user in.
func (t *tx) newSession(u *user) (*session, error) {
	if u.Banned {
		return nil, forbidden("user_banned", "This user is banned.")
	}
	if u.Locked {
		return nil, forbidden("user_locked", "This user is locked.")
	}
	now := t.millis()
	s := &session{ID: newID("sess"), UserID: u.ID, ClientID: newID("client"), Status: "active",
		IP: t.from.IP, UserAgent: t.from.UserAgent, CreatedAt: now, UpdatedAt: now, LastActiveAt: now,
		ExpireAt: t.now.Add(sessionLifetime).UnixMilli(), AbandonAt: t.now.Add(sessionAbandon).UnixMilli()}
	t.Sessions[s.ID] = s
	u.LastSignInAt, u.LastActiveAt = &now, &now
	t.emitSession("session.created", s)
	return s, nil
}

// newBrowserSession signs the user in on a page; the cookie is the browser's
// proof, and only its hash is kept.
func (t *tx) newBrowserSession(u *user) (s *session, cookie string, err error) {
	if s, err = t.newSession(u); err != nil {
		return nil, "", err
	}
	cookie = rand.Text()
	s.CookieHash = cookieHash(cookie)
	return s, cookie, nil
}

func cookieHash(cookie string) string {
	sum := sha256.Sum256([]byte(cookie))
	return hex.EncodeToString(sum[:])
}

// browserSession is the active session the cookie stands for, or nil.
func (t *tx) browserSession(cookie string) (*session, *user) {
	wanted := cookieHash(cookie)
	for _, s := range t.Sessions {
		if s.CookieHash == wanted && t.statusOf(s) == "active" {
			return s, t.Users[s.UserID]
		}
	}
	return nil, nil
}

// end takes an active session to its last status: ended, removed or revoked.
func (t *tx) end(s *session, status string) {
	if t.statusOf(s) != "active" {
		return
	}
	s.Status, s.UpdatedAt = status, t.millis()
	t.emitSession("session."+status, s)
}

// endSessions ends all of the user's sessions but the one to keep.
func (t *tx) endSessions(u *user, status, keep string) {
	for _, s := range t.sessionsOf(u.ID) {
		if s.ID != keep {
			t.end(s, status)
		}
	}
}

// sessionsOf are the user's sessions, the newest first.
func (t *tx) sessionsOf(userID string) []*session {
	return t.findSessions(func(s *session) bool { return s.UserID == userID })
}

func (t *tx) findSessions(match func(*session) bool) []*session {
	var found []*session
	for _, s := range t.Sessions {
		if match(s) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *session) int {
		return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return found
}

// emitSession sends an event about a session, which carries its user too.
func (t *tx) emitSession(kind string, s *session) {
	data := struct {
		sessionJSON
		User *userJSON `json:"user"`
	}{sessionJSON: t.sessionJSON(s)}
	if u := t.Users[s.UserID]; u != nil {
		wire := t.userJSON(u)
		data.User = &wire
	}
	t.emit(kind, data)
}

func (t *tx) session(id string) (*session, error) {
	if s := t.Sessions[id]; s != nil {
		return s, nil
	}
	return nil, notFound("session", id)
}

func createSession(t *tx, r *request) (any, error) {
	var p struct {
		UserID field[string] `json:"user_id"`
	}
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	if p.UserID.value == nil {
		return nil, paramMissing("user_id")
	}
	u, err := t.user(*p.UserID.value)
	if err != nil {
		return nil, err
	}
	s, err := t.newSession(u)
	if err != nil {
		return nil, err
	}
	return t.sessionJSON(s), nil
}

func getSession(t *tx, r *request) (any, error) {
	s, err := t.session(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return t.sessionJSON(s), nil
}

func listSessions(t *tx, r *request) (any, error) {
	q := r.URL.Query()
	statuses := []string{"", "abandoned", "active", "ended", "expired", "removed", "replaced", "revoked"}
	if !slices.Contains(statuses, q.Get("status")) {
		return nil, paramValueInvalid("status", "status is not one of a session's.")
	}
	is := func(param, value string) bool { return q.Get(param) == "" || q.Get(param) == value }
	found := t.findSessions(func(s *session) bool {
		return is("client_id", s.ClientID) && is("user_id", s.UserID) && is("status", t.statusOf(s))
	})
	return paginated(found, q, t.sessionJSON)
}

func revokeSession(t *tx, r *request) (any, error) {
	s, err := t.session(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	t.end(s, "revoked")
	return t.sessionJSON(s), nil
}
