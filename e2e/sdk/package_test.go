package sdk

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dream-api/dream-api/e2e/program"
)

// Who installs the package in a fresh folder can use it as a module, as CommonJS and in TypeScript, as its README says.
func TestThePackageWorksInAFreshFolder(t *testing.T) {
	t.Parallel()
	built(t)
	w := newWorld(t)
	dir := program.Folder(t)
	packed(t, dir)
	npm := map[string]string{"npm_config_cache": filepath.Join(dir, "cache")}
	write(t, filepath.Join(dir, "package.json"), `{"private": true}`)
	run(t, dir, npm, "npm", "install", "--offline", "--no-audit", "--no-fund", "./dream-api.tgz")

	for file, program := range map[string]string{
		"shop.mjs": "import { Dream } from 'dream-api';\nimport 'dream-api/pricing';\n",
		"shop.cjs": "const { Dream } = require('dream-api');\nrequire('dream-api/pricing');\n",
	} {
		program += `(async () => {
			const dream = new Dream(process.env.DREAM_SECRET_KEY);
			console.log((await dream.track('fresh', { plan: 'free' })).plan);
		})();`
		write(t, filepath.Join(dir, file), program)
		equal(t, file, strings.TrimSpace(run(t, dir, w.asAUser(), "node", file)), "free")
	}
	w.types(t, dir)
	w.readme(t, dir)
	guides(t, dir)
}

// packed makes the package, as it would be published, and looks at what is in it.
func packed(t *testing.T, dir string) {
	t.Helper()
	out := run(t, jsFolder, map[string]string{"npm_config_cache": filepath.Join(dir, "cache")},
		"npm", "pack", "--ignore-scripts", "--json", "--pack-destination", dir)
	var made []struct {
		Filename string
		Files    []struct{ Path string }
	}
	must(t, json.Unmarshal([]byte(out), &made))
	for _, f := range made[0].Files {
		known := f.Path == "package.json" || f.Path == "README.md" || strings.HasPrefix(f.Path, "dist/esm/") || strings.HasPrefix(f.Path, "dist/cjs/")
		if !known {
			t.Errorf("%s is in the package", f.Path)
		}
	}
	if len(made[0].Files) < 60 {
		t.Errorf("the package has %d files", len(made[0].Files))
	}
	must(t, os.Rename(filepath.Join(dir, made[0].Filename), filepath.Join(dir, "dream-api.tgz")))
}

const consumer = `import %s;
import type { Customer, TierLimitError as Limit } from 'dream-api';

declare const document: { querySelector(name: 'x'): object };
const dream = new Dream('sk_test_x');
async function main(): Promise<number> {
	const customer: Customer = await dream.customers.create({ email: 'a@example.com' });
	for await (const one of dream.customers.list()) { const id: string = one.id + one.requestId; void id; }
	const [result] = await dream.track.batch([{ userId: customer.id }]);
	if (result && !result.success) { const code: string | undefined = result.error.code; void code; }
	try {
		const usage = await dream.track(customer.id, { signal: new AbortController().signal });
		return usage.remaining ?? usage.count;
	} catch (error) {
		if (error instanceof TierLimitError) { const limit: Limit = error; return limit.usage.count; }
		throw error;
	}
}
void main; void document;
// @ts-expect-error a quantity is a number
void dream.track('x', { quantity: '3' });
// @ts-expect-error a user has an id
void dream.track();
// @ts-expect-error there is no such interval
void dream.checkout('x', 'pro', { interval: 'week' });
`

