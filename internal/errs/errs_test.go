package errs

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// declared are the codes of codes.go, as its source has them.
func declared(t *testing.T) map[string]Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]Code{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes[spec.Names[0].Name] = Code(value)
		}
		return true
	})
	return codes
}

func TestEveryCodeHasATitleAndHelp(t *testing.T) {
	t.Parallel()
	codes := declared(t)
	if len(codes) < 20 || len(codes) != len(Codes()) {
		t.Errorf("%d codes are declared and %d listed", len(codes), len(Codes()))
	}
	if len(explanations) != len(codes) {
		t.Errorf("%d codes are explained and %d declared", len(explanations), len(codes))
	}
	form := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for name, code := range codes {
		if code.Title() == "" || code.Help() == "" || !strings.HasSuffix(code.Help(), ".") {
			t.Errorf("%s has the title %q and the help %q", name, code.Title(), code.Help())
		}
		x := code.Explanation()
		if len(x.Why) == 0 || len(x.Mend) == 0 || x.Message == "" {
			t.Errorf("%s is not explained: %+v", name, x)
		}
		if !form.MatchString(string(code)) {
			t.Errorf("%s is %q", name, code)
		}
	}
}

func TestInvalidListsEveryFault(t *testing.T) {
	t.Parallel()
	if err := Invalid(nil); err != nil {
		t.Errorf("no fault is %v", err)
	}
	var one, many *Error
	if !errors.As(InvalidParam("email", "email is %s.", "missing"), &one) || one.Param != "email" || len(one.Faults) != 1 ||
		one.Message != "email is missing." {
		t.Errorf("one fault: %+v", one)
	}
	faults := make([]Fault, 250)
	if !errors.As(Invalid(faults[:3]), &many) || many.Param != "" || len(many.Faults) != 3 || !strings.Contains(many.Message, "3 faults") {
		t.Errorf("three faults: %+v", many)
	}
	if !errors.As(Invalid(faults), &many) || len(many.Faults) != 100 || !strings.Contains(many.Message, "100 or more faults") {
		t.Errorf("very many faults: %d, %s", len(many.Faults), many.Message)
	}
}

func TestTheCauseIsForTheLogAlone(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	e := New(Unavailable, "Try again.").Because(cause)
	if !errors.Is(e, cause) || !strings.Contains(e.Error(), "connection refused") || strings.Contains(e.Message, "refused") {
		t.Errorf("%v", e)
	}
	if wrapped := fmt.Errorf("while: %w", e); !Is(wrapped, Unavailable) || Is(wrapped, Internal) || Is(cause, Unavailable) || Is(nil, Unavailable) {
		t.Error("Is does not tell codes apart")
	}
}
