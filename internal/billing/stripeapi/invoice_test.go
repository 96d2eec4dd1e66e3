package stripeapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/internal/billing/stripeapi"
	"github.com/dream-api/dream-api/internal/secret"
)

// invoicesOf answers as Stripe does: any invoice of the account is a place in anybody's list.
func invoicesOf(t *testing.T, all map[string]string, order ...string) *stripeapi.API {
	t.Helper()
	one := func(id string) string {
		status := "paid"
		if strings.HasPrefix(id, "in_draft") {
			status = "draft"
		}
		return fmt.Sprintf(`{"id":%q,"object":"invoice","customer":%q,"status":%q,"number":"N","total":1500,"currency":"usd"}`, id, all[id], status)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, ok := strings.CutPrefix(r.URL.Path, "/v1/invoices/"); ok {
			if all[id] == "" {
				w.WriteHeader(http.StatusNotFound)
				_, _ = fmt.Fprint(w, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such invoice"}}`)
				return
			}
			_, _ = fmt.Fprint(w, one(id))
			return
		}
		var page []string
		after, more := r.FormValue("starting_after"), false
		for _, id := range order {
			switch {
			case after != "":
				if id == after {
					after = ""
				}
			case all[id] != r.FormValue("customer"):
			case strconv.Itoa(len(page)) == r.FormValue("limit"):
				more = true
			default:
				page = append(page, one(id))
			}
		}
		_, _ = fmt.Fprintf(w, `{"object":"list","has_more":%v,"data":[%s]}`, more, strings.Join(page, ","))
	}))
	t.Cleanup(server.Close)
	return stripeapi.New(stripeapi.Config{SecretKey: secret.New("sk_live_x"), TestSecretKey: secret.New("sk_test_x"), APIURL: server.URL})
}

func TestInvoicesAreThoseOfTheCustomerPageByPage(t *testing.T) {
	t.Parallel()
	api := invoicesOf(t, map[string]string{"in_5": "cus_1", "in_draft": "cus_1", "in_4": "cus_2", "in_3": "cus_1", "in_2": "cus_1", "in_1": "cus_1"},
		"in_5", "in_draft", "in_4", "in_3", "in_2", "in_1")
	pages := func(most int) (all []string) {
		t.Helper()
		after := ""
		for {
			page, more, err := api.Invoices(t.Context(), stripeapi.Own, "cus_1", after, most)
			ok(t, err)
			if len(page) > most || more && len(page) != most {
				t.Errorf("a page of %d has %d, and more is %v", most, len(page), more)
			}
			for _, one := range page {
				all = append(all, one.ID)
			}
			if !more {
				return all
			}
			after = page[len(page)-1].ID
		}
	}
	for most := 1; most <= 6; most++ {
		if got := strings.Join(pages(most), " "); got != "in_5 in_3 in_2 in_1" {
			t.Errorf("by pages of %d: %s", most, got)
		}
	}
	for _, after := range []string{"in_4", "in_none"} {
		page, _, err := api.Invoices(t.Context(), stripeapi.Own, "cus_1", after, 5)
		if !errors.Is(err, stripeapi.ErrNotFound) || len(page) > 0 {
			t.Errorf("after %s, which is not the customer's: %v %v", after, page, err)
		}
	}
}
