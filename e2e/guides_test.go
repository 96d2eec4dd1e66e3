package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
)

// step is a block of a page that is typed, and what it says, where the page shows that.
var step = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?")

// Who types the lines of the quick start, or of a guide, sees what it shows.
func TestTheLinesOfEveryGuideSayWhatItShows(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../docs/guides/*.md")
	if err != nil || len(pages) < 6 {
		t.Fatalf("the guides are %v %v", pages, err)
	}
	for _, page := range append(pages, "../docs/quickstart.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		steps := step.FindAllStringSubmatch(string(text), -1)
		if len(steps) == 0 {
			continue // it is all code, which the tests of the SDK compile
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			d := startDev(t, program.Folder(t))
			shell, blocks := d.shellOf(string(text))
			code, out, log := program.Run(t, shell)
			if code != 0 {
				t.Fatalf("the shell ends with %d:\n%s\n%s", code, out, log)
			}
			said := strings.Split(out, "\n"+blockMark+"\n")[1:]
			shown := 0
			for i, one := range steps {
				if one[2] == "" {
					continue
				}
				shown++
				if got := strings.TrimSpace(said[i]); !likeShown(one[2]).MatchString(got) {
					t.Errorf("%s\nsays\n%s\nand the page shows\n%s", blocks[i], got, one[2])
				}
			}
			if shown == 0 {
				t.Error("the page shows nothing of what is said")
			}
		})
	}
}

// likeShown is what fits a text in which … stands for anything.
func likeShown(text string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(text)), "…", ".*") + "$")
}
