package usage_test

import (
	"testing"

	"github.com/dream-api/dream-api/internal/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }
