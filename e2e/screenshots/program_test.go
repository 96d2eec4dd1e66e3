//go:build screenshots

package screenshots

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// facts are what dev.json says.
type facts struct{ DashboardURL, APIURL, StripeSandboxURL string }

// output is what a program has said so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// startDev builds the program and runs its dev in a new folder until the test ends.
func startDev(t *testing.T) facts {
	t.Helper()
	// Not $TMPDIR: PostgreSQL may have to run as another user, who must get there.
	dir, err := os.MkdirTemp("/tmp", "dreamapi-screenshots-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	binary := filepath.Join(dir, "dreamapi")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/dream-api/dream-api/cmd/dreamapi").CombinedOutput(); err != nil {
		t.Fatalf("the program does not build: %s", out)
	}
	said := &output{}
	cmd := exec.Command(binary, "dev")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, said, said
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/tmp", "PORT=0"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		if err := <-ended; err != nil {
			t.Errorf("dev ended: %v", err)
		}
	})
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(2 * time.Minute)
	for !strings.Contains(said.String(), "is ready") {
		select {
		case <-tick.C:
		case err := <-ended:
			ended <- err
			t.Fatalf("dev ended: %v\n%s", err, said)
		case <-late:
			t.Fatalf("dev is not ready:\n%s", said)
		}
	}
	var f facts
	text, err := os.ReadFile(filepath.Join(dir, ".dreamapi", "dev.json"))
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// api calls the customer surface with a secret key.
type api struct{ url, host, key string }

func apiOf(dev facts, key string) api {
	at, err := url.Parse(dev.APIURL)
	if err != nil {
		panic(err) // dev wrote it
	}
	return api{"http://127.0.0.1:" + at.Port(), at.Host, key}
}

func (a api) post(t *testing.T, path, user, body string) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = a.host
	req.Header.Set("Authorization", "Bearer "+a.key)
	if user != "" {
		req.Header.Set("X-User-Id", user)
	}
	got, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode >= 300 {
		t.Fatalf("%s answered %d: %s %v", path, got.StatusCode, text, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}
