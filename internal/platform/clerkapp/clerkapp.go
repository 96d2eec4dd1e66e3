// Package clerkapp talks to one Clerk app: it verifies the app's tokens and calls its API. The program uses two apps,
// our developers' and the one that all end users share, and never mixes them: each has an App, with its own keys, its
// own issuer and its own cache. What a verified user may do is for the modules platform and tenant to say.
package clerkapp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/clerk/clerk-sdk-go/v2"
	"github.com/clerk/clerk-sdk-go/v2/jwks"
	"github.com/clerk/clerk-sdk-go/v2/session"
	"github.com/clerk/clerk-sdk-go/v2/user"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/secret"
)

// Config says which app.
type Config struct {
	SecretKey      secret.Text
	PublishableKey string // pk_…: holds the address of the app's frontend API, which issues the tokens
	APIURL         string // the backend API; empty: Clerk's own
	Insecure       bool   // the frontend API is reached by http, as that of the sandbox is
}

// App is one Clerk app.
type App struct {
	users    *user.Client
	sessions *session.Client
	keys     keyCache
	issuer   string
	public   string // the publishable key
}

// New makes an App. Nothing is called yet.
func New(cfg Config) (*App, error) {
	host, err := FrontendHost(cfg.PublishableKey)
	if err != nil {
		return nil, err
	}
	backend := clerk.BackendConfig{
		Key:        clerk.String(cfg.SecretKey.Reveal()),
		HTTPClient: &http.Client{Timeout: 10 * time.Second},
	}
	if cfg.APIURL != "" {
		backend.URL = clerk.String(strings.TrimSuffix(cfg.APIURL, "/") + "/v1")
	}
	client := clerk.ClientConfig{BackendConfig: backend}
	app := &App{
		users: user.NewClient(&client), sessions: session.NewClient(&client), issuer: "https://" + host, public: cfg.PublishableKey,
	}
	if cfg.Insecure {
		app.issuer = "http://" + host
	}
	keys := jwks.NewClient(&client)
	app.keys.fetch = func(ctx context.Context) (*clerk.JSONWebKeySet, error) { return keys.Get(ctx, &jwks.GetParams{}) }
	return app, nil
}

// Frontend is the address of the app's frontend API, which issues its tokens and serves its scripts and pages.
func (a *App) Frontend() string { return a.issuer }

// PublishableKey is the app's own, which its scripts are given.
func (a *App) PublishableKey() string { return a.public }

// RevokeSession ends a session at Clerk. One that is not there, or has ended, is ended.
func (a *App) RevokeSession(ctx context.Context, id string) error {
	if _, err := a.sessions.Revoke(ctx, &session.RevokeParams{ID: id}); err != nil {
		if err := refusal(err); !errors.Is(err, ErrNotFound) && !errs.Is(err, errs.UpstreamFailed) {
			return err
		}
	}
	return nil
}

// SessionLives is whether the session is still one at Clerk: a token that it made outlives it by a minute.
func (a *App) SessionLives(ctx context.Context, id string) (bool, error) {
	found, err := a.sessions.Get(ctx, id)
	if err != nil {
		if err := refusal(err); !errors.Is(err, ErrNotFound) {
			return false, err
		}
		return false, nil
	}
	return found.Status == "active", nil
}

// FrontendHost reads the host of the frontend API out of a publishable key of Clerk's.
func FrontendHost(publishableKey string) (string, error) {
	for _, prefix := range []string{"pk_test_", "pk_live_"} {
		encoded, ok := strings.CutPrefix(publishableKey, prefix)
		if !ok {
			continue
		}
		host, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
		name, ended := strings.CutSuffix(string(host), "$")
		if err == nil && ended && name != "" {
			return name, nil
		}
	}
	return "", errors.New("it is not a publishable key of a Clerk app (pk_live_… or pk_test_…)")
}

// User is a user of the app.
type User struct {
	ID             string
	ExternalID     string
	Email          string   // the primary address
	Addresses      []string // all of them, in lower case
	Proved         []string // those that the user has proved to be theirs, in lower case; the primary one first, if it is
	Name           string
	FirstName      string
	LastName       string
	Banned         bool
	PublishableKey string // of the public metadata; what the JWT template puts into tokens
}

// NewUser is what a user is created from. An empty Password makes one who signs in by other means.
type NewUser struct {
	Email, FirstName, LastName string
	Password                   secret.Text
	ExternalID                 string
	PublishableKey             string
}

// The ways in which Clerk refuses to create a user.
var (
	ErrEmailTaken      = errors.New("a user with this email exists")
	ErrExternalIDTaken = errors.New("a user with this external id exists")
	ErrNotFound        = errors.New("there is no such user")
)

// CreateUser creates a user. It returns ErrEmailTaken, ErrExternalIDTaken, or an *errs.Error.
func (a *App) CreateUser(ctx context.Context, n NewUser) (User, error) {
	metadata, err := publicMetadata(n.PublishableKey)
	if err != nil {
		return User{}, err
	}
	params := &user.CreateParams{
		EmailAddresses: &[]string{n.Email},
		FirstName:      clerk.String(n.FirstName),
		LastName:       clerk.String(n.LastName),
		ExternalID:     clerk.String(n.ExternalID),
		PublicMetadata: metadata,
	}
	if n.Password.Empty() {
		params.SkipPasswordRequirement = clerk.Bool(true)
	} else {
		params.Password = clerk.String(n.Password.Reveal())
	}
	made, err := a.users.Create(ctx, params)
	if err != nil {
		return User{}, refusal(err)
	}
	return fromClerk(made), nil
}

