// Bundles a snippet's component into a small app of its framework: `node build.mjs react|vue SNIPPET OUT`.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileScript, parse } from 'vue/compiler-sfc';

const here = dirname(fileURLToPath(import.meta.url));
const widget = createRequire(resolve(here, '../../../widget/frontend/package.json'));
const esbuild = widget('esbuild');
const [kind, snippet, outfile] = process.argv.slice(2);

const singleFileComponents = {
  name: 'vue',
  setup(build) {
    build.onLoad({ filter: /\.vue$/ }, ({ path }) => {
      const { descriptor, errors } = parse(readFileSync(path, 'utf8'), { filename: path });
      if (errors.length) return { errors: errors.map((error) => ({ text: String(error) })) };
      return { contents: compileScript(descriptor, { id: 'convoship' }).content, loader: 'js', resolveDir: here };
    });
  },
};

await esbuild.build({
  entryPoints: [resolve(here, kind === 'vue' ? 'vue.js' : 'react.jsx')],
  bundle: true,
  outfile,
  format: 'iife',
  jsx: 'automatic',
  nodePaths: [resolve(here, 'node_modules')],
  alias: { 'the-snippet': resolve(snippet) },
  // Development builds: React's StrictMode mounts everything twice in them.
  define: { 'process.env.NODE_ENV': '"development"', __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
  plugins: [singleFileComponents],
  logLevel: 'warning',
});
