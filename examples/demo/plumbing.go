package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

// configure reads what is not in the environment from where `make run` says it, in this folder.
func configure() {
	if secretKey == "" || publicKey == "" {
		var dev struct {
			APIURL string
			Demo   struct{ SecretKey, PublishableKey string }
		}
		text, err := os.ReadFile(".dreamapi/dev.json")
		if err == nil {
			err = json.Unmarshal(text, &dev)
		}
		if err != nil {
			log.Fatal("Set SECRET_KEY and PUBLISHABLE_KEY, or start `make run` in this folder first: ", err)
		}
		secretKey, publicKey = dev.Demo.SecretKey, dev.Demo.PublishableKey
		api = cmp.Or(api, strings.Replace(dev.APIURL, "//api.localhost", "//localhost", 1)) // a name that every system knows
	}
	api = cmp.Or(api, "http://localhost:8080")
}

// call asks the API. A refusal has its words, which are for people; in more than a demo, go by its code.
func call(method, path, key string, in, out any, idempotencyKey ...string) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequest(method, api+path, &body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	for _, key := range idempotencyKey {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= 300 {
		no := &refusal{Status: res.StatusCode}
		return errors.Join(no, json.NewDecoder(res.Body).Decode(no))
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(out)
}

type refusal struct {
	Status  int `json:"-"`
	Message string
}

func (r *refusal) Error() string { return r.Message }

func statusOf(err error) int {
	if no := (*refusal)(nil); errors.As(err, &no) {
		return no.Status
	}
	return http.StatusBadGateway // it can not be reached
}

type handler func(http.ResponseWriter, *http.Request) error

// ServeHTTP tells people kindly of what fails. Whose session has ended, here or elsewhere, gets the page to sign in.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h(w, r)
	switch status := statusOf(err); {
	case err == nil:
	case status == http.StatusUnauthorized:
		sessions.Delete(cookie(r, "demo_session"))
		setCookie(w, "demo_session", "", -1)
		_ = page.Execute(w, view{Title: "You are signed out", Problem: "Your session here has ended. Please sign in again."})
	case status == http.StatusBadGateway:
		log.Print(err)
		w.WriteHeader(status)
		_ = page.Execute(w, view{Title: "Please try again", Problem: "This does not work right now.", Again: true})
	default:
		w.WriteHeader(status)
		_ = page.Execute(w, view{Title: "That did not work", Problem: err.Error(), Again: true})
	}
}

func cookie(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

// setCookie sets one that no script reads and no other site's form sends; on https it is Secure, too.
func setCookie(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(origin, "https:")})
}

// guarded lets no other site send our forms, and our pages load nothing from elsewhere.
func guarded(pages http.Handler) http.Handler {
	own := http.NewCrossOriginProtection().Handler(pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; "+
			"connect-src 'self' "+api+"; base-uri 'none'; frame-ancestors 'none'") // no form-action: "Upgrade" goes on to Stripe
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "same-origin")
		w.Header().Set("Cache-Control", "no-store")
		own.ServeHTTP(w, r)
	})
}
