// Package platform owns the platform side: developers, who sign up with us, their sessions, projects and the platforms
// of those, the tokens of their programs, and what plan they are on. What lies within a platform (its keys, tiers and
// customers) is package tenant's; that they pay for the plan is package billing's affair.
package platform

import (
	"context"
	"errors"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/jobs"
	"github.com/dream-api/dream-api/internal/platform/clerkapp"
	"github.com/dream-api/dream-api/internal/platform/platformdb"
)

var queries = platformdb.New()

// What one developer may make; see errs.TooMany.
const (
	mostProjects  = 100
	mostPlatforms = 20
	mostTokens    = 100
)

// Service works on the platform side.
type Service struct {
	db     *db.DB
	clerk  *clerkapp.App
	queue  *jobs.Enqueuer
	origin string
	limits CallLimits
}

// New makes a Service. The clerk app is the developers' own; origin is the dashboard's, for which its tokens are made.
func New(developer *db.DB, clerk *clerkapp.App, queue *jobs.Enqueuer, origin string, limits CallLimits) *Service {
	return &Service{developer, clerk, queue, origin, limits}
}

// Developer is somebody who signed up with us.
type Developer struct {
	ID        id.Developer `json:"id"`
	Email     string       `json:"email"`
	Name      string       `json:"name"`
	CreatedAt time.Time    `json:"createdAt"`
}

// Project is one product of a developer.
type Project struct {
	ID        id.Project `json:"id"`
	Name      string     `json:"name"`
	CreatedAt time.Time  `json:"createdAt"`
	Platforms []Platform `json:"platforms"`
}

// Platform is one isolated tenant of a project.
type Platform struct {
	ID        id.Platform `json:"id"`
	Mode      id.Mode     `json:"mode"`
	Name      string      `json:"name"`
	CreatedAt time.Time   `json:"createdAt"`
}

// ByClerkToken returns the developer whose session of the developers' Clerk app made the token. The first token of a
// user makes the developer.
func (s *Service) ByClerkToken(ctx context.Context, token string) (Developer, error) {
	developer, _, err := s.byClerkToken(ctx, token)
	return developer, err
}

func (s *Service) byClerkToken(ctx context.Context, token string) (Developer, clerkapp.Claims, error) {
	claims, err := s.clerk.Verify(ctx, token)
	if err != nil {
		return Developer{}, claims, err
	}
	if claims.AuthorizedParty != s.origin {
		return Developer{}, claims, errs.New(errs.InvalidCredentials, "The token was made for another site. Sign in on the dashboard.")
	}
	developer, err := s.byClerkUser(ctx, claims.UserID)
	if !db.NoRows(err) {
		return developer, claims, err
	}
	user, err := s.clerk.User(ctx, claims.UserID)
	if errors.Is(err, clerkapp.ErrNotFound) { // the token outlives its user by a minute
		return Developer{}, claims, gone().Because(err)
	}
	if err != nil {
		return Developer{}, claims, err
	}
	developer, err = s.EnsureDeveloper(ctx, user.ID, user.Email, user.Name)
	return developer, claims, err
}

func gone() *errs.Error {
	return errs.New(errs.InvalidCredentials, "The token's user is gone. Sign up on the dashboard.")
}

// EnsureDeveloper returns the developer who is the Clerk user, and makes one where there is none.
func (s *Service) EnsureDeveloper(ctx context.Context, clerkUserID, email, name string) (Developer, error) {
	err := s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		_, err := queries.InsertDeveloper(ctx, tx, platformdb.InsertDeveloperParams{
			ID: string(id.NewDeveloper()), ClerkUserID: clerkUserID, Email: email, Name: name,
		})
		return err
	})
	if err != nil {
		return Developer{}, err
	}
	developer, err := s.byClerkUser(ctx, clerkUserID)
	if db.NoRows(err) { // one who was deleted
		return Developer{}, gone()
	}
	return developer, err
}

// Projects lists the developer's projects with their platforms, oldest first.
func (s *Service) Projects(ctx context.Context, developer id.Developer) ([]Project, error) {
	var projects []Project
	err := s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		rows, err := queries.Projects(ctx, tx, string(developer))
		if err != nil {
			return err
		}
		platforms, err := queries.Platforms(ctx, tx, string(developer))
		if err != nil {
			return err
		}
		projects = make([]Project, 0, len(rows))
		for _, row := range rows {
			p := projectFrom(row)
			for _, one := range platforms {
				if one.ProjectID == row.ID {
					p.Platforms = append(p.Platforms, platformFrom(one))
				}
			}
			projects = append(projects, p)
		}
		return nil
	})
	return projects, err
}

// CreateProject adds an empty project.
func (s *Service) CreateProject(ctx context.Context, developer id.Developer, name string) (Project, error) {
	if err := checkName(name); err != nil {
		return Project{}, err
	}
	var project Project
	err := s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		row, err := queries.InsertProject(ctx, tx, platformdb.InsertProjectParams{
			ID: string(id.NewProject()), DeveloperID: string(developer), Name: name,
		})
		project = projectFrom(row)
		if err != nil {
			return err
		}
		n, err := queries.CountProjects(ctx, tx, string(developer))
		if err != nil {
			return err
		}
		return errs.TooMany(n, mostProjects, "projects")
	})
	return project, err
}

