package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNothingThatFormatsASecretShowsIt(t *testing.T) {
	const value = "sk_live_hunter2"
	holder := struct {
		Key     Text
		Pointer *Text
	}{New(value), new(New(value))}

	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "holder", holder, "key", holder.Key)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "holder", holder, "key", holder.Key)
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	all.WriteString(logged.String() + string(encoded))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&all, verb, holder.Key)
		fmt.Fprintf(&all, verb, holder)
	}
	for _, leak := range []string{value, fmt.Sprintf("%x", value)} {
		if strings.Contains(all.String(), leak) {
			t.Errorf("the secret shows: %s", all.String())
		}
	}
	if holder.Key.Reveal() != value {
		t.Error("Reveal does not give the value back")
	}
}
