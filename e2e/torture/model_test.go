package torture

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// What one account is to those who use it, if all operations came one after the other.

// kind is what an operation does.
type kind string

const (
	tracked    kind = "track"
	granted    kind = "grant"
	planned    kind = "plan of the customer"
	readAnswer kind = "read"
)

// step is an operation on an account.
type step struct {
	kind     kind
	plan     string // of a track: the plan that is stated, if any; else what the operation is about
	quantity int64
	allowed  map[string][]int64 // of each tier: the limits by which the operation may be judged
}

// came is what came of it.
type came struct {
	refused bool
	count   int64
	limit   int64 // with what was granted
	plan    string
}

func cameOf(refused bool, u usage) came {
	out := came{refused: refused, count: u.Count, plan: u.Plan}
	if u.Limit != nil {
		out.limit = *u.Limit
	}
	return out
}

// state is that of an account. Grants of one period are all alike. The limits of the tiers are no part of it: a call that
// began before one was changed may be judged by the old one, even if others which began later are counted before it. A
// customer's own plan is, as it is fenced by the row in which the customer's units are counted.
type state struct {
	count, granted int64
	plan           string // of a customer; empty: it is stated with each call
}

// after is the state after a step, and whether that could have had the outcome.
func (s state) after(in step, out came) (bool, state) {
	plan := in.plan
	if s.plan != "" {
		plan = s.plan
	}
	switch in.kind {
	case planned:
		s.plan = in.plan
		return true, s
	case readAnswer:
		return out.count == s.count, s
	case granted:
		s.granted += in.quantity
	}
	if out.plan != plan || !slices.Contains(in.allowed[plan], out.limit-s.granted) {
		return false, s
	}
	left, refused := out.limit-s.count, false
	switch {
	case in.kind == granted:
	case in.quantity < 0:
		s.count -= min(-in.quantity, s.count)
	case in.quantity == 0:
		refused = left <= 0
	case in.quantity > left:
		refused = true
	default:
		s.count += in.quantity
	}
	return out.refused == refused && out.count == s.count, s
}

// modelFrom is the model of an account that begins in the state.
func modelFrom(begin state) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return begin },
		Step: func(s, in, out any) (bool, any) { return s.(state).after(in.(step), out.(came)) },
		DescribeOperation: func(in, out any) string {
			return fmt.Sprintf("%+v gets %+v", in, out)
		},
		DescribeState: func(s any) string { return fmt.Sprintf("%+v", s) },
	}
}

// longestCheck ends the search through a history. Nothing is concluded from it but failure.
const longestCheck = 5 * time.Minute

// wantLinearizable checks that the operations could have come one after the other, each at a moment while it was under
// way.
func wantLinearizable(t *testing.T, of account, begin state, history []porcupine.Operation) {
	t.Helper()
	model := modelFrom(begin)
	result, info := porcupine.CheckOperationsVerbose(model, history, longestCheck)
	if result == porcupine.Ok {
		return
	}
	var tried strings.Builder
	for _, partial := range info.PartialLinearizations() {
		var longest []int
		for _, p := range partial {
			if len(p) > len(longest) {
				longest = p
			}
		}
		explain(&tried, begin, longest, history)
	}
	t.Errorf("%v: the history of %d operations is %s\n%s", of, len(history), result, &tried)
}

// explain shows the end of what could be put in order, and what comes next and fits nowhere.
func explain(to *strings.Builder, s state, order []int, history []porcupine.Operation) {
	show := func(op porcupine.Operation) {
		fmt.Fprintf(to, "%d–%d %+v gets %+v", op.Call, op.Return, op.Input, op.Output)
	}
	for i, n := range order {
		_, s = s.after(history[n].Input.(step), history[n].Output.(came))
		if i >= len(order)-8 {
			show(history[n])
			fmt.Fprintf(to, ": then %+v\n", s)
		}
	}
	left := 8
	for n, op := range history {
		if !slices.Contains(order, n) && left > 0 {
			to.WriteString("does not fit: ")
			show(op)
			to.WriteString("\n")
			left--
		}
	}
}