// types compiles consumers strictly, by each way in which TypeScript finds packages.
func (w *world) types(t *testing.T, dir string) {
	t.Helper()
	esm, cjs := "{ Dream, TierLimitError } from 'dream-api'", "dreamapi = require('dream-api');\nconst { Dream, TierLimitError } = dreamapi"
	for _, way := range []struct{ name, file, how, options string }{
		{"nodenext-esm", "a.mts", esm, `"module": "nodenext", "moduleResolution": "nodenext"`},
		{"nodenext-cjs", "a.cts", cjs, `"module": "nodenext", "moduleResolution": "nodenext"`},
		{"node16-cjs", "a.cts", cjs, `"module": "node16", "moduleResolution": "node16"`}, // where CommonJS takes no module
		{"node16-esm", "a.mts", esm, `"module": "node16", "moduleResolution": "node16"`},
		{"bundler", "a.ts", esm, `"module": "esnext", "moduleResolution": "bundler"`},
		{"node10", "a.ts", esm, `"module": "commonjs", "moduleResolution": "node10"`},
	} {
		at := filepath.Join(dir, way.name)
		must(t, os.Mkdir(at, 0o755))
		write(t, filepath.Join(at, way.file), fmt.Sprintf(consumer, way.how)+"import type { DreamPricing } from 'dream-api/pricing';\n"+
			"export type Token = DreamPricing['token'];\nexport type { Counter } from 'dream-api/express';\n")
		write(t, filepath.Join(at, "tsconfig.json"), `{"compilerOptions": {"strict": true, "noEmit": true, "target": "es2022", "lib": ["es2022", "dom"], "types": [], `+
			way.options+`}, "files": ["`+way.file+`"]}`)
		run(t, at, nil, "node", typescript(t), "-p", ".")
	}
}

func typescript(t *testing.T) string {
	t.Helper()
	return absolute(t, []string{jsFolder + "/node_modules/typescript/bin/tsc"})[0]
}

// readme compiles every piece of code in the README strictly, and runs those that are whole.
func (w *world) readme(t *testing.T, dir string) {
	t.Helper()
	// The frameworks that it names, of which the package itself knows nothing.
	for _, name := range []string{"express", "hono", "@types"} {
		must(t, os.Symlink(absolute(t, []string{jsFolder + "/node_modules/" + name})[0], filepath.Join(dir, "node_modules", name)))
	}
	at := filepath.Join(dir, "readme")
	must(t, os.Mkdir(at, 0o755))
	code := blocks(t, jsFolder+"/README.md", "ts")
	if len(code) < 10 {
		t.Errorf("the README has %d blocks", len(code))
	}
	var files []string
	for i, block := range code {
		file := fmt.Sprintf("block%d.ts", i)
		if !strings.Contains(block, "const dream =") {
			block = "import { Dream as D } from 'dream-api';\nconst dream = new D(process.env.DREAM_SECRET_KEY!);\n" + block
		}
		if !strings.Contains(block, "const customer =") {
			block += "declare var customer: { id: string };\n"
		}
		block += "declare var email: string, code: string;\nexport {};\n"
		write(t, filepath.Join(at, file), block)
		files = append(files, `"`+file+`"`)
	}
	write(t, filepath.Join(at, "package.json"), `{"type": "module"}`)
	write(t, filepath.Join(at, "tsconfig.json"), `{"compilerOptions": {"strict": true, "target": "es2022", "lib": ["es2022", "dom", "dom.iterable"],
		"module": "nodenext", "moduleResolution": "nodenext", "types": ["node"], "skipLibCheck": true, "outDir": "out"}, "files": [`+strings.Join(files, ", ")+`]}`)
	run(t, at, nil, "node", typescript(t), "-p", ".")

	environ := w.asAUser()
	if out := run(t, at, environ, "node", "out/block0.js"); !strings.HasPrefix(out, w.facts.StripeSandboxURL) {
		t.Errorf("the three calls say %q", out)
	}
	all := slices.IndexFunc(code, func(block string) bool { return strings.Contains(block, "dream.tiers.list()") })
	customer, err := ask("POST", w.facts.APIURL+"/api/customers", w.facts.Demo.SecretKey, map[string]any{"id": "reader", "plan": "free"}, nil)
	must(t, err)
	write(t, filepath.Join(at, "all.mjs"), fmt.Sprintf("globalThis.customer = { id: %q };\nglobalThis.email = 'all@example.com';\nglobalThis.code = %q;\n"+
		"await import('./out/block%d.js');\nconsole.log('done');\n", customer["customer"].(map[string]any)["id"], w.code(t, "browser@example.com"), all))
	if out := run(t, at, environ, "node", "all.mjs"); !strings.Contains(out, "done") || !strings.Contains(out, "all@example.com") {
		t.Errorf("all calls say %q", out)
	}
}
