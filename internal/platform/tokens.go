package platform

import (
	"context"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform/platformdb"
)

// Token is a developer token as it may be shown. Secret is there only in the answer to its creation.
type Token struct {
	ID         id.TokenID `json:"id"`
	Name       string     `json:"name"`
	Hint       string     `json:"hint"`
	Secret     string     `json:"-"`
	CreatedAt  time.Time  `json:"createdAt"`
	LastUsedAt *time.Time `json:"lastUsedAt"`
	RevokedAt  *time.Time `json:"revokedAt"`
}

// ByToken returns the developer whose program holds the token.
func (s *Service) ByToken(ctx context.Context, token id.Key) (Developer, error) {
	var developer Developer
	err := s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		row, err := queries.DeveloperByToken(ctx, tx, token.Hash())
		if db.NoRows(err) {
			return errs.New(errs.InvalidCredentials, "This developer token does not exist or has been revoked.")
		}
		if err != nil {
			return err
		}
		developer = Developer{id.Developer(row.ID), row.Email, row.Name, row.CreatedAt}
		if row.Unseen {
			return queries.TouchToken(ctx, tx, row.TokenID)
		}
		return nil
	})
	return developer, err
}

// CreateToken makes a developer token. Its secret is in the answer and nowhere else.
func (s *Service) CreateToken(ctx context.Context, developer id.Developer, name string) (Token, error) {
	if err := checkName(name); err != nil {
		return Token{}, err
	}
	key := id.NewKey(id.DeveloperToken, "")
	var token Token
	err := s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		row, err := queries.InsertToken(ctx, tx, platformdb.InsertTokenParams{
			ID: string(id.NewTokenID()), DeveloperID: string(developer), Name: name, Hash: key.Hash(), Hint: key.Hint(),
		})
		token = tokenFrom(row)
		token.Secret = key.Reveal()
		if err != nil {
			return err
		}
		n, err := queries.CountTokens(ctx, tx, string(developer))
		if err != nil {
			return err
		}
		return errs.TooMany(n, mostTokens, "developer tokens")
	})
	return token, err
}

// Tokens lists the developer's tokens, oldest first.
func (s *Service) Tokens(ctx context.Context, developer id.Developer) ([]Token, error) {
	var tokens []Token
	err := s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		rows, err := queries.Tokens(ctx, tx, string(developer))
		tokens = make([]Token, len(rows))
		for i, row := range rows {
			tokens[i] = tokenFrom(row)
		}
		return err
	})
	return tokens, err
}

// RevokeToken ends a token at once. To revoke it again changes nothing.
func (s *Service) RevokeToken(ctx context.Context, developer id.Developer, token string) (Token, error) {
	var revoked Token
	err := s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		row, err := queries.RevokeToken(ctx, tx, platformdb.RevokeTokenParams{DeveloperID: string(developer), ID: token})
		if db.NoRows(err) {
			return errs.New(errs.NotFound, "There is no such token.")
		}
		revoked = tokenFrom(row)
		return err
	})
	return revoked, err
}

func tokenFrom(row platformdb.PlatformDeveloperToken) Token {
	return Token{
		ID: id.TokenID(row.ID), Name: row.Name, Hint: row.Hint,
		CreatedAt: row.CreatedAt, LastUsedAt: row.LastUsedAt, RevokedAt: row.RevokedAt,
	}
}
