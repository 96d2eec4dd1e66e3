package clerk

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

type jwtTemplate struct {
	ID               string   `json:"id"`
	Name             string   `json:"name"`
	Claims           metadata `json:"claims"`
	Lifetime         int      `json:"lifetime"`
	AllowedClockSkew int      `json:"allowed_clock_skew"`
	CreatedAt        int64    `json:"created_at"`
	UpdatedAt        int64    `json:"updated_at"`
}

// templateJSON is a JWT template as Clerk sends it.
type templateJSON struct {
	Object string `json:"object"`
	jwtTemplate
	CustomSigningKey bool   `json:"custom_signing_key"`
	SigningAlgorithm string `json:"signing_algorithm"`
}

func (j *jwtTemplate) json() templateJSON {
	return templateJSON{Object: "jwt_template", jwtTemplate: *j, SigningAlgorithm: "RS256"}
}

// reservedClaims are in every token, and no template may name them.
var reservedClaims = []string{"azp", "exp", "iat", "iss", "jti", "nbf", "sub"}

type templateParams struct {
	Name             field[string]   `json:"name"`
	Claims           field[metadata] `json:"claims"`
	Lifetime         field[int]      `json:"lifetime"`
	AllowedClockSkew field[int]      `json:"allowed_clock_skew"`
	CustomSigningKey field[bool]     `json:"custom_signing_key"`
	SigningAlgorithm field[string]   `json:"signing_algorithm"`
}

// apply checks the parameters and sets them on the template, which isn't
// stored yet.
func (a *appState) applyTemplate(p templateParams, j *jwtTemplate) error {
	j.Name = p.Name.or(j.Name)
	j.Claims = p.Claims.or(j.Claims)
	j.Lifetime = p.Lifetime.or(j.Lifetime)
	j.AllowedClockSkew = p.AllowedClockSkew.or(j.AllowedClockSkew)
	if j.Name == "" {
		return paramMissing("name")
	}
	if other := a.templateByName(j.Name); other != nil && other.ID != j.ID {
		return invalid("form_already_exists", "name", "already exists", "A JWT template of this name exists.")
	}
	if j.Claims == nil {
		return paramMissing("claims")
	}
	for _, claim := range reservedClaims {
		if _, ok := j.Claims[claim]; ok {
			e := badRequest("jwt_template_reserved_claim", fmt.Sprintf("The claim '%s' is reserved.", claim))
			e.Meta = map[string]any{"param_name": "claims"}
			return e
		}
	}
	if !validLifetime(j.Lifetime) {
		return paramValueInvalid("lifetime", "lifetime must be between 30 and 315360000.")
	}
	if j.AllowedClockSkew < 0 || j.AllowedClockSkew > 300 {
		return paramValueInvalid("allowed_clock_skew", "allowed_clock_skew must be between 0 and 300.")
	}
	if p.CustomSigningKey.or(false) || p.SigningAlgorithm.or("RS256") != "RS256" {
		return paramValueInvalid("custom_signing_key", "The sandbox signs with the app's own RS256 key only.")
	}
	return nil
}

func (a *appState) newTemplate(p templateParams, now time.Time) (*jwtTemplate, error) {
	j := &jwtTemplate{ID: newID("jtmp"), Lifetime: 60, AllowedClockSkew: 5, CreatedAt: now.UnixMilli(), UpdatedAt: now.UnixMilli()}
	if err := a.applyTemplate(p, j); err != nil {
		return nil, err
	}
	a.Templates[j.ID] = j
	return j, nil
}

// addConfiguredTemplates creates the configured templates which aren't there.
func (a *app) addConfiguredTemplates(now time.Time) error {
	for name, claims := range a.JWTTemplates {
		if a.templateByName(name) != nil {
			continue
		}
		// Through JSON, so that the claims have the types that the API gives them.
		raw, err := json.Marshal(map[string]any{"name": name, "claims": claims})
		if err != nil {
			return err
		}
		var p templateParams
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		if _, err := a.newTemplate(p, now); err != nil {
			return fmt.Errorf("JWT template %q: %w", name, err)
		}
	}
	return nil
}

func (a *appState) templateByName(name string) *jwtTemplate {
	for _, j := range a.Templates {
		if j.Name == name {
			return j
		}
	}
	return nil
}

// templates are all of the app's, the oldest first.
func (a *appState) templates() []*jwtTemplate {
	var list []*jwtTemplate
	for _, j := range a.Templates {
		list = append(list, j)
	}
	slices.SortFunc(list, func(a, b *jwtTemplate) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.Name, b.Name))
	})
	return list
}

func (a *appState) template(id string) (*jwtTemplate, error) {
	if j := a.Templates[id]; j != nil {
		return j, nil
	}
	return nil, notFound("JWT template", id)
}

func listTemplates(t *tx, r *request) (any, error) {
	return paginated(t.templates(), r.URL.Query(), (*jwtTemplate).json)
}

func createTemplate(t *tx, r *request) (any, error) {
	var p templateParams
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	j, err := t.newTemplate(p, t.now)
	if err != nil {
		return nil, err
	}
	return j.json(), nil
}

func getTemplate(t *tx, r *request) (any, error) {
	j, err := t.template(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return j.json(), nil
}

func updateTemplate(t *tx, r *request) (any, error) {
	j, err := t.template(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	var p templateParams
	if err := r.decode(&p); err != nil {
		return nil, err
	}
	next := *j
	if err := t.applyTemplate(p, &next); err != nil {
		return nil, err
	}
	next.UpdatedAt = t.millis()
	*j = next
	return j.json(), nil
}

func deleteTemplate(t *tx, r *request) (any, error) {
	j, err := t.template(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	delete(t.Templates, j.ID)
	return deleted{Object: "jwt_template", ID: j.ID, Deleted: true}, nil
}
