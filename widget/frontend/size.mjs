/** Holds the weight of the widget: brotli 11, kB = 1000 bytes. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';

const out = join(dirname(fileURLToPath(import.meta.url)), '../../static/widget');
const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));
const weigh = (name) => brotliCompressSync(readFileSync(join(out, name))).length;

const loader = weigh(manifest.loader);
const whole = loader + weigh(manifest.app);
const rows = [
  ['loader', loader, 3000],
  ['whole text conversation', whole, 25000],
];
for (const [what, bytes, limit] of rows) console.log(`${what}: ${bytes} B brotli, limit ${limit} B`);
if (rows.some(([, bytes, limit]) => bytes > limit)) process.exit(1);
