package server

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant"
)

// developerRoutes are what developers and their programs call.
func (s *Server) developerRoutes(e *echo.Echo) {
	e.GET("/", s.developerHome)

	e.GET("/api/me", s.getMe, s.developer)
	e.GET("/api/tokens", s.listTokens, s.developer)
	e.POST("/api/tokens", s.createToken, s.developer)
	e.POST("/api/tokens/:token/revoke", s.revokeToken, s.developer)
	e.GET("/api/projects", s.listProjects, s.developer)
	e.POST("/api/projects", s.createProject, s.developer)
	e.POST("/api/projects/:project/platforms", s.createPlatform, s.developer)

	const own = "/api/platforms/:platform"
	e.GET(own, s.getPlatform, s.developer, s.ownPlatform)
	e.PATCH(own, s.changePlatform, s.developer, s.ownPlatform)
	e.POST(own+"/domains", s.addDomain, s.developer, s.ownPlatform)
	e.DELETE(own+"/domains/:domain", s.removeDomain, s.developer, s.ownPlatform)
	e.GET(own+"/keys", s.listKeys, s.developer, s.ownPlatform)
	e.POST(own+"/keys", s.createKey, s.developer, s.ownPlatform)
	e.POST(own+"/keys/:key/rotate", s.rotateKey, s.developer, s.ownPlatform)
	e.POST(own+"/keys/:key/revoke", s.revokeKey, s.developer, s.ownPlatform)
	e.GET(own+"/tiers", s.listTiers, s.developer, s.ownPlatform)
	e.POST(own+"/tiers", s.createTier, s.developer, s.ownPlatform)
	e.PATCH(own+"/tiers/:tier", s.changeTier, s.developer, s.ownPlatform)
}

func (s *Server) getMe(c echo.Context) error {
	return c.JSON(http.StatusOK, object{{"developer", developerOf(c)}})
}

func (s *Server) listTokens(c echo.Context) error {
	tokens, err := s.platform.Tokens(c.Request().Context(), developerOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(tokens, ""))
}

func (s *Server) createToken(c echo.Context) error {
	name, err := onlyName(c)
	if err != nil {
		return err
	}
	token, err := s.platform.CreateToken(c.Request().Context(), developerOf(c).ID, name)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, object{{"token", token}, {"secret", token.Secret}})
}

func (s *Server) revokeToken(c echo.Context) error {
	token, err := s.platform.RevokeToken(c.Request().Context(), developerOf(c).ID, c.Param("token"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"token", token}})
}

func (s *Server) listProjects(c echo.Context) error {
	projects, err := s.platform.Projects(c.Request().Context(), developerOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(projects, ""))
}

func (s *Server) createProject(c echo.Context) error {
	name, err := onlyName(c)
	if err != nil {
		return err
	}
	project, err := s.platform.CreateProject(c.Request().Context(), developerOf(c).ID, name)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, object{{"project", project}})
}

// onlyName decodes the requests that say a name and nothing else. They lie outside any platform, where no record of an
// idempotency key is kept, so the header is refused and not passed over in silence.
func onlyName(c echo.Context) (string, error) {
	if err := noIdempotencyKey(c, "it lies outside any platform"); err != nil {
		return "", err
	}
	var in struct {
		Name string `json:"name"`
	}
	_, err := decode(c, &in, false)
	return in.Name, err
}

