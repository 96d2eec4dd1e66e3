package stripe

import (
	"net/url"
	"slices"
)

func listEvents(t *tx, r *request) (any, error) {
	types := r.strs("types")
	if r.has("types") && r.has("type") {
		return nil, invalid("", "type", "You may only specify one of these parameters: type, types.")
	}
	return listed(r, filter(all[*event](t),
		func(e *event) bool {
			return r.like("type", e.Type) && (!r.has("types") || slices.Contains(types, e.Type))
		},
		func(e *event) bool {
			return !r.has("delivery_success") || r.yes("delivery_success") == (e.PendingWebhooks == 0)
		},
		func(e *event) bool { return r.within("created", &e.Created) }))
}

func getEvent(t *tx, r *request) (any, error) { return find[*event](t, r) }

func createWebhookEndpoint(t *tx, r *request) (any, error) {
	w := &webhookEndpoint{APIVersion: optional[string](r.values, "api_version"), Description: optional[string](r.values, "description"),
		Status: "enabled", Secret: randomID("whsec_", 32), Connect: r.yes("connect")}
	if v := val(w.APIVersion); v != "" && v != apiVersion {
		return nil, invalid("", "api_version", "Invalid API version: %s. The sandbox speaks %s only.", v, apiVersion)
	}
	if w.Connect && t.Account != t.s.clock.Ours {
		return nil, invalid("", "connect", "Connected accounts can't have Connect endpoints.")
	}
	if w.Connect && t.s.cfg.ClientID != "" {
		w.Application = ptr(t.s.cfg.ClientID)
	}
	if err := w.set(r.values); err != nil {
		return nil, err
	}
	t.add(w, "we_")
	answer := wireOf(w)
	answer["secret"] = w.Secret
	return answer, nil
}

func (w *webhookEndpoint) set(v values) (err error) {
	setValue(v, "url", &w.URL)
	setOptional(v, "description", &w.Description)
	if u, err := url.Parse(w.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return invalid("url_invalid", "url", "Invalid URL: An explicit scheme (such as https) must be provided.")
	}
	if v.has("enabled_events") {
		w.EnabledEvents = v.strs("enabled_events")
	}
	if len(w.EnabledEvents) == 0 {
		return invalid("parameter_invalid_empty", "enabled_events", "enabled_events must name at least one event, or \"*\".")
	}
	if v.has("disabled") {
		w.Status = map[bool]string{true: "disabled", false: "enabled"}[v.yes("disabled")]
	}
	w.Metadata, err = v.metadata(w.Metadata)
	return err
}

func listWebhookEndpoints(t *tx, r *request) (any, error) {
	return listed(r, all[*webhookEndpoint](t))
}

func getWebhookEndpoint(t *tx, r *request) (any, error) { return find[*webhookEndpoint](t, r) }

func updateWebhookEndpoint(t *tx, r *request) (any, error) {
	w, err := find[*webhookEndpoint](t, r)
	if err != nil {
		return nil, err
	}
	t.edit(w)
	return w, w.set(r.values)
}

func deleteWebhookEndpoint(t *tx, r *request) (any, error) {
	w, err := find[*webhookEndpoint](t, r)
	if err != nil {
		return nil, err
	}
	t.remove(w)
	return deletedAnswer(w), nil
}
