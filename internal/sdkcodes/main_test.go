package main

import (
	"go/format"
	"os"
	"testing"
)

// The SDKs have the list of error codes that the program has.
func TestTheSDKsHaveEveryCode(t *testing.T) {
	t.Parallel()
	golang, err := format.Source(goCodes())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"../../sdk/go/codes.go": golang, "../../sdk/js/src/codes.ts": tsCodes()} {
		if got, err := os.ReadFile(name); err != nil || string(got) != string(want) {
			t.Errorf("%s is not what internal/errs/codes.go says (make generate) %v", name, err)
		}
	}
}