// UserByEmail finds the user who has the address, or returns ErrNotFound.
func (a *App) UserByEmail(ctx context.Context, email string) (User, error) {
	return a.one(ctx, &user.ListParams{EmailAddresses: []string{email}})
}

// UserByExternalID finds the user who was created with the external id, or returns ErrNotFound.
func (a *App) UserByExternalID(ctx context.Context, externalID string) (User, error) {
	return a.one(ctx, &user.ListParams{ExternalIDs: []string{externalID}})
}

// User returns the user, or ErrNotFound.
func (a *App) User(ctx context.Context, id string) (User, error) {
	got, err := a.users.Get(ctx, id)
	if err != nil {
		return User{}, refusal(err)
	}
	return fromClerk(got), nil
}

// SetPublishableKey adds the key to the user's public metadata and leaves everything else there as it is.
func (a *App) SetPublishableKey(ctx context.Context, id, key string) error {
	metadata, err := publicMetadata(key)
	if err != nil {
		return err
	}
	if _, err := a.users.UpdateMetadata(ctx, id, &user.UpdateMetadataParams{PublicMetadata: metadata}); err != nil {
		return refusal(err)
	}
	return nil
}

// DeleteUser deletes the user. A user who is not there is deleted.
func (a *App) DeleteUser(ctx context.Context, id string) error {
	if _, err := a.users.Delete(ctx, id); err != nil {
		if err := refusal(err); !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

func (a *App) one(ctx context.Context, params *user.ListParams) (User, error) {
	params.Limit = clerk.Int64(1)
	found, err := a.users.List(ctx, params)
	if err != nil {
		return User{}, refusal(err)
	}
	if len(found.Users) == 0 {
		return User{}, ErrNotFound
	}
	return fromClerk(found.Users[0]), nil
}

func publicMetadata(publishableKey string) (*json.RawMessage, error) {
	encoded, err := json.Marshal(map[string]string{"publishableKey": publishableKey})
	if err != nil {
		return nil, err
	}
	return (*json.RawMessage)(&encoded), nil
}

func fromClerk(u *clerk.User) User {
	out := User{ID: u.ID, Banned: u.Banned, ExternalID: orEmpty(u.ExternalID), FirstName: orEmpty(u.FirstName), LastName: orEmpty(u.LastName)}
	for _, address := range u.EmailAddresses {
		plain := strings.ToLower(address.EmailAddress)
		out.Addresses = append(out.Addresses, plain)
		primary := out.Email == "" && (u.PrimaryEmailAddressID == nil || address.ID == *u.PrimaryEmailAddressID)
		if primary {
			out.Email = address.EmailAddress
		}
		switch proved := proved(address.Verification); {
		case proved && primary:
			out.Proved = slices.Insert(out.Proved, 0, plain)
		case proved:
			out.Proved = append(out.Proved, plain)
		}
	}
	out.Name = strings.TrimSpace(out.FirstName + " " + out.LastName)
	var public struct {
		PublishableKey string `json:"publishableKey"`
	}
	if json.Unmarshal(u.PublicMetadata, &public) == nil {
		out.PublishableKey = public.PublishableKey
	}
	return out
}

// proved reports whether the user has shown that they can read what is sent to an address. What was declared by the
// backend API, as by a platform that created the user, shows nothing: Clerk takes its word.
func proved(v *clerk.Verification) bool {
	return v != nil && v.Status == "verified" && v.Strategy != "admin"
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// refusal puts Clerk's error into ours. Clerk's own words are never passed on: they are about our app and not about
// the request that our user made.
func refusal(err error) error {
	var answer *clerk.APIErrorResponse
	if !errors.As(err, &answer) {
		return errs.New(errs.Unavailable, "The sign-in service can not be reached right now. Try again in a moment.").
			Because(err).After(2 * time.Second)
	}
	for _, e := range answer.Errors {
		var meta struct {
			Param string `json:"param_name"`
		}
		_ = json.Unmarshal(e.Meta, &meta) // without it the code alone decides
		switch {
		case e.Code == "form_identifier_exists" && meta.Param == "external_id":
			return ErrExternalIDTaken
		case e.Code == "form_identifier_exists":
			return ErrEmailTaken
		case e.Code == "resource_not_found":
			return ErrNotFound
		case e.Code == "form_password_pwned":
			return passwordRefused("This password has appeared in a data breach, so it is not safe. Choose another one.")
		case strings.HasPrefix(e.Code, "form_password_"):
			return passwordRefused("This password does not fit the rules: it is too short, too long or too simple. " +
				"Choose another one.")
		case meta.Param == "email_address" || meta.Param == "email_address[]":
			return errs.InvalidParam("email", "email is not an address that can receive mail.")
		}
	}
	switch {
	case answer.HTTPStatusCode == http.StatusNotFound:
		return ErrNotFound
	case answer.HTTPStatusCode == http.StatusTooManyRequests || answer.HTTPStatusCode >= 500:
		return errs.New(errs.Unavailable, "The sign-in service is not answering right now. Try again in a moment.").
			Because(err).After(2 * time.Second)
	default:
		return errs.New(errs.UpstreamFailed, "The sign-in service refused a request of ours; this is our fault.").
			Because(fmt.Errorf("clerk answered %d: %w", answer.HTTPStatusCode, err))
	}
}

func passwordRefused(message string) error {
	e := errs.New(errs.PasswordRefused, "%s", message)
	e.Param = "password"
	return e
}
