package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
)

// developerToken makes a token for a developer without the dashboard, for whoever runs the program: the first
// developer of a new installation, or one who is locked out.
func developerToken(ctx context.Context, args, environ []string, out io.Writer) error {
	sandboxed := len(args) > 0 && args[0] == "--unsafe-sandbox"
	if sandboxed {
		args = args[1:]
	}
	if len(args) != 1 {
		return usageError("developer-token takes the email with which the developer signed up at Clerk")
	}
	cfg, err := loadConfig(environ, sandboxed)
	if err != nil {
		return err
	}
	url := cfg.DatabaseURL
	if !cfg.DatabaseURLDeveloper.Empty() {
		url = cfg.DatabaseURLDeveloper
	}
	pool, err := db.Open(ctx, url, db.Developer)
	if err != nil {
		return err
	}
	defer pool.Close()
	clerk, err := clerkapp.New(clerkapp.Config{
		SecretKey: cfg.DeveloperClerkSecretKey, PublishableKey: cfg.DeveloperClerkPublishableKey,
		APIURL: cfg.ClerkAPIURL, Insecure: sandboxed,
	})
	if err != nil {
		return err
	}
	user, err := clerk.UserByEmail(ctx, args[0])
	if errors.Is(err, clerkapp.ErrNotFound) {
		return fmt.Errorf("nobody has signed up with %s in the developers' Clerk app", args[0])
	}
	if err != nil {
		return err
	}
	platforms := platform.New(pool, clerk, nil, cfg.DeveloperURL.String(), platform.CallLimits{})
	developer, err := platforms.EnsureDeveloper(ctx, user.ID, user.Email, user.Name)
	if err != nil {
		return err
	}
	token, err := platforms.CreateToken(ctx, developer.ID, "made by the operator")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, token.Secret)
	return err
}
