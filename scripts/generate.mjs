#!/usr/bin/env node
// Writes everything that is generated and committed. With --check it writes nothing and fails when something committed
// is not what would be written.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderOxlintrc } from './lint/oxlintrc.mjs';
import { ROOT } from './bootstrap/step.mjs';

const BUF = join(ROOT, 'node_modules', '@bufbuild', 'buf', 'bin', 'buf');
const PRETTIER = join(ROOT, 'node_modules', 'prettier', 'bin', 'prettier.cjs');

/** Committed path → the text that belongs there. */
const texts = { '.oxlintrc.json': formatted(renderOxlintrc(), 'json') };

function formatted(text, parser) {
  const args = [PRETTIER, '--parser', parser, '--config', join(ROOT, '.prettierrc.json')];
  return execFileSync(process.execPath, args, { input: text, encoding: 'utf8' });
}

/** The code generated from the .proto files, in a folder laid out like proto/. */
function generateProto(folder) {
  execFileSync(process.execPath, [BUF, 'generate'], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
}

function generate() {
  generateProto(join(ROOT, 'proto'));
  for (const [path, text] of Object.entries(texts)) writeFileSync(join(ROOT, path), text);
}

function check() {
  const stale = Object.entries(texts)
    .filter(
      ([path, text]) => !existsSync(join(ROOT, path)) || readFileSync(join(ROOT, path), 'utf8') !== text,
    )
    .map(([path]) => path);
  // buf refuses to write outside its folder, and its plugin is named relative to it: a copy of the layout.
  const temp = mkdtempSync(join(tmpdir(), 'bulkhead-generate-'));
  try {
    const copy = join(temp, 'proto');
    for (const name of ['buf.yaml', 'buf.gen.yaml', 'proto']) {
      cpSync(join(ROOT, 'proto', name), join(copy, name), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(temp, 'node_modules'), 'junction');
    generateProto(copy);
    try {
      execFileSync('git', ['diff', '--no-index', '--stat', join(ROOT, 'proto', 'gen'), join(copy, 'gen')], {
        stdio: ['ignore', 'inherit', 'inherit'],
      });
    } catch {
      stale.push('proto/gen');
    }
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
  if (stale.length === 0) return;
  process.stderr.write(
    `Not current: ${stale.join(', ')}. Run \`npm run generate\` and commit what it wrote.\n`,
  );
  process.exitCode = 1;
}

if (process.argv.includes('--check')) check();
else generate();
