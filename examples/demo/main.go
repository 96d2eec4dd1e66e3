// A product whose sign-in, plans and limit are dream-api's. This is all of it, and it uses the standard library alone: copy
// what you need. Run it beside `make run` with `make tally`; docs/auth.md tells the same in three steps.
package main

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

var (
	api, secretKey, publicKey = os.Getenv("API"), os.Getenv("SECRET_KEY"), os.Getenv("PUBLISHABLE_KEY")
	origin                    string                                                         // of this product
	early, _                  = time.ParseDuration(cmp.Or(os.Getenv("REFRESH_EARLY"), "1m")) // so long before its end a token is renewed
	//go:embed page.html style.css count.js
	files embed.FS
	page  = template.Must(template.ParseFS(files, "page.html"))
)

func main() {
	configure()
	listener, err := net.Listen("tcp", "localhost:"+cmp.Or(os.Getenv("PORT"), "4000"))
	if err != nil {
		log.Fatal(err)
	}
	origin = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	mux := http.NewServeMux()
	for pattern, h := range map[string]handler{"GET /{$}": home, "GET /login": login, "GET /callback": callback,
		"GET /token": token, "POST /upgrade": upgrade, "POST /sign-out": signOut} {
		mux.Handle(pattern, h)
	}
	mux.Handle("GET /static/", http.StripPrefix("/static", http.FileServerFS(files)))
	fmt.Println("The demo is at", origin)
	log.Fatal((&http.Server{Handler: guarded(mux), ReadHeaderTimeout: 10 * time.Second}).Serve(listener))
}

// Step 1: send the browser to the sign-in. It comes back with our state, so we know that it began here; of the verifier
// only the hash goes along, so the code that comes back is of use to nobody else. Both wait in a cookie.
func login(w http.ResponseWriter, r *http.Request) error {
	state, verifier := rand.Text(), rand.Text()+rand.Text()
	hash := sha256.Sum256([]byte(verifier))
	where := map[bool]string{true: "/sign-up?", false: "/sign-in?"}[r.FormValue("page") == "sign-up"]
	setCookie(w, "demo_login", state+"."+verifier, 600)
	http.Redirect(w, r, api+where+url.Values{"publishableKey": {publicKey}, "redirectUrl": {origin + "/callback"}, "state": {state},
		"codeChallenge": {base64.RawURLEncoding.EncodeToString(hash[:])}}.Encode(), http.StatusSeeOther)
	return nil
}

// Step 2: the browser is back with a code, good once and for a minute. Trade it, from the server.
func callback(w http.ResponseWriter, r *http.Request) error {
	state, verifier, _ := strings.Cut(cookie(r, "demo_login"), ".")
	setCookie(w, "demo_login", "", -1)
	if state == "" || state != r.FormValue("state") {
		return &refusal{http.StatusBadRequest, "This sign-in did not begin in this browser, or too long ago."}
	}
	s := &session{retry: rand.Text()}
	err := call("POST", "/api/sessions", secretKey, map[string]string{
		"code": r.FormValue("code"), "codeVerifier": verifier, "redirectUrl": origin + "/callback"}, &s.tokens)
	if err == nil { // nothing to verify: the token comes from the API itself
		id := rand.Text()
		sessions.Store(id, s)
		setCookie(w, "demo_session", id, 90*24*60*60)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
	return err
}

// Step 3: use the token, and refresh it. A refresh token is good once, so the tokens stay here, where one refresh runs at
// a time, and the browser holds a random name for them. In memory they are lost on a restart: keep yours in your database.
var sessions sync.Map

type session struct {
	mu     sync.Mutex
	tokens tokens
	retry  string // with this Idempotency-Key a refresh whose answer was lost can be sent again
}

type tokens struct {
	Token, RefreshToken string
	ExpiresAt           time.Time
	Customer            struct{ Email string }
}

var errSignedOut = &refusal{http.StatusUnauthorized, "You are not signed in, or no longer."}

// signedIn is who this browser is, with a token that is good for a while.
func signedIn(r *http.Request) (tokens, error) {
	found, ok := sessions.Load(cookie(r, "demo_session"))
	if !ok {
		return tokens{}, errSignedOut
	}
	s := found.(*session)
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Until(s.tokens.ExpiresAt) < early {
		var next tokens
		err := call("POST", "/api/sessions/refresh", secretKey, map[string]string{"refreshToken": s.tokens.RefreshToken}, &next, s.retry)
		if err != nil {
			return next, err
		}
		s.tokens, s.retry = next, rand.Text()
	}
	return s.tokens, nil
}

// token is for our page's script, which calls the API itself. A token never stands in an address.
func token(w http.ResponseWriter, r *http.Request) error {
	who, err := signedIn(r)
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return nil
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]string{"token": who.Token})
}

type view struct {
	Title, Problem      string
	Again, Full         bool
	Email, API, Account string
	Usage               struct {
		Plan             string
		UsageCount       int
		Limit, Remaining *int // nil: unlimited
	}
}

func home(w http.ResponseWriter, r *http.Request) error {
	if cookie(r, "demo_session") == "" {
		return page.Execute(w, view{})
	}
	who, err := signedIn(r)
	v := view{Email: who.Customer.Email, API: api, Account: api + "/account?" + url.Values{
		"publishableKey": {publicKey}, "redirectUrl": {origin + "/"}}.Encode()}
	if err == nil {
		err = call("GET", "/api/usage", who.Token, nil, &v.Usage)
	}
	if err != nil {
		return err
	}
	v.Full = v.Usage.Remaining != nil && *v.Usage.Remaining == 0
	return page.Execute(w, v)
}

// upgrade leads to Stripe's checkout, and that back to us: the plan is then the new one.
func upgrade(w http.ResponseWriter, r *http.Request) error {
	var checkout struct{ URL string }
	who, err := signedIn(r)
	if err == nil {
		err = call("POST", "/api/create-checkout", who.Token, map[string]string{
			"tier": "pro", "successUrl": origin + "/", "cancelUrl": origin + "/"}, &checkout)
	}
	if err == nil {
		http.Redirect(w, r, checkout.URL, http.StatusSeeOther)
	}
	return err
}

func signOut(w http.ResponseWriter, r *http.Request) (err error) {
	if found, ok := sessions.LoadAndDelete(cookie(r, "demo_session")); ok {
		s := found.(*session)
		s.mu.Lock()
		defer s.mu.Unlock()
		err = call("POST", "/api/sessions/revoke", secretKey, map[string]string{"refreshToken": s.tokens.RefreshToken}, nil)
	}
	setCookie(w, "demo_session", "", -1)
	if err == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
	return err
}
