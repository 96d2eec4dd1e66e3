// Package standin is what the stand-ins for third parties have in common: a server on the loopback interface, failures
// made to order, signed events on their way, control endpoints, and the look of their pages. It knows nothing of any
// third party, and imports nothing of dream-api.
package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// HTTP is a server on the loopback interface. Others could use its control endpoints, which have no password.
type HTTP struct {
	listener net.Listener
	server   *http.Server
	unused   sync.Map // connections on which no request has begun
}

// Listen takes a loopback address; "" is 127.0.0.1:0.
func Listen(addr string) (*HTTP, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address", addr)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &HTTP{listener: listener}, nil
}

// Addr is the host and port of the listener.
func (h *HTTP) Addr() string { return h.listener.Addr().String() }

// Serve begins to answer requests, in the background.
func (h *HTTP) Serve(handler http.Handler, log *slog.Logger) {
	h.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnState:         h.noteUnused,
	}
	h.server.RegisterOnShutdown(h.dropUnused)
	go func() {
		if err := h.server.Serve(h.listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("a sandbox stopped serving", "addr", h.Addr(), "error", err)
		}
	}()
}

// Shutdown lets the requests under way end, and cuts off those that are left when ctx ends. Before Serve, it only closes
// the listener.
func (h *HTTP) Shutdown(ctx context.Context) error {
	if h.server == nil {
		return h.listener.Close()
	}
	err := h.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, h.server.Close())
	}
	return err
}

// Clients open connections they then don't need, and http.Server.Shutdown waits
// seconds for those. So they are noted, and dropped.
func (h *HTTP) noteUnused(c net.Conn, state http.ConnState) {
	if state == http.StateNew {
		h.unused.Store(c, nil)
	} else {
		h.unused.Delete(c)
	}
}

func (h *HTTP) dropUnused() {
	h.unused.Range(func(c, _ any) bool {
		_ = c.(net.Conn).Close()
		return true
	})
}

// Hostname is the host without its port and trailing dot, in lower case.
func Hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

// IsLoopback is whether a host name, without a port, is one of this machine only.
func IsLoopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

// WriteJSON answers with a value that nobody is to keep.
func WriteJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The client having gone is the only way this fails, and nobody is left to tell.
	_ = json.NewEncoder(w).Encode(value)
}
