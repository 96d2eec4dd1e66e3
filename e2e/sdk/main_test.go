// Package sdk tests the clients in sdk/go and sdk/js against the built program: as a developer's backend calls it, over
// a network on which answers are lost, cut off, late or refused, and in a browser. Nothing is mocked.
package sdk

import (
	"os"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
)

func TestMain(m *testing.M) {
	remove := program.Build()
	code := m.Run()
	remove()
	os.Exit(code)
}