// RenameProject changes the name of a project. Another developer's is not found, as one that does not exist is.
func (s *Service) RenameProject(ctx context.Context, developer id.Developer, project, name string) (Project, error) {
	if err := checkName(name); err != nil {
		return Project{}, err
	}
	var renamed Project
	err := s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		row, err := queries.RenameProject(ctx, tx, platformdb.RenameProjectParams{
			DeveloperID: string(developer), ID: project, Name: name,
		})
		if db.NoRows(err) {
			return errs.New(errs.NotFound, "There is no such project.")
		}
		if err != nil {
			return err
		}
		renamed = projectFrom(row)
		platforms, err := queries.Platforms(ctx, tx, string(developer))
		for _, one := range platforms {
			if one.ProjectID == row.ID {
				renamed.Platforms = append(renamed.Platforms, platformFrom(one))
			}
		}
		return err
	})
	return renamed, err
}

// InsertPlatform adds a platform to a project of the developer, in the transaction that also gives it its settings.
// A project has one live platform at the most.
func InsertPlatform(
	ctx context.Context, tx db.Tenant, developer id.Developer, project id.Project, mode id.Mode, name string,
) (Platform, error) {
	if mode != id.Test && mode != id.Live {
		return Platform{}, errs.InvalidParam("mode", `mode is "test" or "live".`)
	}
	if err := checkName(name); err != nil {
		return Platform{}, err
	}
	_, err := queries.Project(ctx, tx, platformdb.ProjectParams{DeveloperID: string(developer), ID: string(project)})
	if db.NoRows(err) {
		return Platform{}, errs.New(errs.NotFound, "There is no such project.")
	}
	if err != nil {
		return Platform{}, err
	}
	row, err := queries.InsertPlatform(ctx, tx, platformdb.InsertPlatformParams{
		ID: string(tx.Platform), ProjectID: string(project), Mode: string(mode), Name: name,
	})
	if db.Violates(err, "platforms_one_live_key") {
		return Platform{}, errs.New(errs.Conflict, "The project has a live platform already.")
	}
	if err != nil {
		return Platform{}, err
	}
	n, err := queries.CountPlatforms(ctx, tx, string(project))
	if err == nil {
		err = errs.TooMany(n, mostPlatforms, "platforms in the project")
	}
	return platformFrom(row), err
}

// Owned returns a platform of the developer. Another developer's is not found, as one that does not exist is.
func (s *Service) Owned(ctx context.Context, developer id.Developer, platform string) (Platform, error) {
	var owned Platform
	err := s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		row, err := queries.OwnedPlatform(ctx, tx, platformdb.OwnedPlatformParams{
			DeveloperID: string(developer), ID: platform,
		})
		if db.NoRows(err) {
			return errs.New(errs.NotFound, "There is no such platform.")
		}
		owned = platformFrom(row)
		return err
	})
	return owned, err
}

// Rename changes the name of the platform that the transaction has entered.
func Rename(ctx context.Context, tx db.Tenant, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return queries.RenamePlatform(ctx, tx, platformdb.RenamePlatformParams{ID: string(tx.Platform), Name: name})
}

// EachPlatform calls fn with the ids of all platforms, at most a thousand at a time, for background work. What fails
// for some does not keep the others from their turn.
func EachPlatform(ctx context.Context, worker *db.DB, fn func(context.Context, []id.Platform) error) error {
	after, failed := "", error(nil)
	for {
		var ids []string
		err := worker.Tx(ctx, func(ctx context.Context, tx db.Tx) (err error) {
			ids, err = queries.PlatformIDs(ctx, tx, platformdb.PlatformIDsParams{After: after, Max: 1000})
			return err
		})
		if err != nil || len(ids) == 0 {
			return errors.Join(failed, err)
		}
		platforms := make([]id.Platform, len(ids))
		for i, one := range ids {
			platforms[i] = id.Platform(one)
		}
		failed = errors.Join(failed, fn(ctx, platforms))
		after = ids[len(ids)-1]
	}
}

func (s *Service) byClerkUser(ctx context.Context, clerkUserID string) (developer Developer, err error) {
	err = s.db.Tx(ctx, func(ctx context.Context, tx db.Tx) error {
		row, err := queries.DeveloperByClerkUser(ctx, tx, clerkUserID)
		developer = Developer{id.Developer(row.ID), row.Email, row.Name, row.CreatedAt}
		return err
	})
	return developer, err
}

// InsertFirstProject adds a project for a developer who has none; ok is false for one who has. Two who call it at once
// take turns.
func InsertFirstProject(ctx context.Context, tx db.Tenant, developer id.Developer, name string) (p Project, ok bool, err error) {
	if _, err := queries.LockDeveloper(ctx, tx, string(developer)); err != nil {
		return Project{}, false, err
	}
	n, err := queries.CountProjects(ctx, tx, string(developer))
	if err != nil || n > 0 {
		return Project{}, false, err
	}
	row, err := queries.InsertProject(ctx, tx, platformdb.InsertProjectParams{
		ID: string(id.NewProject()), DeveloperID: string(developer), Name: name,
	})
	return projectFrom(row), true, err
}

func checkName(name string) error {
	if n := len([]rune(name)); n == 0 || n > 100 {
		return errs.InvalidParam("name", "name has 1 to 100 characters.")
	}
	return nil
}

func projectFrom(row platformdb.PlatformProject) Project {
	return Project{id.Project(row.ID), row.Name, row.CreatedAt, []Platform{}}
}

func platformFrom(row platformdb.PlatformPlatform) Platform {
	return Platform{id.Platform(row.ID), id.Mode(row.Mode), row.Name, row.CreatedAt}
}
