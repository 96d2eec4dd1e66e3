package sdk

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// guides compiles the code of the guides strictly, each file under the name that the guide gives it.
func guides(t *testing.T, dir string) {
	t.Helper()
	pages, err := filepath.Glob("../../docs/guides/*.md")
	must(t, err)
	named := regexp.MustCompile(`^// ([a-z/.-]+\.ts)\n`)
	at, files := filepath.Join(dir, "guides"), 0
	for _, page := range pages {
		project := filepath.Join(at, strings.TrimSuffix(filepath.Base(page), ".md"))
		code := blocks(t, page, "ts")
		for i, block := range code {
			file := "unnamed" + strings.Repeat("x", i) + ".ts"
			if m := named.FindStringSubmatch(block); m != nil {
				file = m[1]
			}
			must(t, os.MkdirAll(filepath.Join(project, filepath.Dir(file)), 0o755))
			write(t, filepath.Join(project, file), block)
			files++
		}
		if len(code) == 0 {
			continue
		}
		write(t, filepath.Join(project, "tsconfig.json"), `{"compilerOptions": {"strict": true, "noEmit": true, "target": "es2022", "lib": ["es2022", "dom", "dom.iterable"],
			"module": "esnext", "moduleResolution": "bundler", "types": ["node"], "skipLibCheck": true, "paths": {"@/*": ["./*"]}}}`)
		run(t, project, nil, "node", typescript(t), "-p", ".")
	}
	if files < 4 {
		t.Errorf("the guides have %d files of code", files)
	}
}
