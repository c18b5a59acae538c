// Stack traces of bundled programs name the sources. Node's own `--enable-source-maps` would read every map at start;
// this reads one when the first error from its file is shown.
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

/** To be called in each thread, with the URL of a file in the bundle's folder. */
export function nameSources(entry) {
  const folder = new URL('.', entry).href;
  const maps = new Map();
  const mapOf = (url) => {
    if (!maps.has(url)) maps.set(url, readMap(url));
    return maps.get(url);
  };
  const named = (site) => {
    const text = String(site);
    const url = site.getFileName();
    if (!url?.startsWith(folder)) return text;
    const place = [site.getLineNumber(), site.getColumnNumber()];
    const origin = mapOf(url)?.findOrigin(...place);
    if (origin?.fileName === undefined) return text;
    const { fileName, lineNumber, columnNumber } = origin;
    const source = new URL(fileName, url).href;
    return text.replace(`${url}:${place.join(':')}`, `${source}:${lineNumber}:${columnNumber}`);
  };
  Error.prepareStackTrace = (error, sites) =>
    [headOf(error), ...sites.map((site) => `    at ${named(site)}`)].join('\n');
}

function headOf(error) {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return '<error>'; // its name or message throws when read
  }
}

function readMap(url) {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, 'utf8')));
  } catch {
    return undefined; // without its map a line of the bundle is shown
  }
}