func (s *Server) createPlatform(c echo.Context) error {
	if err := noIdempotencyKey(c, "it lies outside any platform"); err != nil {
		return err
	}
	var in struct {
		Mode id.Mode `json:"mode"`
		Name string  `json:"name"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	made, err := s.admin.CreatePlatform(c.Request().Context(), developerOf(c).ID, id.Project(c.Param("project")), in.Mode, in.Name)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, object{{"platform", made}})
}

func (s *Server) getPlatform(c echo.Context) error {
	settings, err := s.admin.Settings(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"platform", platformOf(c)}, {"settings", settings}})
}

func (s *Server) changePlatform(c echo.Context) error {
	var in struct {
		Name           *string   `json:"name"`
		Currency       *string   `json:"currency"`
		AllowedOrigins *[]string `json:"allowedOrigins"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	own := platformOf(c)
	settings, err := s.admin.ChangeSettings(c.Request().Context(), own.ID, tenant.SettingsChange{
		Name: in.Name, Currency: in.Currency, AllowedOrigins: in.AllowedOrigins,
	})
	if err != nil {
		return err
	}
	if in.Name != nil {
		own.Name = *in.Name
	}
	return c.JSON(http.StatusOK, object{{"platform", own}, {"settings", settings}})
}

func (s *Server) addDomain(c echo.Context) error {
	var in struct {
		Domain string `json:"domain"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	if _, ours := s.hosts[hostname(in.Domain)]; ours {
		return errs.InvalidParam("domain", "domain is one of ours.")
	}
	settings, err := s.admin.AddDomain(c.Request().Context(), platformOf(c).ID, in.Domain)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, object{{"settings", settings}})
}

func (s *Server) removeDomain(c echo.Context) error {
	settings, err := s.admin.RemoveDomain(c.Request().Context(), platformOf(c).ID, c.Param("domain"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"settings", settings}})
}

func (s *Server) listKeys(c echo.Context) error {
	keys, err := s.admin.Keys(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list(keys, ""))
}

func (s *Server) createKey(c echo.Context) error {
	var in struct {
		Kind id.KeyKind `json:"kind"`
		Name string     `json:"name"`
	}
	r, err := s.decodeOnce(c, &in, false)
	if err != nil {
		return err
	}
	made, replayed, err := s.admin.CreateKey(c.Request().Context(), platformOf(c), in.Kind, in.Name, r)
	return respondKey(c, made, replayed, err)
}

func (s *Server) rotateKey(c echo.Context) error {
	in := struct {
		OverlapSeconds int64 `json:"overlapSeconds"`
	}{24 * 60 * 60}
	r, err := s.decodeOnce(c, &in, true)
	if err != nil {
		return err
	}
	if in.OverlapSeconds > 1<<31 || in.OverlapSeconds < 0 {
		in.OverlapSeconds = 1 << 31 // out of range either way, and it stays so as a Duration
	}
	made, replayed, err := s.admin.RotateKey(c.Request().Context(), platformOf(c), c.Param("key"),
		time.Duration(in.OverlapSeconds)*time.Second, r)
	return respondKey(c, made, replayed, err)
}

// respondKey shows the secret once: a repetition of the answer has none.
func respondKey(c echo.Context, made tenant.NewKey, replayed bool, err error) error {
	if err != nil {
		return err
	}
	markReplayed(c, replayed)
	body := object{{"key", made.Key}}
	if made.Secret != "" {
		body = append(body, member{"secret", made.Secret})
	}
	return c.JSON(http.StatusCreated, body)
}

func (s *Server) revokeKey(c echo.Context) error {
	key, err := s.admin.RevokeKey(c.Request().Context(), platformOf(c).ID, c.Param("key"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"key", key}})
}

func (s *Server) listTiers(c echo.Context) error {
	tiers, err := s.admin.Tiers(c.Request().Context(), platformOf(c).ID)
	if err != nil {
		return err
	}
	entries := make([]tierEntry, len(tiers))
	for i, t := range tiers {
		entries[i] = tierEntryOf(t)
	}
	return c.JSON(http.StatusOK, list(entries, ""))
}

func (s *Server) createTier(c echo.Context) error {
	var in struct {
		Name        string                 `json:"name"`
		DisplayName string                 `json:"displayName"`
		Price       *int64                 `json:"price"`
		Currency    string                 `json:"currency"`
		Interval    string                 `json:"interval"`
		Limit       limitValue             `json:"limit"`
		Meters      map[string]*meterInput `json:"meters"`
		Features    []string               `json:"features"`
		RateLimit   *int                   `json:"rateLimit"`
		Position    *int                   `json:"position"`
	}
	r, err := s.decodeOnce(c, &in, false)
	if err != nil {
		return err
	}
	limits, err := limitsOf(in.Limit, in.Meters, nil)
	if err != nil {
		return err
	}
	if in.Price == nil { // a forgotten price must not give the product away
		return errs.InvalidParam("price", "price is missing; 0 makes a free tier.")
	}
	tier, replayed, err := s.admin.CreateTier(c.Request().Context(), platformOf(c).ID, tenant.Tier{
		Name: in.Name, DisplayName: in.DisplayName, Price: *in.Price, Currency: in.Currency, Interval: in.Interval,
		Features: in.Features, RateLimit: orDefault(in.RateLimit, tenant.DefaultRateLimit), Limits: limits,
	}, in.Position, r)
	if err != nil {
		return err
	}
	markReplayed(c, replayed)
	return c.JSON(http.StatusCreated, object{{"tier", tierEntryOf(tier)}})
}

func (s *Server) changeTier(c echo.Context) error {
	var in struct {
		DisplayName *string                `json:"displayName"`
		Price       *int64                 `json:"price"`
		Interval    *string                `json:"interval"`
		Limit       limitValue             `json:"limit"`
		Meters      map[string]*meterInput `json:"meters"`
		Features    *[]string              `json:"features"`
		RateLimit   *int                   `json:"rateLimit"`
		Position    *int                   `json:"position"`
		Archived    *bool                  `json:"archived"`
	}
	if _, err := decode(c, &in, false); err != nil {
		return err
	}
	change := tenant.TierChange{
		DisplayName: in.DisplayName, Price: in.Price, Interval: in.Interval, Features: in.Features,
		RateLimit: in.RateLimit, Position: in.Position, Archived: in.Archived,
	}
	if in.Limit.given || in.Meters != nil {
		change.Limits = func(now map[string]tenant.Limit) (map[string]tenant.Limit, error) {
			return limitsOf(in.Limit, in.Meters, now)
		}
	}
	tier, err := s.admin.ChangeTier(c.Request().Context(), platformOf(c).ID, c.Param("tier"), change)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, object{{"tier", tierEntryOf(tier)}})
}
