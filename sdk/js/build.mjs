// Builds dist: the same sources by tsc once as ES modules and once as CommonJS, each with its types.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const dist = join(here, 'dist');

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '-p', here], { stdio: 'inherit' });

// What kind a .ts file is follows from the package.json that is nearest, so the CommonJS build has sources of its own.
const sources = join(here, 'dist', 'cjs-src');
mkdirSync(sources, { recursive: true });
cpSync(join(here, 'src'), join(sources, 'src'), { recursive: true });
writeFileSync(join(sources, 'package.json'), '{ "type": "commonjs" }\n');
writeFileSync(join(sources, 'tsconfig.json'), JSON.stringify({
  extends: '../../tsconfig.json',
  compilerOptions: { rootDir: 'src', outDir: '../cjs' },
  include: ['src'],
}));
execFileSync(process.execPath, [tsc, '-p', sources], { stdio: 'inherit' });
rmSync(sources, { recursive: true });
writeFileSync(join(dist, 'cjs', 'package.json'), '{ "type": "commonjs" }\n');
