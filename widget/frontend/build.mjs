/**
 * Builds static/widget/: app.<hash>.js (the chat), files.<hash>.js (what a chat with files needs beside it), v1.js (the loader that knows its name), manifest.json, and texts.json:
 * the chat's own words by language, for the page where they are replaced.
 * The same sources give the same bytes; `--check` builds in memory and says whether the committed files are these.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '../../static/widget');
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));

/** Style sheets become strings, small ones. */
const cssText = {
  name: 'css-text',
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await esbuild.transform(readFileSync(path, 'utf8'), { loader: 'css', minify: true, target: 'safari15' });
      return { contents: code.trim(), loader: 'text' };
    });
  },
};

/** The chat's words take a sixth of its weight. Packed, their keys stand there once for all languages. */
const wordsPacked = {
  name: 'words-packed',
  setup(build) {
    build.onLoad({ filter: /src.app.words\.ts$/ }, async () => {
      const locales = await localesOf('src/app/words.ts');
      const pack = (list) => {
        if (list.some((word) => word.includes('|'))) throw new Error('a text with | in it');
        return JSON.stringify(list.join('|'));
      };
      const [keys] = Object.values(locales).map(Object.keys);
      const tables = Object.entries(locales).map(([locale, words]) => `${locale}:/* @__PURE__ */ unpack(${pack(keys.map((key) => words[key]))})`);
      const contents = `const keys=/* @__PURE__ */ ${pack(keys)}.split('|');
        const unpack=(words)=>Object.fromEntries(words.split('|').map((word,at)=>[keys[at],word]));
        export const LOCALES={${tables.join()}};`;
      return { contents, loader: 'js' };
    });
  },
};

async function bundle(entry, format, extra = {}) {
  const result = await esbuild.build({
    absWorkingDir: here,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format,
    target: ['chrome94', 'firefox93', 'safari15'],
    charset: 'utf8',
    legalComments: 'none',
    plugins: [cssText, wordsPacked],
    logLevel: 'warning',
    ...extra,
  });
  // Inside a module strict is given, and after the loader's banner the words would mean nothing.
  return Buffer.from(result.outputFiles[0].text.replace('"use strict";', ''));
}

const sha = (bytes, algorithm, encoding) => createHash(algorithm).update(bytes).digest(encoding);
const facts = (bytes) => ({ bytes: bytes.length, sha256: sha(bytes, 'sha256', 'hex'), integrity: 'sha384-' + sha(bytes, 'sha384', 'base64') });

async function localesOf(source) {
  const { code } = await esbuild.transform(readFileSync(join(here, source), 'utf8'), { loader: 'ts', format: 'esm' });
  return (await import('data:text/javascript;base64,' + Buffer.from(code).toString('base64'))).LOCALES;
}

async function texts() {
  const [app, files] = [await localesOf('src/app/words.ts'), await localesOf('src/files/texts.ts')];
  return Object.fromEntries(Object.keys(app).map((locale) => [locale, { ...app[locale], ...files[locale] }]));
}

export async function build() {
  const app = await bundle('src/app/index.ts', 'esm');
  const name = `app.${sha(app, 'sha256', 'hex').slice(0, 12)}.js`;
  const files = await bundle('src/files/index.ts', 'esm');
  const fileScript = `files.${sha(files, 'sha256', 'hex').slice(0, 12)}.js`;
  const loader = await bundle('src/loader/index.ts', 'iife', {
    // The very first statement, before anything that could fail.
    banner: { js: 'window.ConvoshipQueue=window.ConvoshipQueue||[];' },
    define: { __VERSION__: JSON.stringify(version), __APP__: JSON.stringify(name) },
  });
  const manifest = { version, loader: 'v1.js', app: name, file_script: fileScript, files: { 'v1.js': facts(loader), [name]: facts(app), [fileScript]: facts(files) } };
  const json = (value) => Buffer.from(JSON.stringify(value, null, 2) + '\n');
  return { 'v1.js': loader, [name]: app, [fileScript]: files, 'manifest.json': json(manifest), 'texts.json': json(await texts()) };
}

const files = await build();
const present = existsSync(out) ? readdirSync(out) : [];
if (process.argv.includes('--check')) {
  const stale = Object.entries(files).filter(([name, bytes]) => !present.includes(name) || !readFileSync(join(out, name)).equals(bytes));
  const extra = present.filter((name) => !(name in files));
  if (stale.length || extra.length) {
    console.error(`static/widget is not what the sources give (${[...stale.map(([n]) => n), ...extra].join(', ')}): run npm run build`);
    process.exit(1);
  }
  console.log('static/widget is fresh');
} else {
  mkdirSync(out, { recursive: true });
  for (const name of present) if (!(name in files)) rmSync(join(out, name));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(out, name), bytes);
  console.log(Object.entries(files).map(([name, bytes]) => `${name} ${bytes.length}`).join('\n'));
}
