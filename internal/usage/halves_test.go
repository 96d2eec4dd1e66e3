package usage

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/dream-api/dream-api/internal/tenant"
)

// crowdOf are calls of so many users of one platform, each of whom calls the given number of times.
func (b books) crowdOf(t *testing.T, users, times int) []Call {
	t.Helper()
	first := b.newCall(t, "", 1)
	var calls []Call
	for range times {
		for n := range users {
			c := first
			c.Entitlement = &tenant.Entitlement{}
			*c.Entitlement = *first.Entitlement
			c.Entitlement.UserID = fmt.Sprintf("user%d", n)
			c.Receipt = &Receipt{ID: uuid.New(), Fingerprint: uuid.New()}
			calls = append(calls, c)
		}
	}
	return calls
}

// Each half waits until the other has come as far, which it never does where one is counted after the other.
func TestTheHalvesOfALargeBatchAreCountedSideBySide(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	calls := b.crowdOf(t, worthHalving, 2)
	if _, failed := b.TrackAll(calls[:worthHalving]); errors.Join(failed...) != nil { // all have rows from now on
		t.Fatal(failed)
	}
	if _, err := b.Connect(t, b.Superuser).Exec(t.Context(), `
		CREATE SEQUENCE public.arrived; CREATE SEQUENCE public.alone;
		CREATE FUNCTION public.meet() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
			PERFORM nextval('public.arrived');
			FOR i IN 1..400 LOOP
				IF (SELECT last_value FROM public.arrived) >= 2 THEN RETURN new; END IF;
				PERFORM pg_sleep(0.01);
			END LOOP;
			PERFORM nextval('public.alone');
			RETURN new;
		END $$;
		GRANT EXECUTE ON FUNCTION public.meet() TO PUBLIC;
		CREATE TRIGGER meet BEFORE INSERT ON tenant_usage.journal FOR EACH ROW EXECUTE FUNCTION public.meet()`); err != nil {
		t.Fatal(err)
	}
	if _, failed := b.TrackAll(calls[worthHalving:]); errors.Join(failed...) != nil {
		t.Fatal(failed)
	}
	if readOne[bool](t, b, "SELECT is_called FROM public.alone") {
		t.Error("a half was counted alone")
	}
	if users := readOne[int](t, b, "SELECT count(*) FROM tenant_usage.users WHERE counts = '{2}'"); users != worthHalving {
		t.Errorf("%d of %d users have called twice", users, worthHalving)
	}
}
